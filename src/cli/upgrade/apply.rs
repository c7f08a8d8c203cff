//! `upgrade apply VERSION`.

use super::closing::after_apply;
use super::ending;
use super::interrupted::{Start, open_cluster};
use super::opened::{Opened, open, resolve_run};
use super::run::{self, Wanted, finishing, flags, leave_out_addons, require_running_host};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::cli::args::upgrade::ApplyArgs;
use crate::cli::confirm::confirm;
use crate::cli::session::Session;
use crate::config::{UpgradeFlags, UpgradeTask};
use crate::context::upgrading::Scope;
use crate::context::{Run, Upgrading};
use crate::domain::paths::ADMIN_CONF;
use crate::ops::turn;
use crate::phases::workflows;
use crate::pipeline::run::Summary;
use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::error::UpgradeError;
use crate::state::upgrade::files::host_version;
use crate::state::upgrade::target_config::at_version;
use crate::versions::{Version, facts_of};

/// No version was given.
#[derive(Debug, thiserror::Error)]
#[error("upgrade apply needs the version to upgrade to")]
struct NoVersion;

impl Fault for NoVersion {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
    fn hint(&self) -> Option<String> {
        Some("run 'kubewright upgrade plan' to see the versions, then 'kubewright upgrade apply VERSION'".into())
    }
}

pub fn run(args: &ApplyArgs, session: &mut Session) -> Result<ExitCode> {
    let flags = UpgradeFlags {
        version: args.version.clone(),
        allow_experimental_upgrades: args.allow_experimental_upgrades.then_some(true),
        allow_release_candidate_upgrades: args.allow_release_candidate_upgrades.then_some(true),
        force: args.force.then_some(true),
        print_config: args.print_config.then_some(true),
        ..flags(&args.shared)
    };
    let (config, dry_run) = resolve_run(args.shared.config.as_deref(), UpgradeTask::Apply, &flags, session)?;
    let version = config.version.clone().ok_or(NoVersion)?;
    facts_of(&version)?;
    require_running_host(session)?;
    session.hold_host("upgrade apply", dry_run)?;
    let kubeconfig = args.shared.kubeconfig.clone().unwrap_or_else(|| ADMIN_CONF.into());
    let kubeconfig = session.env.cwd.join(kubeconfig);
    let finish = finishing(&args.shared, &config.skip_phases, session);
    let start = Start {
        scope: Scope::Cluster,
        kubeconfig: &kubeconfig,
        config: &config,
        finish: finish.clone(),
        change: None,
        dry_run,
    };
    let Opened { cx, api, reading } = open_cluster(start, session, |session| open(&kubeconfig, None, session))?;
    let before = host_version(&cx)?.ok_or(UpgradeError::NoControlPlane)?;
    if config.print_config {
        let stored = cx.cluster_document()?;
        session.events.message(format!("stored configuration:\n{stored}"));
    }
    let mut cluster = at_version(&reading.config, &version);
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
        finish,
        change: None,
    };
    let mut cx = run::context(wanted, &config, dry_run, session)?;
    if !args.yes && !config.force && !dry_run {
        confirm(&question(&reading, &version, &cx), session)?;
    }
    let _turn = turn::hold(&cx, &kubeconfig, "upgrade apply")?;
    let summary = run::run(&workflows::upgrade_apply()?, &config, &mut cx)?;
    report(&summary, &reading, dry_run, &cx, session)?;
    Ok(ExitCode::Ok)
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

fn report(
    summary: &Summary,
    reading: &ClusterReading,
    dry_run: bool,
    cx: &Run<Upgrading>,
    session: &mut Session,
) -> Result<()> {
    let version = &cx.cluster()?.version;
    let result = match summary.changes {
        0 => format!("This control plane is at {version} already; nothing changed."),
        _ => format!("This control plane is at {version}, and its components are ready."),
    };
    let next = after_apply(reading, &cx.node()?.name, version, cx.work.purpose.finish.as_ref());
    ending::print(result, summary, next, dry_run, cx, session)
}
