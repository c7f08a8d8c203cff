//! The result of `upgrade apply` and `upgrade node`.

use super::closing::Next;
use crate::base::fault::Result;
use crate::cli::session::Session;
use crate::context::{Run, Upgrading};
use crate::pipeline::run::Summary;
use crate::report::{ChangeList, Closing};
use crate::versions::Version;
use serde::Serialize;
use std::path::Path;

/// The result for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    version: &'a Version,
    /// The version of this host before.
    before: Option<&'a Version>,
    /// The run continued an interrupted one.
    resumed: bool,
    /// The snapshot of etcd from before the upgrade, if its version changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<&'a Path>,
    dry_run: bool,
    changed: ChangeList,
    /// The kubelet of this host is of the version, and its node was Ready with it; None without --finish.
    #[serde(skip_serializing_if = "Option::is_none")]
    kubelet_replaced: Option<bool>,
    /// The steps of an upgrade over several minor versions.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    steps: &'a [StepState],
    /// What remains to be done on other hosts, and with the kubelets.
    next: Vec<Next>,
}

/// A step of an upgrade over several minor versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepState {
    pub version: Version,
    pub done: bool,
}

/// What the result is made of.
pub struct Ending<'a> {
    pub summary: &'a Summary,
    pub next: Vec<Next>,
    pub dry_run: bool,
    pub steps: &'a [StepState],
}

/// Prints the plan of a dry run, or `result` in one sentence and the steps that remain.
pub fn print(result: String, ending: Ending<'_>, cx: &Run<Upgrading>, session: &mut Session) -> Result<()> {
    let Ending { summary, next, dry_run, steps } = ending;
    let upgrade = &cx.work.purpose;
    let changed = ChangeList::new(cx.host.gate.entries());
    let text = if dry_run {
        session.plan(&changed)
    } else {
        let mut closing = Closing::new(result).skipped(summary);
        if let Some(snapshot) = &upgrade.snapshot {
            closing = closing.sentence(format!("etcd from before the upgrade is in {}.", snapshot.display()));
        }
        if let Some(waits) = &upgrade.addons_wait {
            closing =
                closing.sentence(format!("CoreDNS and kube-proxy are upgraded by the last control plane: {waits}."));
        }
        if let Some(finish) = &upgrade.finish {
            closing = closing.sentence(match &finish.waits {
                Some(waits) => format!("The kubelet of this host stays until all API servers are upgraded: {waits}."),
                None if finish.is_proved => {
                    "The kubelet is of this version or newer, and the node is Ready with it.".into()
                }
                None => "The kubelet was not replaced.".into(),
            });
        }
        next.iter().fold(closing, |closing, next| closing.step(&next.purpose, &next.command)).text()
    };
    let outcome = Outcome {
        summary,
        version: &cx.cluster()?.version,
        before: upgrade.before.as_ref(),
        resumed: upgrade.resumed,
        snapshot: upgrade.snapshot.as_deref(),
        dry_run,
        changed,
        steps,
        kubelet_replaced: upgrade.finish.as_ref().map(|finish| finish.is_proved),
        next,
    };
    session.print(&outcome, &text)
}
