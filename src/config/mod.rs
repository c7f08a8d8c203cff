//! Layer 1: from what was typed to what is meant.
//!
//! `model` holds the resolved types that every phase reads: complete, checked, and free of the
//! differences between API versions.

pub mod encode;
pub mod kubeconfig;
pub mod model;
pub mod token;
pub mod print;

pub use model::{ClusterConfig, InitConfig, JoinConfig, NodeConfig};
