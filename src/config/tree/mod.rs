//! YAML as a tree that records the position of each key and value.
//!
//! Scalars have the types that Kubernetes' Go parsers give them (YAML 1.1: `yes` and `on` are booleans, `0644` is
//! octal), so a file has the same meaning as for kubeadm.

mod defects;
mod load;
mod node;
mod scalar;
mod typed;

pub use load::{Loaded, MAX_BYTES, load};
pub use node::{Entry, Mark, Node, Value};
pub use scalar::is_text;
pub use typed::TypeError;

#[cfg(test)]
mod tests;
