//! `etcd snapshot restore`.

use super::undo::Undo;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::cli::args::etcd::RestoreArgs;
use crate::cli::confirm::confirm;
use crate::cli::session::Session;
use crate::context::etcd_task::Restorable;
use crate::context::{Restoring, Run};
use crate::etcd::Contents;
use crate::ops::etcd_restore::put_back;
use crate::phases;
use crate::phases::etcd_restore::check::look;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pki::moment;
use crate::report::{ChangeList, Closing};
use crate::state::etcd_restore::NotRestorable;
use crate::state::{current_config, etcd_restore};
use serde::Serialize;
use std::path::PathBuf;

/// The result for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    file: PathBuf,
    /// That of the snapshot; null where an interrupted run was completed.
    snapshot_revision: Option<u64>,
    /// The revision from which the cluster goes on.
    revision: u64,
    /// The other members, which the cluster no longer has.
    removed: Vec<String>,
    /// Null in a dry run.
    keys: Option<u64>,
    /// Where the data of before is.
    kept: PathBuf,
    dry_run: bool,
    changed: ChangeList,
}

/// Until etcd works with the restored data, a failed run leaves the data of before.
const UNDO: Undo = Undo {
    put_back,
    done: "etcd's data and the manifests are as they were before",
    failed: "the data of before was not put back",
};

pub fn run(args: RestoreArgs, session: &mut Session) -> Result<ExitCode> {
    let RestoreArgs { file, members_lost, yes, dry_run } = args;
    session.hold_host("etcd snapshot restore", dry_run)?;
    let cx = session.context(dry_run);
    let (mut cluster, node) = current_config::from_host(&cx)?;
    if let Some(begun) = etcd_restore::progress(&cx)? {
        cluster.certificates_dir = begun.certificates_dir;
    }
    let work = Restoring { file: session.env.cwd.join(file), lost: members_lost, found: None, keys: None };
    let mut cx = Run { cx: cx.configured(cluster, node), work };
    if !cx.host.files.is_live() {
        let summary = plan(&mut cx)?.run(&mut cx)?;
        session.print(&summary, &Closing::of_run(&summary).text())?;
        return Ok(ExitCode::Ok);
    }
    if let Err(failure) = look(&mut cx) {
        let is_another = matches!(failure.downcast_ref(), Some(NotRestorable::Another { .. }));
        return Err(if is_another { failure } else { UNDO.after(failure, &cx, session) });
    }
    let found = cx.work.restorable()?.clone();
    if !yes && !dry_run && !found.is_begun {
        confirm(&question(&found), session)?;
    }
    if let Err(failure) = plan(&mut cx)?.run(&mut cx) {
        return Err(UNDO.after(failure, &cx, session));
    }
    report(&cx, &found, dry_run, session)
}

fn plan(cx: &mut Run<Restoring>) -> Result<Plan<Restoring>> {
    Plan::new(&phases::etcd_restore_workflow()?, &Choice::default(), cx)
}

fn state(contents: &Contents) -> String {
    let last = contents.last_write.map_or_else(|| "at an unknown time".into(), moment::text);
    format!("revision {}, last written {last}", contents.revision)
}

fn question(found: &Restorable) -> String {
    let progress = &found.progress;
    let mut text =
        "etcd on this host will become a new cluster of one member, with the data of a snapshot:\n".to_owned();
    if let Some(snapshot) = &found.snapshot {
        text += &format!("  - the snapshot: {}\n", state(&snapshot.contents));
    }
    match &found.present {
        Some(present) => {
            text += &format!("  - at present: {}; what was stored since the snapshot is lost\n", state(present));
        }
        None => text += "  - the present data cannot be read, or there is none\n",
    }
    if !progress.others.is_empty() {
        text += &format!("  - given up: the data of {}\n", progress.others.join(", "));
    }
    text += "  - the API is away for about a minute; Pods keep running, and are then made what the snapshot says\n";
    text + &format!("The present data is kept in {}.", progress.aside.display())
}

fn report(cx: &Run<Restoring>, found: &Restorable, dry_run: bool, session: &mut Session) -> Result<ExitCode> {
    let changed = ChangeList::new(cx.host.gate.entries());
    let keys = cx.work.keys;
    let progress = &found.progress;
    let snapshot_revision = found.snapshot.as_ref().map(|snapshot| snapshot.contents.revision);
    let text = if dry_run {
        session.plan(&changed)
    } else {
        let expected = found.snapshot.as_ref().and_then(|snapshot| snapshot.contents.keys);
        let of = expected.map_or_else(String::new, |keys| format!(", {keys} in the snapshot"));
        let mut closing = Closing::new("The cluster has the state of the snapshot.").sentence(format!(
            "etcd has {} keys{of}, and goes on from revision {}.",
            keys.unwrap_or_default(),
            progress.revision
        ));
        if cx.host.files.exists(&progress.aside) {
            closing = closing.sentence(format!(
                "The data of before is in {}; delete it when it is no longer needed.",
                progress.aside.display()
            ));
        }
        if !progress.others.is_empty() {
            closing = closing.step("To clean up the hosts of the former members, run on each", "kubewright reset");
            for name in &progress.others {
                closing = closing.step(
                    format!("If the host of {name} no longer exists, remove its node instead"),
                    format!("kubewright node remove {name} --dead"),
                );
            }
            closing = closing
                .step("To get the command with which a control plane joins", "kubewright token create --control-plane");
        }
        closing.text()
    };
    let outcome = Outcome {
        file: progress.file.clone(),
        snapshot_revision,
        revision: progress.revision,
        removed: progress.others.clone(),
        keys,
        kept: progress.aside.clone(),
        dry_run,
        changed,
    };
    session.print(&outcome, &text)?;
    Ok(ExitCode::Ok)
}
