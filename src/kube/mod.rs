//! Layer 2: the Kubernetes API, from one request up to "this object is as it should be".
//!
//! `request` and `kind` say what is sent, `client` is the only code that sends it, `cluster` is what callers
//! hold: it reads straight, writes through the gate and remembers what a dry run would have
//! written. `apply` brings objects into the state that is wanted, `ready` waits, `discovery` finds a
//! cluster and proves that it is the right one, `token` knows bootstrap tokens.

pub mod apply;
pub mod client;
pub mod cluster;
pub mod discovery;
pub mod error;
pub mod kind;
pub mod node;
pub mod ready;
pub mod request;
mod shown;
#[cfg(test)]
pub(crate) mod test_api;
pub mod token;

pub use client::{Access, Client};
pub use cluster::Cluster;
pub use error::KubeError;
pub use kind::{Kind, ObjectRef};
