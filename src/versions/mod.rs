//! Layer 1: Kubernetes versions, and what differs from one minor to the next.

pub mod api_version;
pub mod fact;
mod minors;
pub mod table;
pub mod version;

pub use api_version::ApiVersion;
pub use table::{Minor, OLDEST, facts, newest, window};
pub use version::Version;
