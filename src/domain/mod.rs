//! Layer 1: what every cluster that kubeadm or kubewright makes has in common, as data: paths, components.

pub mod paths;
