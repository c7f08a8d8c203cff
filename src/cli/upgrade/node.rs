//! `upgrade node`: a further control plane, or a worker, gets the version that the cluster's configuration has.

use super::closing::after_node;
use super::ending::{self, Ending};
use super::interrupted::{Start, open_cluster};
use super::opened::resolve_run;
use super::run::{self, Wanted, finishing, flags, leave_out_addons, require_finish, require_running_host};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::cli::args::upgrade::NodeArgs;
use crate::cli::session::Session;
use crate::config::UpgradeTask;
use crate::context::upgrading::Scope;
use crate::context::{Run, Upgrading};
use crate::domain::paths::{ADMIN_CONF, KUBELET_CONF, manifest};
use crate::host::facts;
use crate::ops::turn;
use crate::phases;
use crate::pipeline::run::Summary;
use crate::state::upgrade::cluster::proxy_config;
use crate::state::upgrade::error::UpgradeError;
use crate::state::upgrade::files::host_version;
use crate::state::{current_config, quorum, stored_config};
use crate::versions::{Version, facts_of};

pub fn run(args: &NodeArgs, session: &mut Session) -> Result<ExitCode> {
    require_finish(&args.shared)?;
    let flags = flags(&args.shared);
    let (config, dry_run) = resolve_run(args.shared.config.as_deref(), UpgradeTask::Node, &flags, session)?;
    require_running_host(session)?;
    session.hold_host("upgrade node", dry_run)?;
    let looking = session.context(false);
    let is_control_plane = looking.host.files.exists(&manifest("kube-apiserver"));
    let default = if is_control_plane { ADMIN_CONF } else { KUBELET_CONF };
    let kubeconfig = args.shared.kubeconfig.clone().unwrap_or_else(|| default.into());
    let kubeconfig = session.env.cwd.join(kubeconfig);
    let scope = if is_control_plane { Scope::ControlPlane } else { Scope::Worker };
    let finish = finishing(&args.shared, &config.skip_phases, session);
    let start =
        Start { scope, kubeconfig: &kubeconfig, config: &config, finish: finish.clone(), change: None, dry_run };
    let (api, stored) = open_cluster(start, session, |session| {
        let mut looking = session.context(false);
        quorum::require_for(&looking, &kubeconfig)?;
        let api = looking.running_cluster(&kubeconfig)?;
        let stored = stored_config::read(&looking, &api)?.ok_or(UpgradeError::NoConfiguration)?;
        Ok((api, stored))
    })?;
    facts_of(&stored.version)?;
    let kubelet = facts::kubelet_version(&looking.host).ok();
    let mut cluster = stored.clone();
    if is_control_plane {
        cluster.kube_proxy = proxy_config(&api)?.unwrap_or_default();
        leave_out_addons(&api, &mut cluster)?;
    }
    let wanted = Wanted {
        scope,
        kubeconfig: kubeconfig.clone(),
        stored,
        cluster,
        node: current_config::from_host(&looking)?.1,
        before: if is_control_plane { host_version(&looking)? } else { kubelet.clone() },
        renewal_is_given: args.shared.certificate_renewal == Some(true),
        finish,
        change: None,
    };
    let mut cx = run::context(wanted, &config, dry_run, session)?;
    let _turn = if is_control_plane { turn::hold(&cx, &kubeconfig, "upgrade node")? } else { None };
    let summary = run::run(&phases::upgrade_node_workflow()?, &config, &mut cx)?;
    report(&summary, kubelet.as_ref(), dry_run, &cx, session)?;
    Ok(ExitCode::Ok)
}

fn report(
    summary: &Summary,
    kubelet: Option<&Version>,
    dry_run: bool,
    cx: &Run<Upgrading>,
    session: &mut Session,
) -> Result<()> {
    let version = &cx.cluster()?.version;
    let result = match (summary.changes, cx.work.purpose.scope) {
        (0, _) => format!("This node is prepared for {version} already; nothing changed."),
        (_, Scope::Worker) => format!("The kubelet configuration of this node is that of {version}."),
        _ => format!("This control plane is at {version}, and its components are ready."),
    };
    let next = after_node(&cx.node()?.name, kubelet, version, cx.work.purpose.finish.as_ref());
    ending::print(result, Ending { summary, next, dry_run, steps: &[] }, cx, session)
}
