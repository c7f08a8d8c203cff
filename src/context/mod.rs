//! Layer 4: what an action may touch.
//!
//! One value that is handed to every phase: the configuration, the host's files, the gate, the
//! events, and the engines, which are opened when they are first asked for.

use crate::base::env::{Clock, Env, Random};
use crate::base::events::Events;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::config::model::{ClusterConfig, ControlPlaneJoin, InitConfig, JoinConfig, NodeConfig};
use std::collections::BTreeMap;

/// See the module's text.
pub struct Context {
    /// The clock.
    pub clock: Clock,
    /// The source of randomness.
    pub random: Random,
    /// The environment variables.
    pub vars: BTreeMap<String, String>,
    /// The effective user.
    pub uid: u32,
    /// Where to say what happens.
    pub events: Events,
    /// Where changes go through.
    pub gate: Gate,
    /// The host's files.
    pub files: HostFiles,
    /// What was asked for.
    pub task: Task,
    expected_keys: usize,
}

/// What a command was asked to do, with its configuration.
pub enum Task {
    /// Nothing that needs a configuration.
    None,
    /// `init`.
    Init(Box<InitConfig>, InitOptions),
    /// `join`.
    Join(Box<JoinConfig>),
}

/// Choices of `init` that are no configuration.
#[derive(Clone, Debug, Default)]
pub struct InitOptions {
    /// Store the control plane's certificates in the cluster.
    pub upload_certs: bool,
    /// Do not print the token.
    pub skip_token_print: bool,
    /// Do not print the certificate key.
    pub skip_certificate_key_print: bool,
}

/// An action asked for something that its command does not have: a fault of this build.
#[derive(Debug, thiserror::Error)]
#[error("this phase needs {0}, which this command does not have")]
pub struct Missing(&'static str);

impl Fault for Missing {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Internal
    }
}

impl Context {
    /// A context on the process, for a task.
    pub fn new(env: &Env, events: Events, files: HostFiles, gate: Gate, task: Task) -> Self {
        Self {
            clock: env.clock.clone(),
            random: env.random.clone(),
            vars: env.vars.clone(),
            uid: env.uid,
            events,
            gate,
            files,
            task,
            expected_keys: 0,
        }
    }

    /// The cluster's configuration.
    ///
    /// # Errors
    /// When the command has none.
    pub fn cluster(&self) -> Result<&ClusterConfig> {
        match &self.task {
            Task::Init(init, _) => Ok(&init.cluster),
            Task::None | Task::Join(_) => Err(Missing("a cluster configuration").into()),
        }
    }

    /// This host's configuration as a node.
    ///
    /// # Errors
    /// When the command has none.
    pub fn node(&self) -> Result<&NodeConfig> {
        match &self.task {
            Task::Init(init, _) => Ok(&init.node),
            Task::Join(join) => Ok(&join.node),
            Task::None => Err(Missing("a node configuration").into()),
        }
    }

    /// How many private keys this run will ask for.
    pub fn expect_keys(&mut self, count: usize) {
        self.expected_keys = count;
    }

    /// What a joining control plane has; None for everybody else.
    pub fn control_plane_join(&self) -> Option<&ControlPlaneJoin> {
        match &self.task {
            Task::Join(join) => join.control_plane.as_ref(),
            Task::None | Task::Init(..) => None,
        }
    }

    /// A context for unit tests: a fixed clock, the same randomness each time, nothing printed.
    #[cfg(test)]
    pub fn for_tests(root: &str) -> Self {
        let gate = Gate::open();
        Self {
            clock: Clock::fixed(1_800_000_000),
            random: Random::seeded(1),
            vars: BTreeMap::new(),
            uid: 0,
            events: Events::silent(),
            files: HostFiles::new(root, gate.clone()),
            gate,
            task: Task::None,
            expected_keys: 0,
        }
    }
}
