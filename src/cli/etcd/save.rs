//! `etcd snapshot save`.

use super::status::Shown;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::cli::args::etcd::SaveArgs;
use crate::cli::session::Session;
use crate::context::{Run, Saving};
use crate::phases;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::report::{ChangeList, Closing};
use crate::state::{current_config, snapshots};
use serde::Serialize;
use std::path::PathBuf;

/// The result for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    /// Null in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<Shown>,
    file: PathBuf,
    /// The address of the member that sent it.
    endpoint: Option<String>,
    removed: Vec<PathBuf>,
    dry_run: bool,
    changed: ChangeList,
}

pub fn run(args: &SaveArgs, session: &mut Session) -> Result<ExitCode> {
    session.hold_host("etcd snapshot save", args.dry_run)?;
    let cx = session.context(args.dry_run);
    let (cluster, node) = current_config::from_host(&cx)?;
    let saving = Saving {
        file: match &args.file {
            Some(file) => session.env.cwd.join(file),
            None => snapshots::new_path(&cx.host.files, cx.host.clock.now()),
        },
        keep: args.file.is_none().then_some(usize::try_from(args.keep).unwrap_or(usize::MAX)),
        overwrite: args.overwrite,
        source: None,
        saved: None,
        removed: Vec::new(),
    };
    let mut cx = Run { cx: cx.configured(cluster, node), work: saving };
    let plan = Plan::new(&phases::etcd_snapshot_workflow()?, &Choice::default(), &mut cx)?;
    let summary = plan.run(&mut cx)?;
    let saving = &cx.work;
    let snapshot = saving.saved.as_ref().map(|snapshot| Shown::of(&saving.file, snapshot));
    let changed = ChangeList::new(cx.host.gate.entries());
    let text = match &snapshot {
        Some(shown) => format!(
            "Saved a snapshot.\n\n{}\nIt contains all Secrets of the cluster. Copy it to another machine, together with\n{}.\n",
            shown.text(),
            cx.cluster()?.certificates_dir.display()
        ),
        None if summary.left_for_host.is_empty() => session.plan(&changed),
        None => Closing::of_run(&summary).text(),
    };
    let outcome = Outcome {
        snapshot,
        file: saving.file.clone(),
        endpoint: saving.source.as_ref().map(|(endpoint, _)| endpoint.clone()),
        removed: saving.removed.clone(),
        dry_run: args.dry_run,
        changed,
    };
    session.print(&outcome, &text)?;
    Ok(ExitCode::Ok)
}
