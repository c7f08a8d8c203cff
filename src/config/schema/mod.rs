//! The kinds and fields of kubeadm's configuration API, version by version, and the check of documents against them.
//!
//! Sources: `cmd/kubeadm/app/apis/kubeadm/v1beta{1,2,3,4}/types.go` and `apis/bootstraptoken/v1/types.go` of
//! kubernetes/kubernetes, v1.20 to v1.36.

mod check;
mod cluster;
mod component;
mod describe;
mod identify;
mod kind;
mod node;
mod shape;
mod suggest;
mod tasks;

pub use describe::markdown;
pub use identify::Document;
pub use kind::Kind;

pub(super) use check::check;
pub(super) use identify::identify;

#[cfg(test)]
mod tests;
