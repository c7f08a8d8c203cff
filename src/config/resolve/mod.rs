//! From documents, flags and facts to the resolved configuration: defaulted and validated.
//!
//! Each function reports errors and returns a configuration anyway, which the caller discards if there are any. That is
//! how all errors are reported at once.

mod cluster;
mod component;
mod endpoint;
mod etcd;
mod flag_conflicts;
mod gates;
mod init;
mod join;
mod networking;
mod node;
mod reset;
mod section;
mod timeouts;
mod tokens;
mod upgrade;
mod version;

pub(super) use cluster::cluster;
pub(super) use init::init;
pub(super) use join::join;
pub(super) use reset::reset;
pub(super) use upgrade::upgrade;

#[cfg(test)]
mod tests;
