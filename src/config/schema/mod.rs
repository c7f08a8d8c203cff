//! The kinds and fields of kubeadm's configuration API, version by version, and of kubewright's own `Cluster`; and the
//! check of documents against them.
//!
//! Sources: `cmd/kubeadm/app/apis/kubeadm/v1beta{1,2,3,4}/types.go` and `apis/bootstraptoken/v1/types.go` of
//! kubernetes/kubernetes, v1.20 to v1.36.

mod check;
mod cluster;
mod component;
mod describe;
mod hosts;
mod identify;
mod json;
mod kind;
mod node;
mod parts;
mod shape;
mod suggest;
mod tasks;
mod unit;

pub use describe::markdown;
pub use hosts::{ROLES, SUDO};
pub use identify::Document;
pub use json::{json_schema, json_schema_of};
pub use kind::Kind;

pub(super) use check::check;
pub(super) use component::check_component;
pub(super) use identify::{Identified, identify};

#[cfg(test)]
mod tests;
