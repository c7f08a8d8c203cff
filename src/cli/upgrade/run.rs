//! What `upgrade apply` and `upgrade node` have in common: the task, an interrupted run, the workflow.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::cli::args::upgrade::HostArgs;
use crate::cli::session::Session;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::config::{UpgradeConfig, UpgradeFlags};
use crate::context::upgrading::{Certificates, Change, Finishing, HostUpgrade, Scope};
use crate::context::{Lifecycle, Renewal, Run, Upgrading};
use crate::kube::cluster::Cluster;
use crate::ops::upgrade_progress;
use crate::phases::upgrade::host::error::HostNotFinished;
use crate::phases::upgrade::static_pod;
use crate::pipeline::plan::Choice;
use crate::pipeline::run::Summary;
use crate::pipeline::{Plan, Workflow};
use crate::render::objects::addons::left_out;
use crate::state::upgrade::progress::progress;
use crate::state::{backups, manifests, stored_config};
use crate::versions::Version;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long Pods may take to be evicted.
const DRAIN_LIMIT: Duration = Duration::from_mins(5);

/// The host is only a directory.
#[derive(Debug, thiserror::Error)]
#[error("an upgrade starts components and waits until they are ready, which a root directory cannot")]
struct NotRunning;

impl Fault for NotRunning {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
    fn hint(&self) -> Option<String> {
        Some("leave out --rootfs; 'kubewright upgrade diff' shows how files change, also below a root directory".into())
    }
}

/// Flags of the replacement of the kubelet without it.
#[derive(Debug, thiserror::Error)]
#[error("{flag} is only used with --finish")]
struct NotFinishing {
    flag: &'static str,
}

impl Fault for NotFinishing {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
    fn hint(&self) -> Option<String> {
        Some(format!("add --finish to replace the kubelet of this host as well, or leave out {}", self.flag))
    }
}

/// Fails if a flag has no effect because the kubelet is not replaced.
pub fn require_finish(args: &HostArgs) -> Result<()> {
    let given = [("--packages", args.packages.is_some()), ("--drain-timeout", args.drain_timeout.is_some())];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) if !args.finish => Err(NotFinishing { flag }.into()),
        _ => Ok(()),
    }
}

/// Fails below a root directory.
pub fn require_running_host(session: &Session) -> Result<()> {
    if session.root() == Path::new("/") { Ok(()) } else { Err(NotRunning.into()) }
}

/// The flags of both commands.
pub fn flags(args: &HostArgs) -> UpgradeFlags {
    UpgradeFlags {
        certificate_renewal: args.certificate_renewal,
        etcd_upgrade: args.etcd_upgrade,
        dry_run: args.dry_run.then_some(true),
        patches: args.patches.clone(),
        ignore_preflight_errors: args.ignore_preflight_errors.clone(),
        skip_phases: args.skip_phases.clone(),
        ..UpgradeFlags::default()
    }
}

/// How the kubelet is replaced, if that was asked for.
pub fn finishing(args: &HostArgs, skip: &[String], session: &Session) -> Option<Finishing> {
    args.finish.then(|| replacement(args, skip, session))
}

/// How the kubelet is replaced.
pub fn replacement(args: &HostArgs, skip: &[String], session: &Session) -> Finishing {
    let limit = args.drain_timeout.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or_default()));
    Finishing {
        directory: args.packages.as_ref().map(|directory| session.env.cwd.join(directory)),
        drains: !skip.iter().any(|phase| matches!(phase.as_str(), "finish-host" | "finish-host/drain")),
        drain_limit: limit.unwrap_or(DRAIN_LIMIT),
        begun: None,
        waits: None,
        is_proved: false,
    }
}

/// An upgrade of this host.
pub struct Wanted {
    pub scope: Scope,
    pub kubeconfig: PathBuf,
    pub stored: ClusterConfig,
    pub cluster: ClusterConfig,
    pub node: NodeConfig,
    pub before: Option<Version>,
    /// `--certificate-renewal` was given.
    pub renewal_is_given: bool,
    /// The kubelet is replaced as well.
    pub finish: Option<Finishing>,
    /// The version stays, and the configuration changes.
    pub change: Option<Change>,
}

