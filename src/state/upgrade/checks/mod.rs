//! The checks before an upgrade that kubeadm does not make. Each one is a function of what was read; a check that could not be made is
//! listed as such.

mod arguments;
mod certificates;
pub mod cgroup_driver;
mod component_config;
mod corefile;
mod etcd;
mod hand_edits;
mod host;
mod nodes;
mod removed_apis;
mod review;
mod subject;

pub use hand_edits::hand_edits;
pub use review::review;
pub use subject::Subject;
