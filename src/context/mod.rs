//! Layer 4: what an action may touch.
//!
//! One value that is handed to every phase: the configuration, the host's files, the gate, the
//! events, and the engines, which are opened when they are first asked for.

pub mod access;
mod diagnosis;
mod joining;
pub mod leaving;
mod local;
pub mod renewal;
pub mod rotation;
mod runtime;

pub use joining::Joining;

use crate::base::env::{Clock, Env, Random};
use crate::base::events::Events;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::config::model::{ClusterConfig, ControlPlaneJoin, InitConfig, JoinConfig, NodeConfig, Timeouts};
use crate::host::Host;
use crate::kube::cluster::Cluster;
use crate::pki::keypool::KeyPool;
use crate::pki::keys::{Generator, KeySource};
use crate::pki::store::PkiStore;
use crate::pki::validity;
use crate::versions::Minor;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

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
    /// The host's programs and services.
    pub host: Host,
    /// What was asked for.
    pub task: Task,
    /// What the phases found out for the closing text.
    pub result: Findings,
    pki: Option<Arc<PkiStore>>,
    keys: Option<Arc<dyn KeySource>>,
    kube: Option<(PathBuf, Arc<Cluster>)>,
    joining: Option<Joining>,
    /// The runtime's socket, once it was found.
    socket: OnceLock<String>,
    pulling: Option<runtime::Pulling>,
    /// The cluster of a unit test, whoever asks.
    #[cfg(test)]
    pub fake: Option<Arc<Cluster>>,
}

/// What a command was asked to do, with its configuration.
pub enum Task {
    /// Nothing that needs a configuration.
    None,
    /// `init`.
    Init(Box<InitConfig>, InitOptions),
    /// `join`.
    Join(Box<JoinConfig>, JoinOptions),
    /// `reset` and `node remove`.
    Leave(Box<leaving::Leaving>),
    /// `certs renew`.
    Renew(Box<renewal::Renewal>),
}

/// What phases find out that the end of the command shows.
#[derive(Default)]
pub struct Findings {
    /// What to type on a host that becomes a worker.
    pub worker_join: Option<String>,
    /// What to type on a host that becomes a control plane.
    pub control_plane_join: Option<String>,
    /// The key with which the certificates in the cluster are sealed, as it may be shown.
    pub certificate_key: Option<String>,
}

/// Choices of `init` that are no configuration.
// Each is a switch of its own on the command line; there is no state machine among them.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default)]
pub struct InitOptions {
    /// Store the control plane's certificates in the cluster.
    pub upload_certs: bool,
    /// Do not print the token.
    pub skip_token_print: bool,
    /// Do not print the certificate key.
    pub skip_certificate_key_print: bool,
    /// Fix what preflight can fix.
    pub fix: bool,
    /// The kubeconfig of a single phase; None: admin.conf.
    pub kubeconfig: Option<PathBuf>,
    /// The directory of kubeconfig files of a single phase; None: /etc/kubernetes.
    pub kubeconfig_dir: Option<PathBuf>,
    /// Take over what another cluster left in an external etcd.
    pub adopt_etcd_data: bool,
}

