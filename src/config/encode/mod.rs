//! Writes kubeadm's configuration documents from what they mean: the same fields, in the same form, with the same
//! defaults spelled out, as kubeadm of that minor writes them.
//!
//! v1beta2 is the oldest version that a supported minor writes; asked for v1beta1, it is written in its place.
//!
//! Reads the resolved types of `model`; writes nothing but values and texts. Documents with tokens or keys in them
//! are [`Secret`](crate::base::secret::Secret) texts.

mod cluster;
mod fields;
mod node;

pub use cluster::{cluster_configuration, cluster_status, uploaded_cluster_configuration};
pub use node::{control_plane_taints, init_configuration, join_configuration};

pub(super) use fields::Fields;
pub(super) use node::{init_value, join_value, timeouts};

#[cfg(test)]
mod tests;
