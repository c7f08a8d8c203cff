//! The API objects that `init` creates, as JSON values in the order in which they are sent.
//!
//! Pure: configuration in, objects out; callers read and send. Differences between minor versions are in
//! `versions::{addons, proxy_fields, table}`, the objects in `templates/objects/`. They equal those of kubeadm of the
//! same minor version, except that kube-proxy's ServiceAccount always precedes its Pods (some minor versions send it
//! last).

pub mod addon;
pub mod addons;
pub mod bootstrap_token;
pub mod checksum;
mod config_map;
pub mod corefile;
pub mod existing;
pub mod flannel;
pub mod mark;
mod object;
mod object_error;
pub mod proxy_config;
mod rbac;
mod templates;
pub mod upload_certs;
pub mod upload_config;

pub use object::{Object, manifest};
pub use object_error::ObjectError;

#[cfg(test)]
mod tests;
