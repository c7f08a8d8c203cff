//! Layer 5: everything that a phase can use.
//!
//! [`Run`] is passed to every phase: the context that all workflows have, which is the configuration, the host's files, the
//! gate, the events, and the engines, opened on first use; and the options and results of its workflow.

pub mod access;
mod diagnosis;
pub mod etcd_task;
mod init;
mod joining;
pub mod leaving;
mod local;
mod named_files;
pub mod own_cluster;
pub mod renewal;
pub mod rotation;
mod runtime;
pub mod upgrading;

pub use etcd_task::{Recovery, Restoring, Saving};
pub use init::{Findings, Init, InitOptions, NetworkProof};
pub use joining::Joining;
pub use leaving::{Elsewhere, Leaving, Place, Reset};
pub use renewal::{Renewal, Rotating, Upgrading};

#[cfg(test)]
use crate::base::env::Clock;
use crate::base::env::{Env, Random};
use crate::base::events::Events;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::config::model::{ClusterConfig, NodeConfig, Timeouts};
use crate::domain::paths::ADMIN_CONF;
use crate::host::Host;
use crate::host::cri::PullErrors;
use crate::kube::cluster::Cluster;
use crate::pki::keypool::KeyPool;
use crate::pki::keys::{Generator, KeySource};
use crate::pki::store::PkiStore;
use crate::pki::validity;
use crate::versions::Minor;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

/// Image pulls in progress.
type Pulling = JoinHandle<Result<usize, PullErrors>>;

pub struct Context {
    /// The source of randomness.
    pub random: Random,
    /// The environment variables.
    pub vars: BTreeMap<String, String>,
    /// The effective user.
    pub uid: u32,
    /// Where events are reported.
    pub events: Events,
    /// This host: its files, programs and clock, and the gate that applies changes.
    pub host: Host,
    /// What is configured, as far as this command has it.
    pub config: Config,
    pub lifecycle: Lifecycle,
    /// The kubeconfig with which phases write into that cluster.
    pub admin: PathBuf,
    /// Where certificates and keys that are replaced are kept; None: they are not.
    pub backup: Option<PathBuf>,
    pki: Option<Arc<PkiStore>>,
    keys: Option<Arc<dyn KeySource>>,
    kube: Option<(PathBuf, Arc<Cluster>)>,
    /// The API server of this host, which is used instead of the addresses in kubeconfigs.
    own_server: Option<String>,
    /// The runtime's socket, once found.
    socket: OnceLock<String>,
    pulling: Option<Pulling>,
    /// The cluster of a unit test, for every kubeconfig.
    #[cfg(test)]
    pub fake: Option<Arc<Cluster>>,
}

/// The configuration of the cluster, and of this host as a node of it.
#[derive(Default)]
pub struct Config {
    pub cluster: Option<ClusterConfig>,
    pub node: Option<NodeConfig>,
}

/// What the run does with the cluster of its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// It exists, and its components keep their configuration.
    Existing,
    /// This host is its first: until its API server responds, it is treated as empty.
    New,
    /// This host joins it.
    Joined,
    /// This host is upgraded.
    Upgraded,
}

/// A run of the workflow `W`: the context that every workflow has, and the workflow's own options and results.
pub struct Run<W> {
    pub cx: Context,
    pub work: W,
}

impl<W> Deref for Run<W> {
    type Target = Context;
    fn deref(&self) -> &Context {
        &self.cx
    }
}

impl<W> DerefMut for Run<W> {
    fn deref_mut(&mut self) -> &mut Context {
        &mut self.cx
    }
}

/// An action needs a configuration that its command does not have, or a result of an earlier phase: a bug in this build.
#[derive(Debug, thiserror::Error)]
#[error("this phase needs {0}, which this command does not have")]
pub struct Missing(&'static str);

impl Fault for Missing {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Internal
    }
}

impl Context {
    /// A context in this process, without a configuration.
    pub fn new(env: &Env, events: Events, files: HostFiles, gate: Gate) -> Self {
        Self {
            host: Host::new(&env.vars, env.clock.clone(), files, gate),
            random: env.random.clone(),
            vars: env.vars.clone(),
            uid: env.uid,
            events,
            config: Config::default(),
            lifecycle: Lifecycle::Existing,
            admin: ADMIN_CONF.into(),
            backup: None,
            pki: None,
            keys: None,
            kube: None,
            own_server: None,
            socket: OnceLock::new(),
            pulling: None,
            #[cfg(test)]
            fake: None,
        }
    }

    /// The same, with the configuration of a cluster and of this host.
    #[must_use]
    pub fn configured(mut self, cluster: ClusterConfig, node: NodeConfig) -> Self {
        self.config = Config { cluster: Some(cluster), node: Some(node) };
        self
    }

    /// The cluster's configuration.
    pub fn cluster(&self) -> Result<&ClusterConfig> {
        Ok(self.config.cluster.as_ref().ok_or(Missing("a cluster configuration"))?)
    }

    /// This host's configuration as a node.
    pub fn node(&self) -> Result<&NodeConfig> {
        Ok(self.config.node.as_ref().ok_or(Missing("a node configuration"))?)
    }

    /// Starts to generate the private keys that this run needs.
    pub fn expect_keys(&mut self, count: usize) {
        if let Ok(cluster) = self.cluster() {
            let algorithm = cluster.encryption_algorithm;
            self.keys = Some(Arc::new(KeyPool::start(algorithm, count, Arc::new(Generator))));
        }
    }

    /// The source of private keys.
    pub fn keys(&mut self) -> Arc<dyn KeySource> {
        self.keys.get_or_insert_with(|| Arc::new(Generator)).clone()
    }

    /// The certificate directory of this host.
    pub fn pki(&mut self) -> Result<Arc<PkiStore>> {
        if let Some(store) = &self.pki {
            return Ok(store.clone());
        }
        let dir = self.cluster()?.certificates_dir.clone();
        let store = PkiStore::new(self.host.files.clone(), dir, &self.host.clock, &self.random);
        let store = Arc::new(match &self.backup {
            Some(directory) => store.backing_up_to(directory.clone()),
            None => store,
        });
        self.pki = Some(store.clone());
        Ok(store)
    }

    /// The facts about the cluster's minor version.
    pub fn facts(&self) -> Result<&'static Minor> {
        Ok(validity::minor_of(self.cluster()?)?)
    }

    /// The timeouts: the node's, or the defaults.
    pub fn timeouts(&self) -> Timeouts {
        self.node().map_or_else(|_| Timeouts::default(), |node| node.timeouts.clone())
    }

    /// A context for unit tests: a fixed clock, the same randomness each time, nothing printed.
    #[cfg(test)]
    pub fn for_tests(root: &str) -> Self {
        let (gate, clock) = (Gate::open(), Clock::fixed(1_800_000_000));
        let files = HostFiles::new(root, gate.clone());
        Self {
            host: Host::new(&BTreeMap::new(), clock, files, gate),
            random: Random::seeded(1),
            vars: BTreeMap::new(),
            uid: 0,
            events: Events::silent(),
            config: Config::default(),
            lifecycle: Lifecycle::Existing,
            admin: ADMIN_CONF.into(),
            backup: None,
            pki: None,
            keys: None,
            kube: None,
            own_server: None,
            socket: OnceLock::new(),
            pulling: None,
            fake: None,
        }
    }
}
