//! Layer 1: what every cluster that kubeadm or kubewright makes has in common, as data: paths, components, and what
//! the Pods of a network test are asked.

pub mod network_probe;
pub mod paths;
