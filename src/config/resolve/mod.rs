//! From documents, flags and facts to what is meant: defaults filled in, every value judged.
//!
//! Each function reports what is wrong and returns a configuration all the same; the caller throws it away when
//! the report is not clean. That is how all errors come at once.

mod authorization;
mod cluster;
mod component;
mod endpoint;
mod etcd;
mod gates;
mod init;
mod join;
mod mix;
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
