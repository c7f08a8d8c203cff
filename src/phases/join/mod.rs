//! The phases of `join` that `init` does not have.

pub mod discovery;
pub mod download_certs;
pub mod error;
pub mod etcd;
pub mod kubelet_api;
pub mod kubelet_start;
pub mod prepare;
pub mod update_status;
pub mod wait_bootstrap;

#[cfg(test)]
mod tests;
