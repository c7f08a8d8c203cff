//! Layer 4: everything that an action can use.
//!
//! One value that is passed to every phase: the configuration, the host's files, the gate, the
//! events, and the engines, which are opened on first use.

pub mod access;
mod diagnosis;
pub mod etcd_task;
mod joining;
pub mod leaving;
mod local;
pub mod renewal;
pub mod rotation;
mod runtime;
mod tasks;
pub mod upgrading;

use crate::host::cri::PullErrors;
pub use joining::Joining;
use std::thread::JoinHandle;

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
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Image pulls in progress.
type Pulling = JoinHandle<Result<usize, PullErrors>>;

pub struct Context {
    /// The clock.
    pub clock: Clock,
    /// The source of randomness.
    pub random: Random,
    /// The environment variables.
    pub vars: BTreeMap<String, String>,
    /// The effective user.
    pub uid: u32,
    /// Where events are reported.
    pub events: Events,
    /// The gate that applies changes.
    pub gate: Gate,
    /// The host's files.
    pub files: HostFiles,
    /// The host's programs and services.
    pub host: Host,
    /// The command and its configuration.
    pub task: Task,
    /// Results of phases for the closing text.
    pub result: Findings,
    pki: Option<Arc<PkiStore>>,
    keys: Option<Arc<dyn KeySource>>,
    kube: Option<(PathBuf, Arc<Cluster>)>,
    joining: Option<Joining>,
    /// The runtime's socket, once found.
    socket: OnceLock<String>,
    pulling: Option<Pulling>,
    /// The cluster of a unit test, for every kubeconfig.
    #[cfg(test)]
    pub fake: Option<Arc<Cluster>>,
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

/// A command with its configuration.
pub enum Task {
    /// A command without configuration.
    None,
    /// `init`.
    Init(Box<InitConfig>, InitOptions),
    /// `join`.
    Join(Box<JoinConfig>, JoinOptions),
    /// `reset` and `node remove`.
    Leave(Box<leaving::Leaving>),
    /// `certs renew`.
    Renew(Box<renewal::Renewal>),
    /// The `etcd` commands.
    Etcd(Box<etcd_task::EtcdTask>),
    /// `upgrade`.
    Upgrade(Box<upgrading::Upgrading>),
}

/// Results of phases that are shown at the end of the command.
#[derive(Default)]
pub struct Findings {
    /// The join command for a worker.
    pub worker_join: Option<String>,
    /// The join command for a control plane.
    pub control_plane_join: Option<String>,
    /// The certificate key, which encrypts the uploaded certificates; a placeholder if it must not be shown.
    pub certificate_key: Option<String>,
}

/// Options of `init` that are not part of the configuration.
// Each is an independent flag on the command line, not a state.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default)]
pub struct InitOptions {
    /// Upload the control plane's certificates to the cluster.
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
    /// Reuse the data of another cluster in an external etcd.
    pub adopt_etcd_data: bool,
    /// A phase was selected: it applies what it is given.
    pub is_single_phase: bool,
}

/// Options of `join` that are not part of the configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct JoinOptions {
    /// Fix what preflight can fix.
    pub fix: bool,
}

/// An action needs something that its command does not have: a bug in this build.
#[derive(Debug, thiserror::Error)]
#[error("this phase needs {0}, which this command does not have")]
pub struct Missing(&'static str);

impl Fault for Missing {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Internal
    }
}

impl Context {
    /// A context for a task in this process.
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
    pub fn cluster(&self) -> Result<&ClusterConfig> {
        match &self.task {
            Task::Init(init, _) => Ok(&init.cluster),
            Task::Join(..) => Ok(&self.joining()?.cluster),
            Task::Renew(renewal) => Ok(&renewal.cluster),
            Task::Upgrade(upgrading) => Ok(&upgrading.cluster),
            Task::Leave(leaving) => Ok(&leaving.cluster),
            Task::Etcd(etcd) => Ok(&etcd.cluster),
            Task::None => Err(Missing("a cluster configuration").into()),
        }
    }

    /// This host's configuration as a node.
    pub fn node(&self) -> Result<&NodeConfig> {
        match &self.task {
            Task::Init(init, _) => Ok(&init.node),
            Task::Join(join, _) => Ok(&join.node),
            Task::Renew(renewal) => Ok(&renewal.node),
            Task::Upgrade(upgrading) => Ok(&upgrading.node),
            Task::Leave(leaving) => Ok(&leaving.node),
            Task::Etcd(etcd) => Ok(&etcd.node),
            Task::None => Err(Missing("a node configuration").into()),
        }
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
        let store = PkiStore::new(self.files.clone(), dir, &self.clock, &self.random);
        let store = Arc::new(match &self.task {
            Task::Renew(renewal) => store.backing_up_to(renewal.backup.clone()),
            _ => store,
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

    /// The configuration and options of `init`.
    pub fn init(&self) -> Result<(&InitConfig, &InitOptions)> {
        match &self.task {
            Task::Init(init, options) => Ok((init, options)),
            Task::None | Task::Join(..) | Task::Leave(_) | Task::Renew(_) | Task::Etcd(_) | Task::Upgrade(_) => {
                Err(Missing("the configuration of 'init'").into())
            }
        }
    }

    /// True when preflight fixes what it can.
    pub fn fixes(&self) -> bool {
        match &self.task {
            Task::Init(_, options) => options.fix,
            Task::Join(_, options) => options.fix,
            Task::None | Task::Leave(_) | Task::Renew(_) | Task::Etcd(_) | Task::Upgrade(_) => false,
        }
    }

    /// Sets a field of the kubelet configuration unless it is set; true when it was unset.
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

    /// The options of a joining control plane; None otherwise.
    pub fn control_plane_join(&self) -> Option<&ControlPlaneJoin> {
        match &self.task {
            Task::Join(join, _) => join.control_plane.as_ref(),
            Task::None | Task::Init(..) | Task::Leave(_) | Task::Renew(_) | Task::Etcd(_) | Task::Upgrade(_) => None,
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
