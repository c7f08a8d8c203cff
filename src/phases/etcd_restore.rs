//! Restores a snapshot of etcd on this control plane, as a new cluster of one member: `etcd snapshot restore`.

pub mod check;
pub mod prepare;
pub mod prove;
pub mod start;
pub mod swap;
#[cfg(test)]
mod tests;