/// Another kind of run was interrupted, which has to be continued first.
#[derive(Debug, thiserror::Error)]
enum OtherRun {
    #[error("a change of the configuration of this host was interrupted")]
    Change,
    #[error("an upgrade of this host was interrupted")]
    Upgrade,
}

impl Fault for OtherRun {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Refused
    }
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Change => "run 'kubewright host change' to continue it, then the same command again",
                Self::Upgrade => "run 'kubewright upgrade apply VERSION' or 'kubewright upgrade node', whichever it was, to continue it, then the same command again",
            }
            .into(),
        )
    }
}

/// The context of the run. It continues an interrupted one.
pub fn context(wanted: Wanted, config: &UpgradeConfig, dry_run: bool, session: &Session) -> Result<Run<Upgrading>> {
    let mut node = wanted.node;
    node.patches_dir = config.patches_dir.as_ref().map(|dir| session.env.cwd.join(dir));
    node.image_pull_policy.clone_from(&config.image_pull_policy);
    node.image_pull_serial = config.image_pull_serial;
    node.ignore_preflight_errors.clone_from(&config.ignore_preflight_errors);
    node.timeouts = config.timeouts.clone();
    let certificates = match (config.certificate_renewal, wanted.renewal_is_given) {
        (false, _) => Certificates::Stay,
        (true, false) => Certificates::WithPods,
        (true, true) => Certificates::Renew,
    };
    let files = session.context(dry_run).host.files;
    let backup = backups::new_directory(&files, "upgrade", session.env.clock.now());
    let upgrade = HostUpgrade {
        scope: wanted.scope,
        stored: wanted.stored,
        before: wanted.before,
        certificates,
        etcd: config.etcd_upgrade,
        force: config.force,
        allow_experimental: config.allow_experimental,
        allow_release_candidates: config.allow_release_candidates,
        resumed: false,
        pods_change: false,
        created: Vec::new(),
        objects: Vec::new(),
        snapshot: None,
        addons_wait: None,
        finish: wanted.finish,
        change: wanted.change,
    };
    let work = Renewal::new(upgrade, backup);
    let mut cx = Run::renewing(session.context(dry_run), wanted.cluster, node, work);
    session.shows(&cx);
    if let (Some(page), Some(before)) = (&session.page, &cx.work.purpose.before) {
        page.upgrade(before);
    }
    (cx.lifecycle, cx.admin) = (Lifecycle::Upgraded, wanted.kubeconfig);
    if let Some(progress) = progress(&cx.host.files)? {
        match (progress.change, cx.work.purpose.change) {
            (Some(_), None) => return Err(OtherRun::Change.into()),
            (None, Some(_)) => return Err(OtherRun::Upgrade.into()),
            _ => {}
        }
        if progress.finish.is_some() && cx.work.purpose.finish.is_none() {
            return Err(HostNotFinished::Interrupted.into());
        }
        let to = progress.to.as_ref().map_or_else(String::new, |version| format!(" to {version}"));
        session.events.message(match progress.change {
            Some(_) => "a change of this host was interrupted: this run continues it".into(),
            None => format!("an upgrade{to} of this host was interrupted: this run continues it"),
        });
        upgrade_progress::resume(&mut cx, progress)?;
    }
    if cx.work.purpose.finish.as_ref().is_some_and(|finish| finish.begun.is_some()) {
        // Only the kubelet is left: what was renewed for the components is not renewed again.
        cx.work.purpose.certificates = Certificates::Stay;
    } else if wanted.scope != Scope::Worker {
        let mut change = cx.work.purpose.resumed;
        for name in manifests::pod_names() {
            change |= static_pod::wanted(&cx, name)?.is_some();
        }
        cx.work.purpose.pods_change = change;
    }
    Ok(cx)
}

/// Runs the workflow.
pub fn run(workflow: &Workflow<Upgrading>, config: &UpgradeConfig, cx: &mut Run<Upgrading>) -> Result<Summary> {
    let choice = Choice { only: None, skip: config.skip_phases.clone() };
    Plan::new(workflow, &choice, cx)?.run(cx)
}

/// Addons that the cluster does not want, where its configuration cannot say so.
pub fn leave_out_addons(api: &Cluster, cluster: &mut ClusterConfig) -> Result<()> {
    let left = left_out(&stored_config::map(api)?.unwrap_or_default());
    for addon in left {
        (addon.disable)(cluster);
    }
    Ok(())
}
