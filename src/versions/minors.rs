//! The table: v1.20 in full in `first`, and each later minor version in `changes` as its changes.
//!
//! A comment above facts gives their source: a file in `cmd/kubeadm/app/` of kubernetes/kubernetes at a release of that
//! minor version, or a pull request (#N) of that repository named in its release notes. The image tags of all patch
//! releases are from `pkg/minikube/constants/constants_kubeadm_images.go` in kubernetes/minikube, which records the
//! output of `kubeadm config images list` for each release. A fact that differs between patch releases and is not a
//! `PerPatch` is that of the newest. `UNCONFIRMED` lists facts without a source.

mod changes;
mod first;

use super::minor::Minor;
use changes::{
    V1_21, V1_22, V1_23, V1_24, V1_25, V1_26, V1_27, V1_28, V1_29, V1_30, V1_31, V1_32, V1_33, V1_34, V1_35, V1_36,
    V1_37,
};
use first::V1_20;

/// All minor versions, oldest first.
pub(super) static ALL: &[Minor] = &[
    V1_20, V1_21, V1_22, V1_23, V1_24, V1_25, V1_26, V1_27, V1_28, V1_29, V1_30, V1_31, V1_32, V1_33, V1_34, V1_35,
    V1_36, V1_37,
];

/// The newest minor version.
pub(super) static NEWEST: Minor = V1_37;

/// Facts whose minor version could not be confirmed with a source of that version: the field, the minor version in
/// which it is assumed to have changed, and what is known. Included in docs/versions.md.
pub(super) static UNCONFIRMED: &[(&str, u16, &str)] = &[
    ("leaf_basic_constraints", 21, "absent in v1.20, present in v1.22; came with certificate chains, v1.21 (#97266)"),
    ("images_dns_before_pause", 29, "last in v1.28.4, before pause in v1.31; reviewed in October 2023 (#114534)"),
    ("leaf_starts_with_ca", 31, "true in v1.22, false in v1.31, where validity periods came with v1beta4"),
    ("sorts_extra_args", 32, "true in v1.31.14, false in the last patches of v1.32 to v1.35 and in v1.36"),
    ("kubelet_api_binding", 33, "brought to v1.33, v1.34, v1.35 and v1.36 by patch releases of May 2026 (#138957)"),
    ("etcd_args", 37, "v1.36's are assumed for v1.37: etcd 3.7 keeps both flags"),
];
