//! The one integration-test binary: one link step instead of one per file.
//!
//! What belongs where:
//! - `cli`: whole screens: help, results, errors and exit codes
//! - `support`: running the built binary, comparing with golden files
//! - `render`: manifests and kubelet files against kubeadm's own and the real components
//! - `reference`: every recorded case of real kubeadm against what `init --rootfs` writes
//! - `tidy`: the conventions of the source tree
//! - `docs`: what the documents say is true
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

mod cli;
mod docs;
mod reference;
mod render;
mod support;
mod tidy;
