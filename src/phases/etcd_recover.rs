//! Brings a cluster back from the data of one member, after the majority of its members is lost: `etcd recover`.

pub mod check;
pub mod copy;
pub mod force;
pub mod prove;
pub mod start;
#[cfg(test)]
mod tests;
