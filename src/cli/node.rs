//! `node remove NAME`.

use super::args::node::{NodeCommand, RemoveArgs};
use super::confirm::confirm;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::context::{Context, Elsewhere, Leaving, Run};
use crate::ops::turn;
use crate::phases;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pipeline::run::Summary;
use crate::report::{ChangeList, Closing};
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
    changed: ChangeList,
}

fn remove(args: RemoveArgs, session: &mut Session) -> Result<ExitCode> {
    let RemoveArgs { name, dead, wait, yes, drain_timeout, kubeconfig, skip_phases, dry_run } = args;
    session.hold_host("node remove", dry_run)?;
    let kubeconfig = session.env.cwd.join(kubeconfig);
    quorum::require_for(&session.context(false), &kubeconfig)?;
    // Only reads. The context that removes the node opens its own connection.
    let mut looking: Context = session.context(false);
    let CurrentConfig { cluster, node, .. } = current_config::find(&mut looking, None, &kubeconfig, None)?;
    let at = kubeconfig.clone();
    let drain_limit = Duration::from_secs(u64::try_from(drain_timeout).unwrap_or_default());
    let leaving = Leaving { dead, wait, ..Leaving::new(name.clone(), Elsewhere, Some(kubeconfig), drain_limit) };
    if !yes && !dry_run {
        let effect = if dead {
            "Its host is treated as permanently gone."
        } else {
            "Its Pods are evicted: Pods without a controller are deleted for good, and the content of emptyDir volumes is lost."
        };
        let question = format!("Node {name} and its etcd member, if any, will be removed from the cluster. {effect}");
        confirm(&question, session)?;
    }
    let cx = session.context(dry_run).configured(cluster, node);
    let mut cx = Run { cx, work: leaving };
    let _turn = turn::hold(&cx, &at, "node remove")?;
    let choice = Choice { only: None, skip: skip_phases };
    let plan = Plan::new(&phases::remove_workflow()?, &choice, &mut cx)?;
    let summary = plan.run(&mut cx)?;
    let changed = ChangeList::new(cx.host.gate.entries());
    let closing = Closing::of_run(&summary);
    let removed = format!("Node {name} was removed from the cluster.");
    let text = match (dry_run, dead) {
        (true, _) => session.plan(&changed),
        (false, _) if summary.changes == 0 => closing.text(),
        (false, true) => closing.sentence(removed).text(),
        (false, false) => closing.sentence(removed).step("To clean up its host, run there", "kubewright reset").text(),
    };
    session.print(&Outcome { node: name, summary, dry_run, changed }, &text)?;
    Ok(ExitCode::Ok)
}
