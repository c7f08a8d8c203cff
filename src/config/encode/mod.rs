//! Writes kubeadm's configuration documents as the kubeadm of a minor version does: same fields, same format, same
//! explicit defaults.
//!
//! v1beta2 is the oldest version that a supported minor version writes; it also stands in for v1beta1.
//!
//! Reads the resolved types of `model`; writes only values and text. Documents with tokens or keys are
//! [`Secret`](crate::base::secret::Secret) texts.

mod cluster;
mod fields;
mod node;

pub use cluster::{cluster_configuration, cluster_status, uploaded_cluster_configuration};
pub use node::{control_plane_taints, init_configuration, join_configuration};

pub(super) use fields::Fields;
pub(super) use node::{init_value, join_value, timeouts};

#[cfg(test)]
mod tests;
