//! Layer 2: this machine. Its commands, services, addresses, kernel and container runtime.
//!
//! Only this engine runs local programs. It knows nothing of the other engines.

pub mod command;
pub mod cri;
pub mod detached;
pub mod docker;
mod drop_ins;
pub mod error;
pub mod facts;
pub mod flush;
pub mod fstab;
pub mod held;
pub mod ipsets;
pub mod ipvs;
pub mod kernel;
pub mod kubelet_flags;
pub mod links;
pub mod listeners;
pub mod lock;
pub mod modules;
pub mod mounts;
pub mod network;
pub mod network_probe;
pub mod packages;
pub mod packet_rules;
pub mod pod_processes;
pub mod removal;
pub mod runs;
pub mod service;
pub mod space;
pub mod swap;
pub mod swap_units;
pub mod sysctl;
pub mod tally;
pub mod tree_copy;
pub mod tree_move;
pub mod users;

pub use command::{Command, Host, Output};
pub use error::HostError;
