//! Layer 3: SSH, as users of OpenSSH expect it. Reads `ssh_config` and `known_hosts`, connects to hosts, runs commands on
//! them, as root if need be, and uploads the program that does the work there.
//!
//! [`SshConfig`] turns what was typed into a [`Target`]; a [`Connector`] opens a [`Host`] for it, directly or through
//! jump hosts, and never without having verified its host key.

mod agent;
mod algorithms;
mod capture;
pub mod check;
pub mod config;
mod connector;
mod error;
mod exec;
mod facts;
mod framing;
mod host;
pub mod host_key;
mod jump;
mod key_file;
pub mod known_hosts;
mod line;
mod login;
mod markers;
mod offers;
mod privilege;
mod pulse;
mod root;
mod session;
mod shell;
mod socket;
mod stream;
mod sudo;
mod system;
mod target;
mod transport;
mod trust;
mod upload;
mod wire;

pub use capture::Captured;
pub use config::SshConfig;
pub use connector::{Connector, Prompts};
pub use error::{SshError, SudoError, UploadError};
pub use facts::Facts;
pub use host::Host;
pub use host_key::{HostKey, Pin};
pub use line::RemoteCommand;
pub use privilege::{Privilege, Way};
pub use shell::Limits;
pub use target::{Address, Keepalive, Overrides, Target, Transports, UnknownKeys};
pub use transport::{Established, Exit, Sink, Stream};
pub use upload::Uploaded;
