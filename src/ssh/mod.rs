//! Layer 3: SSH, as users of OpenSSH expect it. Reads `ssh_config` and `known_hosts`, connects to hosts, runs commands on
//! them, as root if need be, and uploads the program that does the work there.
//!
//! [`SshConfig`] turns what was typed into a [`Target`]; a [`Connector`] opens a [`Host`] for it, directly or through
//! jump hosts, and never without having verified its host key.

mod capture;
pub mod config;
mod connector;
mod error;
mod facts;
mod framing;
mod host;
pub mod host_key;
mod key_file;
pub mod known_hosts;
mod line;
mod privilege;
mod sudo;
mod target;
mod transport;
mod upload;

pub use config::SshConfig;
pub use connector::{Connector, Prompts};
pub use error::SshError;
pub use facts::Facts;
pub use host::{Host, Limits};
pub use host_key::{HostKey, Pin};
pub use line::RemoteCommand;
pub use privilege::Privilege;
pub use target::{Address, Overrides, Target, Transports, UnknownKeys};
pub use transport::{Exit, Sink, Stream};
pub use upload::Uploaded;
