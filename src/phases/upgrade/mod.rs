//! The phases of `upgrade apply` and `upgrade node`.
//!
//! The static Pods come first, one after the other. Each must be ready under its new image before the next one changes;
//! otherwise this host goes back to what it ran before (`going_back`). What the cluster stores changes only when all of
//! them are ready. With `--finish` the kubelet is replaced after all that (`host`).

pub mod addons;
pub mod component;
mod corefile;
pub mod error;
pub mod exits;
mod explained;
pub mod finish;
pub mod going_back;
pub mod half_done;
pub mod host;
pub mod kubelet;
pub mod node_marks;
pub mod preflight;
pub mod rbac;
mod recovered;
pub mod snapshot;
pub mod static_pod;
pub mod upload_kubelet;
pub mod verify;

#[cfg(test)]
mod tests;
