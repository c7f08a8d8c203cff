//! YAML as a tree that knows where each key and value stands in the file.
//!
//! Reads bytes; writes nothing. Scalars get the types that Go's readers of Kubernetes give them
//! (YAML 1.1: `yes` and `on` are booleans, `0644` is octal), so a file means here what it means to
//! kubeadm.

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
