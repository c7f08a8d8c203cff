//! How the hosts of a file are reached over SSH: the target of each line, and the way to root.

use crate::base::fault::Result;
use crate::config::cluster::HostEntry;
use crate::ssh::{Address, Overrides, Privilege, SshConfig, Target, Transports, UnknownKeys};
use std::path::PathBuf;

/// What decides beside the lines of the file.
pub struct Reach {
    pub config: SshConfig,
    pub unknown_keys: Option<UnknownKeys>,
    pub transport: Option<Transports>,
    /// What `~` is in the file.
    pub home: PathBuf,
}

impl Reach {
    /// The target of a line.
    pub fn target(&self, entry: &HostEntry) -> Result<Target> {
        let given = &entry.target;
        let address = Address { user: given.user.clone(), host: given.host.clone(), port: given.port };
        let overrides = Overrides {
            keys: entry.key.iter().map(|key| self.path(key)).collect(),
            jump: entry.jump.clone(),
            pins: entry.host_key.iter().filter_map(|pin| pin.parse().ok()).collect(),
            unknown_keys: self.unknown_keys,
            transport: self.transport,
            ..Overrides::default()
        };
        Ok(self.config.resolve(&address, &overrides)?)
    }

    fn path(&self, text: &str) -> PathBuf {
        text.strip_prefix("~/").map_or_else(|| PathBuf::from(text), |rest| self.home.join(rest))
    }
}

/// How commands become root on the host of a line.
pub fn privilege(entry: &HostEntry) -> Privilege {
    match entry.sudo.as_str() {
        "sudo" => Privilege::Sudo,
        "doas" => Privilege::Doas,
        "none" => Privilege::Login,
        _ => Privilege::Auto,
    }
}
