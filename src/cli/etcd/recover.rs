//! `etcd recover`.

use super::undo::Undo;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::cli::args::etcd::RecoverArgs;
use crate::cli::confirm::confirm;
use crate::cli::session::Session;
use crate::context::etcd_task::Found;
use crate::context::{Recovery, Run};
use crate::etcd::Member;
use crate::ops::etcd_recovery::put_back;
use crate::phases;
use crate::phases::etcd_recover::check::look;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pki::moment;
use crate::report::{ChangeList, Closing};
use crate::state::current_config;
use serde::Serialize;
use std::path::PathBuf;

/// The result for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    member: String,
    revision: u64,
    last_write: Option<String>,
    /// The other members, which the cluster no longer has.
    removed: Vec<String>,
    /// Null in a dry run.
    keys: Option<u64>,
    copy: PathBuf,
    dry_run: bool,
    changed: ChangeList,
}

/// Until the new cluster is forced, a failed run leaves etcd as it was.
const UNDO: Undo = Undo {
    put_back,
    done: "etcd's manifest was put back; etcd and its data are as they were",
    failed: "etcd's manifest was not put back",
};

pub fn run(args: RecoverArgs, session: &mut Session) -> Result<ExitCode> {
    let RecoverArgs { members_lost, yes, dry_run } = args;
    session.hold_host("etcd recover", dry_run)?;
    let cx = session.context(dry_run);
    let (cluster, node) = current_config::from_host(&cx)?;
    let work = Recovery { lost: members_lost, ..Recovery::default() };
    let mut cx = Run { cx: cx.configured(cluster, node), work };
    if !cx.host.files.is_live() {
        let summary = plan(&mut cx)?.run(&mut cx)?;
        session.print(&summary, &Closing::of_run(&summary).text())?;
        return Ok(ExitCode::Ok);
    }
    if let Err(failure) = look(&mut cx) {
        return Err(UNDO.after(failure, &cx, session));
    }
    let found = cx.work.found()?.clone();
    if !yes && !dry_run && !found.is_forced {
        confirm(&question(&found), session)?;
    }
    if let Err(failure) = plan(&mut cx)?.run(&mut cx) {
        return Err(UNDO.after(failure, &cx, session));
    }
    report(&cx, &found, dry_run, session)
}

fn plan(cx: &mut Run<Recovery>) -> Result<Plan<Recovery>> {
    Plan::new(&phases::etcd_recover_workflow()?, &Choice::default(), cx)
}

fn names(members: &[Member]) -> String {
    members.iter().map(Member::shown).collect::<Vec<_>>().join(", ")
}

fn question(found: &Found) -> String {
    let last = found.contents.last_write.map_or_else(|| "at an unknown time".into(), moment::text);
    let mut text = format!(
        "etcd on this host ({}) will become a cluster of one member, with the data of this host:\n  - revision {}, last written {last}\n",
        found.name, found.contents.revision
    );
    text +=
        &format!("  - given up for good: {}, and everything that only they have received\n", names(&found.loss.lost));
    if !found.loss.answering.is_empty() {
        text += &format!("  - removed, although they answer: {}; they stop\n", names(&found.loss.answering));
    }
    text + &format!("A copy of this host's data is kept in {}.", found.copy.display())
}

fn report(cx: &Run<Recovery>, found: &Found, dry_run: bool, session: &mut Session) -> Result<ExitCode> {
    let changed = ChangeList::new(cx.host.gate.entries());
    let keys = cx.work.keys;
    let text = if dry_run {
        session.plan(&changed)
    } else {
        let before = found.contents.keys.map_or_else(String::new, |before| format!(", {before} before"));
        let mut closing = Closing::new(format!("The cluster is back, with {} as its only etcd member.", found.name))
            .sentence(format!(
                "etcd has {} keys{before}, from revision {} on.",
                keys.unwrap_or_default(),
                found.contents.revision
            ))
            .sentence(format!(
                "The data as it was is in {}; delete it when it is no longer needed.",
                found.copy.display()
            ));
        for name in &found.others {
            closing = closing.step(
                format!("To remove the node {name}, whose host is gone, before another host takes its place"),
                format!("kubewright node remove {name} --dead"),
            );
        }
        if !found.others.is_empty() {
            closing = closing
                .step("To clean up a host of a former member that still exists, run there", "kubewright reset")
                .step("To get the command with which a control plane joins", "kubewright token create --control-plane");
        }
        closing.text()
    };
    let outcome = Outcome {
        member: found.name.clone(),
        revision: found.contents.revision,
        last_write: found.contents.last_write.map(moment::text),
        removed: found.others.clone(),
        keys,
        copy: found.copy.clone(),
        dry_run,
        changed,
    };
    session.print(&outcome, &text)?;
    Ok(ExitCode::Ok)
}
