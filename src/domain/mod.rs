//! Layer 1: what every cluster that kubeadm or kubewright makes has in common, as data: paths, components, when
//! a certificate expires soon, and what the Pods of a network test are asked.

pub mod certificates;
pub mod network_probe;
pub mod paths;
