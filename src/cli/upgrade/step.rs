//! The upgrade of this host, as the first control plane, and of the objects of the cluster, by at most one minor version.

use super::interrupted::{Start, open_cluster};
use super::opened::{Opened, open};
use super::run::{self, Wanted, flags, leave_out_addons};
use crate::base::fault::Result;
use crate::cli::args::upgrade::ApplyArgs;
use crate::cli::confirm::confirm;
use crate::cli::session::Session;
use crate::config::{UpgradeConfig, UpgradeFlags};
use crate::context::upgrading::{Finishing, Scope};
use crate::context::{Run, Upgrading};
use crate::domain::paths::ADMIN_CONF;
use crate::ops::turn;
use crate::phases;
use crate::pipeline::run::Summary;
use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::error::UpgradeError;
use crate::state::upgrade::files::host_version;
use crate::state::upgrade::target_config::at_version;
use crate::versions::Version;
use std::path::{Path, PathBuf};

/// The flags that are also fields of a configuration.
pub fn apply_flags(args: &ApplyArgs) -> UpgradeFlags {
    UpgradeFlags {
        version: args.version.clone(),
        allow_experimental_upgrades: args.allow_experimental_upgrades.then_some(true),
        allow_release_candidate_upgrades: args.allow_release_candidate_upgrades.then_some(true),
        force: args.force.then_some(true),
        print_config: args.print_config.then_some(true),
        ..flags(&args.shared)
    }
}

/// The kubeconfig with which the cluster is upgraded.
pub fn kubeconfig(args: &ApplyArgs, session: &Session) -> PathBuf {
    session.env.cwd.join(args.shared.kubeconfig.as_deref().unwrap_or(Path::new(ADMIN_CONF)))
}

/// An upgrade of at most one minor version.
pub struct Step {
    pub config: UpgradeConfig,
    pub version: Version,
    pub finish: Option<Finishing>,
    pub dry_run: bool,
    /// The user is asked first.
    pub asks: bool,
}

/// What an upgrade has done.
pub struct Upgraded {
    pub summary: Summary,
    /// The cluster as it was before.
    pub reading: ClusterReading,
    pub version: Version,
    pub cx: Run<Upgrading>,
}

impl Upgraded {
    /// What it has done, in one sentence.
    pub fn result(&self) -> String {
        match self.summary.changes {
            0 => format!("This control plane is at {} already; nothing changed.", self.version),
            _ => format!("This control plane is at {}, and its components are ready.", self.version),
        }
    }
}

/// Upgrades this host and the objects of the cluster, which is read first, unless it was just `opened`.
pub fn upgrade(args: &ApplyArgs, step: &Step, opened: Option<Opened>, session: &mut Session) -> Result<Upgraded> {
    let Step { config, version, finish, dry_run, asks } = step;
    let kubeconfig = kubeconfig(args, session);
    let start = Start {
        scope: Scope::Cluster,
        kubeconfig: &kubeconfig,
        config,
        finish: finish.clone(),
        change: None,
        dry_run: *dry_run,
    };
    let Opened { cx, api, reading } = match opened {
        Some(opened) => opened,
        None => open_cluster(start, session, |session| open(&kubeconfig, None, session))?,
    };
    let before = host_version(&cx)?.ok_or(UpgradeError::NoControlPlane)?;
    if config.print_config {
        let stored = cx.cluster_document()?;
        session.events.message(format!("stored configuration:\n{stored}"));
    }
    let mut cluster = at_version(&reading.config, version);
    cluster.kube_proxy = reading.proxy.clone().unwrap_or_default();
    leave_out_addons(&api, &mut cluster)?;
    let wanted = Wanted {
        scope: Scope::Cluster,
        kubeconfig: kubeconfig.clone(),
        stored: reading.config.clone(),
        cluster,
        node: cx.node()?.clone(),
        before: Some(before),
        renewal_is_given: args.shared.certificate_renewal == Some(true),
        finish: finish.clone(),
        change: None,
    };
    let mut cx = run::context(wanted, config, *dry_run, session)?;
    if *asks {
        confirm(&question(&reading, version, &cx), session)?;
    }
    let _turn = turn::hold(&cx, &kubeconfig, "upgrade apply")?;
    let summary = run::run(&phases::upgrade_apply_workflow()?, config, &mut cx)?;
    Ok(Upgraded { summary, reading, version: version.clone(), cx })
}

fn question(reading: &ClusterReading, version: &Version, cx: &Run<Upgrading>) -> String {
    let host = cx.node().map_or_else(|_| "this host".into(), |node| node.name.clone());
    format!(
        "Upgrade the cluster from {} to {version}: first the components of {host}, then the configuration of the cluster{}. The API \
         server of {host} is away for some seconds.",
        reading.version,
        if cx.work.purpose.finish.is_some() { ", then the kubelet of this host" } else { "" }
    )
}
