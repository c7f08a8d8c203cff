//! Layer 1: from what was typed to what is meant.
//!
//! `tree` reads YAML with its places, `schema` knows kubeadm's kinds and fields, `validate` judges
//! single values, `resolve` turns documents, flags and facts of the host into `model`: the resolved
//! types that every phase reads, complete, checked, and free of the differences between API versions.

pub mod model;
pub mod problem;
pub mod tree;

pub use model::{ClusterConfig, InitConfig, JoinConfig, NodeConfig};
pub use problem::{ConfigErrors, Problem, Warning};
