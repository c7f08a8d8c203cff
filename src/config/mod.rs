//! Layer 1: from files and flags to a resolved configuration.
//!
//! `tree` parses YAML with positions, `untrusted` parses documents without a schema, `schema` defines kubeadm's kinds
//! and fields, `validate` checks single values, and `resolve` turns documents, flags and host facts into `model`,
//! `reset_config` and `upgrade_config`: types that are complete, validated, and independent of the API version.
//! `cluster` resolves `Cluster`, the hosts that the commands for many hosts read, and composes the documents of each.
//! `encode` writes them back as kubeadm would, `print` writes the defaults, and `migrate` edits a file's text from one
//! API version to a newer one.

pub mod bootstrap_token;
pub mod cluster;
pub mod difference;
pub mod documents;
pub mod encode;
pub mod facts;
pub mod flags;
pub mod images;
pub mod kubeconfig;
pub mod migrate;
pub mod model;
pub mod pod_network;
pub mod print;
pub mod problem;
pub mod reset_config;
mod resolve;
pub mod schema;
pub mod token;
pub mod tree;
pub mod untrusted;
pub mod upgrade_config;
pub mod validate;

pub use documents::{Documents, Resolved, parse};
pub use facts::Facts;
pub use flags::{InitFlags, JoinFlags, ResetFlags, UpgradeFlags};
pub use model::{ClusterConfig, InitConfig, JoinConfig, NodeConfig};
pub use problem::{ConfigErrors, Place, Problem, Warning};
pub use reset_config::ResetConfig;
pub use schema::Kind;
pub use upgrade_config::{UpgradeConfig, UpgradeTask};
