//! `certs add-san NAME…`.

use super::{discover, restart};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::cli::args::certs::AddSanArgs;
use crate::cli::session::Session;
use crate::context::renewal::Renewal;
use crate::context::{Context, Task};
use crate::domain::paths::ADMIN_CONF;
use crate::kube::kind::NODE;
use crate::phases;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pki::renew::Names;
use crate::report::{ChangeList, Closing};
use crate::state::current_config::Source;
use crate::state::quorum;
use serde_json::json;
use std::path::Path;

/// The control-plane labels of current and older minor versions.
const CONTROL_PLANE: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// The cluster configuration cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the cluster configuration, which the SANs are added to: the API server does not respond")]
struct NoCluster;

impl Fault for NoCluster {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unreachable
    }
    fn hint(&self) -> Option<String> {
        Some("run it on a control plane whose API server answers; run 'kubewright certs check-expiration' to see whether its certificates have expired".into())
    }
}

pub fn run(args: AddSanArgs, session: &mut Session) -> Result<ExitCode> {
    session.hold_host("certs add-san", args.dry_run)?;
    quorum::require(&session.context(Task::None, false))?;
    let (source, mut task) = discover::own(session)?;
    if source != Source::Cluster {
        return Err(NoCluster.into());
    }
    for name in args.names {
        if !task.cluster.api_server_cert_sans.contains(&name) {
            task.cluster.api_server_cert_sans.push(name);
        }
    }
    let task = Renewal { only: Some("apiserver".into()), names: Names::AddFromConfig, ..task };
    let mut cx = session.context(Task::Renew(Box::new(task)), args.dry_run);
    let skip = restart::phases_to_skip(args.no_restart);
    let choice = Choice { only: None, skip };
    Plan::new(&phases::add_san_workflow()?, &phases::registry(), &choice, &mut cx)?.run(&mut cx)?;
    let changed = ChangeList::new(cx.gate.entries());
    let others = others(&mut cx)?;
    let mut closing = if changed.is_empty() {
        Closing::new("The API server certificate already has these SANs; nothing changed.")
    } else if args.no_restart {
        let closing = Closing::new("The SANs are in the certificate.");
        closing.step("To have the API server load it", "kubewright certs restart")
    } else {
        Closing::new("The API server on this host serves a certificate with these SANs.")
    };
    if args.dry_run {
        closing = Closing::default();
    }
    if !others.is_empty() {
        closing = closing.paragraph(format!("Run the same command on the other control planes: {}", others.join(", ")));
    }
    let text = if args.dry_run { session.plan(&changed) + &closing.text() } else { closing.text() };
    session.print(&json!({ "dryRun": args.dry_run, "changed": changed, "otherControlPlanes": others }), &text)?;
    Ok(ExitCode::Ok)
}

/// The control planes other than this one.
fn others(cx: &mut Context) -> Result<Vec<String>> {
    let own = cx.node()?.name.clone();
    let nodes = cx.running_cluster(Path::new(ADMIN_CONF))?.list_metadata(&NODE)?;
    let leads =
        |node: &&serde_json::Value| CONTROL_PLANE.iter().any(|label| node["metadata"]["labels"].get(label).is_some());
    let names = nodes.iter().filter(leads).filter_map(|node| node["metadata"]["name"].as_str());
    Ok(names.filter(|name| *name != own).map(str::to_owned).collect())
}
