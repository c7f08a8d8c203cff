//! `node remove NAME`.

use super::args::node::{NodeCommand, RemoveArgs};
use super::leaving::confirm;
use super::plan_text::{self, count};
use super::session::Session;
use crate::actions;
use crate::actions::renewal::known::{self, Known};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::gate::Entry;
use crate::context::leaving::Leaving;
use crate::context::{Context, Task};
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pipeline::run::Summary;
use serde::Serialize;
use std::time::Duration;

/// Runs a command of `node`.
pub fn run(command: NodeCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        NodeCommand::Remove(args) => remove(args, session),
    }
}

/// What `node remove` did, for `-o json`.
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
    // This context only looks; the one that removes has no connection from before.
    let mut looking: Context = session.context(Task::None, false);
    let Known { cluster, node, .. } = known::find(&mut looking, None, &kubeconfig, None)?;
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
        answers: None,
        place: None,
        other_control_planes: None,
        own_data: None,
        kept: Vec::new(),
        exposed: Vec::new(),
        notes: Vec::new(),
    };
    if !yes && !dry_run {
        let what = if dead {
            "and its host is gone"
        } else {
            "and its Pods are moved away; those that nobody makes anew elsewhere end for good, and what is in emptyDir volumes is lost"
        };
        confirm(&format!("{name} leaves the cluster, {what}. Its member of etcd goes, if it has one."), session)?;
    }
    let mut cx = session.context(Task::Leave(Box::new(leaving)), dry_run);
    let choice = Choice { only: None, skip: skip_phases };
    let plan = Plan::new(&actions::remove_workflow()?, &actions::registry(), &choice, &mut cx)?;
    let summary = plan.run(&mut cx)?;
    let changed = cx.gate.entries();
    let text = match (dry_run, dead) {
        (true, _) => plan_text::text(&changed),
        (false, true) => {
            format!("Done: {}. {name} is no part of the cluster any more.\n", count(summary.changes, "change"))
        }
        (false, false) => format!(
            "Done: {}. {name} is no part of the cluster any more.\nOn its host, remove what the cluster left there:\n    kubewright reset\n",
            count(summary.changes, "change")
        ),
    };
    session.print(&Outcome { node: name, summary, dry_run, changed }, &text)?;
    Ok(ExitCode::Ok)
}
