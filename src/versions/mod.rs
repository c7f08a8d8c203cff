//! Layer 1: Kubernetes versions, and the differences between minor versions.

pub mod addons;
pub mod api_version;
pub mod document;
pub mod fact;
pub mod kubelet_fields;
mod minors;
pub mod proxy_fields;
pub mod table;
pub mod version;

pub use api_version::ApiVersion;
pub use table::{Minor, OLDEST, OutsideWindow, facts, facts_of, newest, window};
pub use version::Version;
