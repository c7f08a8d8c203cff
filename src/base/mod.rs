//! Layer 0: the foundation of all other layers, independent of Kubernetes.

pub mod chroot_path;
pub mod env;
pub mod events;
pub mod exit_code;
pub mod fault;
pub mod files;
pub mod gate;
pub mod go_duration;
pub mod go_yaml;
pub mod https;
pub mod interrupt;
pub mod masked;
pub mod move_away;
pub mod output;
pub mod parallel;
pub mod pem;
pub mod pin;
pub mod proxy;
pub mod record;
pub mod sanitize;
pub mod secret;
pub mod serving_cert;
pub mod shell_word;
pub mod suggest;
pub mod tar_gz;
pub mod wait;
pub mod wrap;
pub mod yaml;

pub use fault::{Failure, Fault, Result};
