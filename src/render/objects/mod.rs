//! The API objects that `init` puts into a cluster, as JSON values, in the order in which they are sent.
//!
//! Pure: configuration in, objects out. Reads nothing and sends nothing; whoever calls it does both. What differs
//! between minors stands in `versions::{addons, proxy_fields, table}`, the shape of the objects in
//! `templates/objects/`. Equal to what kubeadm of the same minor makes, but that kube-proxy's ServiceAccount is
//! always there before its Pods (some minors send it last).

pub mod addon;
pub mod bootstrap_token;
pub mod checksum;
mod config_map;
pub mod coredns;
pub mod existing;
pub mod kube_proxy;
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
