//! What the checks of an upgrade get, and the outcome of a check that failed.

use crate::base::fault::Failure;
use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::etcd::EtcdReading;
use crate::state::upgrade::finding::Outcome;
use crate::state::upgrade::hops::Hop;
use crate::versions::{Minor, Version};

/// What an upgrade is checked for.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub reading: &'a ClusterReading,
    pub etcd: &'a EtcdReading,
    pub target: &'a Version,
    /// The facts of its minor version.
    pub minor: &'static Minor,
    /// False if etcd is not upgraded.
    pub etcd_upgrade: bool,
    /// The upgrades whose packages are looked up as well.
    pub hops: &'a [Hop],
}

/// A check that failed with an error was not made.
pub(super) fn unchecked(failure: &Failure) -> Outcome {
    let causes: Vec<String> = std::iter::once(failure.to_string()).chain(failure.causes()).collect();
    Outcome::not_checked(causes.join(": "))
}
