//! The end of an upgrade on this host, with `--finish`: the node is cordoned and drained, the kubelet and its arguments are
//! replaced, and the node is uncordoned when it is Ready with the new version. If it does not become Ready, the former kubelet
//! is put back.

pub mod back;
pub mod due;
pub mod error;
pub mod kubelet;
pub mod packages;
pub mod pods;
pub mod proof;
pub mod release;

#[cfg(test)]
mod tests;
