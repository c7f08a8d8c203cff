//! What an upgrade finds: the versions of a cluster, what its files would become, and what would stop it. The plan of an upgrade and
//! the upgrade itself use the same readings.
//!
//! `cluster` and `etcd` read the cluster with a constant number of requests, `goal` selects versions, `component` compares
//! versions, `files` renders what this host's files become, `review` runs the checks.

mod cgroup_driver;
pub mod checks;
pub mod cluster;
pub mod component;
pub mod corefile;
pub mod error;
pub mod etcd;
pub mod files;
pub mod finding;
#[cfg(test)]
pub mod fixture;
pub mod goal;
pub mod hops;
mod own_pods;
pub mod progress;
pub mod same_pod;
pub mod target_config;
