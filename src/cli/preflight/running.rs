//! The cluster whose control plane this host already runs. A plain `preflight` checks the host for that one: its manifests would
//! not be rewritten for another, so differences from kubeadm's defaults mean nothing.
//!
//! Reads: the manifests of this host, the configuration that is stored in the cluster. Writes: nothing.

use crate::base::events::Events;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::cli::session::Session;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::context::Context;
use crate::domain::paths::manifest;
use crate::state::{current_config, existing_cluster};

/// What this host runs.
pub(super) enum Running {
    /// No control plane.
    None,
    /// The control plane of a cluster that says what it was made with.
    Known(Box<Known>),
    /// One of a cluster that does not.
    Unknown,
}

/// Its configuration.
pub(super) struct Known {
    pub cluster: ClusterConfig,
    pub node: NodeConfig,
}

pub(super) fn cluster(session: &Session) -> Running {
    let gate = Gate::recording();
    let files = HostFiles::new(session.root(), gate.clone());
    let cx = Context::new(&session.env, Events::silent(), files, gate);
    if !cx.host.files.is_live() || !cx.host.files.exists(&manifest("kube-apiserver")) {
        return Running::None;
    }
    let Ok((cluster, node)) = current_config::from_host(&cx) else { return Running::Unknown };
    let cx = cx.configured(cluster, node.clone());
    match existing_cluster::of(&cx).map(|found| found.stored) {
        Ok(Some(Ok(cluster))) => Running::Known(Box::new(Known { cluster, node })),
        _ => Running::Unknown,
    }
}
