//! The running cluster that an upgrade command is about, and the command's configuration.

use crate::base::fault::Result;
use crate::cli::session::Session;
use crate::config::{Resolved, UpgradeConfig, UpgradeFlags, UpgradeTask};
use crate::context::Context;
use crate::kube::cluster::Cluster;
use crate::state::upgrade::cluster::{self, ClusterReading};
use crate::state::{current_config, quorum};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The configuration of an upgrade command from a file and flags.
pub fn resolve(
    config: Option<&Path>,
    task: UpgradeTask,
    flags: &UpgradeFlags,
    session: &mut Session,
) -> Result<UpgradeConfig> {
    Ok(resolve_run(config, task, flags, session)?.0)
}

/// The same, and whether it is a dry run.
pub fn resolve_run(
    config: Option<&Path>,
    task: UpgradeTask,
    flags: &UpgradeFlags,
    session: &mut Session,
) -> Result<(UpgradeConfig, bool)> {
    let Resolved { config, warnings, dry_run } = session.documents(config)?.upgrade(task, flags)?;
    for warning in warnings {
        session.events.warning(warning.to_string());
    }
    Ok((config, dry_run))
}

/// A running cluster, what was read of it, and a context of this host in it.
pub struct Opened {
    pub cx: Context,
    pub api: Arc<Cluster>,
    pub reading: ClusterReading,
}

pub fn open(kubeconfig: &Path, patches_dir: Option<PathBuf>, session: &Session) -> Result<Opened> {
    let kubeconfig = session.env.cwd.join(kubeconfig);
    let mut looking = session.context(false);
    quorum::require_for(&looking, &kubeconfig)?;
    let api = looking.running_cluster(&kubeconfig)?;
    let reading = cluster::read(&looking, &api)?;
    let mut node = current_config::from_host(&looking)?.1;
    node.patches_dir = patches_dir.map(|dir| session.env.cwd.join(dir));
    Ok(Opened { cx: session.context(false).configured(reading.config.clone(), node), api, reading })
}
