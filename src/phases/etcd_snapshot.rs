//! Saves a snapshot of etcd: `etcd snapshot save`.

pub mod check;
pub mod error;
pub mod prune;
pub mod save;
#[cfg(test)]
mod tests;
