//! `node remove NAME`.

use super::args::node::{NodeCommand, RemoveArgs};
use super::change_list::{self, count};
use super::confirm::confirm;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::gate::Entry;
use crate::context::leaving::Leaving;
use crate::context::{Context, Task};
use crate::ops::turn;
use crate::phases;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pipeline::run::Summary;
use crate::state::current_config::{self, CurrentConfig};
use crate::state::quorum;
use serde::Serialize;
use std::time::Duration;

pub fn run(command: NodeCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        NodeCommand::Remove(args) => remove(args, session),
    }
}

/// The result of `node remove` for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    node: String,
    #[serde(flatten)]
    summary: Summary,
    dry_run: bool,
    changed: Vec<Entry>,
}

fn remove(args: RemoveArgs, session: &mut Session) -> Result<ExitCode> {
    let RemoveArgs { name, dead, wait, yes, drain_timeout, kubeconfig, skip_phases, dry_run } = args;
    session.hold_host("node remove", dry_run)?;
    let kubeconfig = session.env.cwd.join(kubeconfig);
    quorum::require_for(&session.context(Task::None, false), &kubeconfig)?;
    // Only reads. The context that removes the node opens its own connection.
    let mut looking: Context = session.context(Task::None, false);
    let CurrentConfig { cluster, node, .. } = current_config::find(&mut looking, None, &kubeconfig, None)?;
    let at = kubeconfig.clone();
    let leaving = Leaving {
        name: name.clone(),
        reset: None,
        kubeconfig: Some(kubeconfig),
        dead,
        wait,
        force: false,
        accept_quorum_loss: false,
        end_cluster: false,
        keep_backups: false,
        drain_limit: Duration::from_secs(u64::try_from(drain_timeout).unwrap_or_default()),
        cluster,
        node,
        api_health: None,
        etcd_membership: None,
        removed_elsewhere: false,
        other_control_planes: None,
        own_data: None,
        kept: Vec::new(),
        exposed: Vec::new(),
        notes: Vec::new(),
    };
    if !yes && !dry_run {
        let effect = if dead {
            "Its host is treated as permanently gone."
        } else {
            "Its Pods are evicted: Pods without a controller are deleted for good, and the content of emptyDir volumes is lost."
        };
        let question = format!("Node {name} and its etcd member, if any, will be removed from the cluster. {effect}");
        confirm(&question, session)?;
    }
    let mut cx = session.context(Task::Leave(Box::new(leaving)), dry_run);
    let _turn = turn::hold(&cx, &at, "node remove")?;
    let choice = Choice { only: None, skip: skip_phases };
    let plan = Plan::new(&phases::remove_workflow()?, &phases::registry(), &choice, &mut cx)?;
    let summary = plan.run(&mut cx)?;
    let changed = cx.gate.entries();
    let text = match (dry_run, dead) {
        (true, _) => change_list::text(&changed),
        (false, _) if summary.changes == 0 => change_list::outcome(&summary, &session.global.rootfs),
        (false, true) => {
            format!("Done: {}. Node {name} was removed from the cluster.\n", count(summary.changes, "change"))
        }
        (false, false) => format!(
            "Done: {}. Node {name} was removed from the cluster.\nTo clean up its host, run there:\n    kubewright reset\n",
            count(summary.changes, "change")
        ),
    };
    session.print(&Outcome { node: name, summary, dry_run, changed }, &text)?;
    Ok(ExitCode::Ok)
}
