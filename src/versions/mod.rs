//! Layer 1: Kubernetes versions, and the differences between minor versions.

pub mod addons;
pub mod api_version;
pub mod component_fields;
pub mod corefile;
pub mod document;
pub mod fact;
mod field;
pub mod host_needs;
pub mod kubelet_fields;
mod kubelet_types;
pub mod minor;
mod minors;
pub mod networks;
pub mod proxy_fields;
pub mod releases;
pub mod removed_flags;
pub mod removed_gates;
pub mod table;
pub mod upgrade_policy;
pub mod version;

pub use api_version::ApiVersion;
pub use minor::Minor;
pub use table::{OLDEST, OutsideWindow, facts, facts_of, newest, window};
pub use version::Version;
