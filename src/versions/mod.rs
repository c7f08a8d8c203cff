//! Layer 1: Kubernetes versions, and what differs from one minor to the next.

pub mod version;

pub use version::Version;
