//! `plan`, `apply` and `remove`: many hosts from one file.

mod applying;
mod connect;
mod kubeconfig;
mod log;
mod opened;
mod removing;
mod saved;
mod screen;
mod text;
mod watcher;

use super::args::fleet::{ApplyArgs, PlanArgs, RemoveHostArgs};
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::fleet::plan::Plan;
use opened::Opened;
use serde::Serialize;

/// The result of `plan` for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Planned<'a> {
    /// `apply` would change something.
    changes: bool,
    hash: String,
    #[serde(flatten)]
    plan: &'a Plan,
}

pub fn plan(args: &PlanArgs, session: &mut Session) -> Result<ExitCode> {
    let opened = Opened::open(&args.fleet, session)?;
    let plan = opened.with_links(|links, file| opened.plan(links, file, session));
    if let Some(path) = &args.out {
        saved::write(path, &plan, session)?;
    }
    show(&plan, session)?;
    plan.require_sound()?;
    Ok(if args.exit_code && plan.changes() { ExitCode::Changes } else { ExitCode::Ok })
}

fn show(plan: &Plan, session: &mut Session) -> Result<()> {
    let planned = Planned { changes: plan.changes(), hash: plan.hash(), plan };
    session.print(&planned, &text::plan(plan))
}

pub fn apply(args: &ApplyArgs, session: &mut Session) -> Result<ExitCode> {
    let opened = Opened::open(&args.fleet, session)?;
    applying::run(args, &opened, session)
}

pub fn remove(args: &RemoveHostArgs, session: &mut Session) -> Result<ExitCode> {
    let opened = Opened::open(&args.fleet, session)?;
    removing::run(args, &opened, session)
}
