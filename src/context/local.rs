//! What the context knows of the host it works on.

use super::Context;
use crate::base::fault::Result;
use crate::host::facts;
use crate::host::service::Services;

/// The kubelet's service.
const KUBELET: &str = "kubelet";

impl Context {
    /// The host's own name, as the kubelet would take it. A folder of files that has none is taken to
    /// be the host of its node's name.
    ///
    /// # Errors
    /// When the files that hold the name cannot be read.
    pub fn host_name(&self) -> Result<String> {
        let name = facts::hostname(&self.host)?;
        if name.is_empty() { Ok(self.node()?.name.clone()) } else { Ok(name) }
    }

    /// True when systemd-resolved runs, so that Pods must not get its local address as their name server.
    pub fn systemd_resolved(&self) -> bool {
        facts::has_resolved(&self.host)
    }

    /// The container runtime's socket: the one that was given, or the minor's default.
    ///
    /// # Errors
    /// When the command has no configuration.
    pub fn cri_socket(&self) -> Result<String> {
        match &self.node()?.cri_socket {
            Some(given) => Ok(given.clone()),
            None => Ok(self.facts()?.default_cri_socket.to_owned()),
        }
    }

    /// Restarts the kubelet, after its files have changed.
    ///
    /// # Errors
    /// When the service does not start.
    pub fn restart_kubelet(&self) -> Result<()> {
        if self.files.is_live() {
            Services::of(&self.host).restart(KUBELET)?;
        }
        Ok(())
    }
}
