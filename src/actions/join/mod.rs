//! The phases of `join` that `init` does not have.

pub mod bootstrap;
mod credentials;
pub mod discover;
pub mod download_certs;
pub mod earlier;
mod error;
pub mod etcd;
#[cfg(test)]
mod fixture;
mod kubelet_request;
pub mod kubelet_start;
pub mod prepare;
pub mod update_status;

#[cfg(test)]
mod tests;
