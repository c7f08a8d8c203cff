//! `Cluster`, the file with all hosts of a cluster: resolved, validated, and as the documents of `init` and `join` for each
//! host.

mod compose;
mod file;
mod host;
mod read;
mod target;

pub use compose::Credentials;
pub use file::{ClusterFile, Failures, GivenNetwork, Limits, Renew};
pub use host::{HostEntry, Role, Taint};
pub(super) use read::resolve;
pub use target::Target;

#[cfg(test)]
mod tests;
