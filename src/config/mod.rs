//! Layer 1: from what was typed to what is meant.
//!
//! `tree` reads YAML with its places, `untrusted` what has no schema here, `schema` knows kubeadm's kinds and fields, `validate` judges single values, and
//! `resolve` turns documents, flags and facts of the host into `model` and `lifecycle`: the resolved types that
//! every phase reads, complete, checked, and free of the differences between API versions. `encode` writes them back
//! as kubeadm would, `print` writes the defaults, and `migrate` edits a file's text from one API version to a newer one.

pub mod bootstrap_token;
pub mod difference;
pub mod documents;
pub mod encode;
pub mod facts;
pub mod flags;
pub mod images;
pub mod kubeconfig;
pub mod lifecycle;
pub mod migrate;
pub mod model;
pub mod print;
pub mod problem;
mod resolve;
pub mod schema;
pub mod token;
pub mod tree;
pub mod untrusted;
pub mod validate;

pub use documents::{Documents, Resolved, parse};
pub use facts::Facts;
pub use flags::{InitFlags, JoinFlags, ResetFlags, UpgradeFlags};
pub use lifecycle::{ResetConfig, UpgradeConfig, UpgradeTask};
pub use model::{ClusterConfig, InitConfig, JoinConfig, NodeConfig};
pub use problem::{ConfigErrors, Place, Problem, Warning};
pub use schema::Kind;
