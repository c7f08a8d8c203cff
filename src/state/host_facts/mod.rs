//! What a host says about itself to the commands for many hosts: one JSON document, which `kubewright host facts` prints
//! and another kubewright reads.
//!
//! A fact that could not be determined is absent and named in `unknown`, so that it is not taken for an answer.

mod cluster;
mod gather;
pub mod labels;
mod model;

pub use cluster::node;
pub use gather::gather;
pub use model::{
    CertificateFacts, ClusterFacts, HostFacts, MANAGED, Managed, NodeFacts, NodeObject, PENDING, RunFacts, pending,
};
