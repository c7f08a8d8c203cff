//! `plan`, `diff`, `apply` and `remove`: many hosts from one file.

mod applying;
mod connect;
mod ending;
mod kubeconfig;
mod log;
mod opened;
mod page;
mod removing;
mod saved;
mod screen;
mod shown;
mod text;
mod watcher;

use super::args::fleet::{ApplyArgs, DiffArgs, PlanArgs, RemoveHostArgs};
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::fleet::differences::differences;
use crate::fleet::plan;
use opened::Opened;
use shown::show;

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

pub fn diff(args: &DiffArgs, session: &mut Session) -> Result<ExitCode> {
    let opened = Opened::open(&args.fleet, session)?;
    let (plan, found) = opened.with_links(|links, file| {
        let seen = opened.survey(links, session);
        let plan = plan::plan(file, &seen);
        let found = differences(file, &plan, &seen, links);
        (plan, found)
    });
    session.print(&found, &text::differences(&found, session.paint()))?;
    plan.require_sound()?;
    let worst = found.hosts.iter().filter_map(|host| host.trouble.as_ref()).map(|trouble| trouble.code).max();
    Ok(match worst {
        Some(code) => code,
        None if args.exit_code && found.any() => ExitCode::Changes,
        None => ExitCode::Ok,
    })
}

pub fn apply(args: &ApplyArgs, session: &mut Session) -> Result<ExitCode> {
    let opened = Opened::open(&args.fleet, session)?;
    applying::run(args, &opened, session)
}

pub fn remove(args: &RemoveHostArgs, session: &mut Session) -> Result<ExitCode> {
    let opened = Opened::open(&args.fleet, session)?;
    removing::run(args, &opened, session)
}
