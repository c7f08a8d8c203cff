//! Layer 2: the Kubernetes API, from single requests to objects in the desired state.
//!
//! `request` and `kind` define requests, `client` is the only code that sends them, `cluster` is what callers use: it
//! reads directly, writes through the gate and remembers what a dry run would have written. `apply` brings objects into
//! the desired state, `ready` waits, `discovery` finds a cluster and verifies it, `token` handles bootstrap tokens,
//! `server_side` applies objects of any kind, `lease` lets one run in the cluster continue at a time, `network_test` tests the
//! network of Pods.

pub mod api_servers;
pub mod apply;
pub mod client;
pub mod cluster;
pub mod discovery;
pub mod download;
pub mod error;
pub mod kind;
pub mod lease;
pub mod network_test;
pub mod node;
pub mod ready;
pub mod request;
mod server_side;
mod shown;
#[cfg(test)]
pub(crate) mod test_api;
pub mod token;
pub mod via;

pub use client::{Access, Client};
pub use cluster::Cluster;
pub use error::KubeError;
pub use kind::{Kind, ObjectRef};
