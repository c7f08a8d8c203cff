//! Layer 0: what every other layer stands on and what knows nothing of Kubernetes.

pub mod env;
pub mod events;
pub mod exit_code;
pub mod fault;
pub mod files;
pub mod folded;
pub mod foreign_text;
pub mod gate;
pub mod go_duration;
pub mod go_yaml;
pub mod https;
pub mod masked;
pub mod move_away;
pub mod nearest;
pub mod parallel;
pub mod pin;
pub mod proxy;
pub mod rooted;
pub mod secret;
pub mod shown_certificate;
pub mod wait;
pub mod yaml;

pub use fault::{Failure, Fault, Result};
