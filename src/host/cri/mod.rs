//! The container runtime, over its own API (CRI: gRPC on a unix socket), or Docker, which has none.
//!
//! Reads: the runtime's state, images, pods, containers and their logs. Writes: images and
//! containers, through the gate. Asynchronous inside, blocking outside; each call has a connection of
//! its own (some hundred microseconds), so a runtime that was restarted needs no second thought.

mod client;
mod docker;
mod endpoint;
mod error;
mod grpc;
mod logs;
pub mod messages;
mod pods;
mod pull;
mod socket;
mod status;
mod version;

#[cfg(test)]
pub(crate) mod fake;

pub use client::Cri;
pub use endpoint::{Endpoint, KNOWN};
pub use error::{CriError, Found, PullReason};
pub use grpc::decode;
pub use logs::{LogLine, tail};
pub use pods::{Container, ContainerState, ExitedContainer, Pod};
pub use pull::{Policy, PullErrors, Pulls, registry_of};
pub use socket::{find, kubelet_endpoint, probe};
pub use status::{CgroupDriver, Condition, Status};
pub use version::RuntimeVersion;