/// Choices of `join` that are no configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct JoinOptions {
    /// Mend what preflight finds and can mend.
    pub fix: bool,
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
            host: Host::new(&env.vars, env.clock.clone(), files.clone(), gate.clone()),
            clock: env.clock.clone(),
            random: env.random.clone(),
            vars: env.vars.clone(),
            uid: env.uid,
            events,
            gate,
            files,
            task,
            result: Findings::default(),
            pki: None,
            keys: None,
            kube: None,
            joining: None,
            socket: OnceLock::new(),
            pulling: None,
            #[cfg(test)]
            fake: None,
        }
    }

    /// The cluster's configuration.
    ///
    /// # Errors
    /// When the command has none.
    pub fn cluster(&self) -> Result<&ClusterConfig> {
        match &self.task {
            Task::Init(init, _) => Ok(&init.cluster),
            Task::Join(..) => Ok(&self.joining()?.cluster),
            Task::Renew(renewal) => Ok(&renewal.cluster),
            Task::Leave(leaving) => Ok(&leaving.cluster),
            Task::None => Err(Missing("a cluster configuration").into()),
        }
    }

    /// This host's configuration as a node.
    ///
    /// # Errors
    /// When the command has none.
    pub fn node(&self) -> Result<&NodeConfig> {
        match &self.task {
            Task::Init(init, _) => Ok(&init.node),
            Task::Join(join, _) => Ok(&join.node),
            Task::Renew(renewal) => Ok(&renewal.node),
            Task::Leave(leaving) => Ok(&leaving.node),
            Task::None => Err(Missing("a node configuration").into()),
        }
    }

    /// Starts to make as many private keys as this run will ask for.
    pub fn expect_keys(&mut self, count: usize) {
        if let Ok(cluster) = self.cluster() {
            let algorithm = cluster.encryption_algorithm;
            self.keys = Some(Arc::new(KeyPool::start(algorithm, count, Arc::new(Generator))));
        }
    }

    /// Where private keys come from.
    pub fn keys(&mut self) -> Arc<dyn KeySource> {
        self.keys.get_or_insert_with(|| Arc::new(Generator)).clone()
    }

    /// The certificates folder of this host.
    ///
    /// # Errors
    /// When the command has no cluster configuration that names it.
    pub fn pki(&mut self) -> Result<Arc<PkiStore>> {
        if let Some(store) = &self.pki {
            return Ok(store.clone());
        }
        let dir = self.cluster()?.certificates_dir.clone();
        let store = PkiStore::new(self.files.clone(), dir, &self.clock, &self.random);
        let store = Arc::new(match &self.task {
            Task::Renew(renewal) => store.backing_up_to(renewal.backup.clone()),
            _ => store,
        });
        self.pki = Some(store.clone());
        Ok(store)
    }

    /// What is true of the cluster's minor.
    ///
    /// # Errors
    /// When the command has no cluster configuration.
    pub fn facts(&self) -> Result<&'static Minor> {
        Ok(validity::minor_of(self.cluster()?)?)
    }

    /// The deadlines of waits: the node's, or the defaults.
    pub fn timeouts(&self) -> Timeouts {
        self.node().map_or_else(|_| Timeouts::default(), |node| node.timeouts.clone())
    }

    /// What `init` was asked for.
    ///
    /// # Errors
    /// When the command is another.
    pub fn init(&self) -> Result<(&InitConfig, &InitOptions)> {
        match &self.task {
            Task::Init(init, options) => Ok((init, options)),
            Task::None | Task::Join(..) | Task::Leave(_) | Task::Renew(_) => {
                Err(Missing("the configuration of 'init'").into())
            }
        }
    }

    /// True when preflight is to mend what it can.
    pub fn mends(&self) -> bool {
        match &self.task {
            Task::Init(_, options) => options.fix,
            Task::Join(_, options) => options.fix,
            Task::None | Task::Leave(_) | Task::Renew(_) => false,
        }
    }

    /// Sets a field of the kubelets' configuration unless it is set; true when it was not.
    pub fn set_kubelet_default(&mut self, field: &str, value: &Value) -> bool {
        if let Task::Init(init, _) = &mut self.task {
            let is_new = !init.cluster.kubelet.contains_key(field);
            if is_new {
                init.cluster.kubelet.insert(field.to_owned(), value.clone());
            }
            return is_new;
        }
        self.joining.as_mut().is_some_and(|joining| joining.set_kubelet_default(field, value))
    }

    /// What a joining control plane has; None for everybody else.
    pub fn control_plane_join(&self) -> Option<&ControlPlaneJoin> {
        match &self.task {
            Task::Join(join, _) => join.control_plane.as_ref(),
            Task::None | Task::Init(..) | Task::Leave(_) | Task::Renew(_) => None,
        }
    }

    /// A context for unit tests: a fixed clock, the same randomness each time, nothing printed.
    #[cfg(test)]
    pub fn for_tests(root: &str) -> Self {
        let (gate, clock) = (Gate::open(), Clock::fixed(1_800_000_000));
        let files = HostFiles::new(root, gate.clone());
        Self {
            host: Host::new(&BTreeMap::new(), clock.clone(), files.clone(), gate.clone()),
            clock,
            random: Random::seeded(1),
            vars: BTreeMap::new(),
            uid: 0,
            events: Events::silent(),
            files,
            gate,
            task: Task::None,
            result: Findings::default(),
            pki: None,
            keys: None,
            kube: None,
            joining: None,
            socket: OnceLock::new(),
            pulling: None,
            fake: None,
        }
    }
}
