//! `apply`: plans, asks, and does what the plan says.

use super::ending::{finish, new_id};
use super::log::Log;
use super::opened::Opened;
use super::shown::show;
use super::watcher::Watcher;
use super::{kubeconfig, page, saved, text};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::interrupt::Interrupt;
use crate::cli::args::fleet::ApplyArgs;
use crate::cli::confirm::confirm;
use crate::cli::session::Session;
use crate::config::cluster::ClusterFile;
use crate::fleet::apply::{self, Applying};
use crate::fleet::error::FleetError;
use crate::fleet::link::Link;
use crate::fleet::outcome::{HostResult, State};
use crate::fleet::plan::{Action, Plan};
use crate::fleet::removal::{self, Leaving};
use crate::fleet::survey;

/// What the first Ctrl-C is answered with.
const INTERRUPTED: &str = "\ninterrupted: no further host is started, and what runs on hosts is followed to its end; Ctrl-C again leaves it \
                           alone\n";

pub(super) fn run(args: &ApplyArgs, opened: &Opened, session: &mut Session) -> Result<ExitCode> {
    let before = args.plan.as_ref().map(|path| saved::read(path, session)).transpose()?;
    opened.with_links(|links, file| {
        let plan = opened.plan(links, file, session);
        if let Some(page) = &session.page {
            page::planned(&plan, page, &session.events, args.dry_run);
        }
        if args.dry_run {
            show(&plan, session)?;
            if let Some(page) = &session.page {
                page.closing(&text::summary(&plan));
            }
            return plan.require_sound().map(|()| ExitCode::Ok);
        }
        if let Err(failure) = plan.require_sound() {
            session.events.error(&text::plan(&plan));
            return Err(failure);
        }
        if let Some(before) = &before {
            before.require_same(&plan)?;
        }
        let mut chosen = apply::chosen(file, &plan, &args.limit)?;
        if args.retry_failed {
            chosen = apply::only_unfinished(&plan, &chosen);
        }
        let prune = args.prune && !plan.left.is_empty();
        let changes = plan.hosts.iter().zip(&chosen).any(|(host, chosen)| *chosen && host.changes());
        if (changes || prune) && before.is_none() && !args.yes {
            let prunes = if prune { "The nodes that are not in the file are removed.\n" } else { "" };
            confirm(&format!("{}{prunes}This changes the hosts above.", text::plan(&plan)), session)?;
        }
        let id = new_id(session)?;
        let log = args.log_dir.as_ref().map(|path| Log::new(&session.env.cwd.join(path))).transpose()?;
        let watcher = Watcher::new(session, chosen.iter().filter(|chosen| **chosen).count(), log);
        let events = session.events.clone();
        let interrupt = Interrupt::listen(move || events.error(INTERRUPTED));
        let stop = || interrupt.is_noted().then_some("interrupted");
        let work = Applying {
            file,
            links,
            plan: &plan,
            chosen: &chosen,
            id: &id,
            clock: &session.env.clock,
            watch: &watcher,
            stop: &stop,
            fix: args.fix,
        };
        let mut results = apply::apply(&work);
        let is_well =
            results.iter().all(|result| matches!(result.state, State::Changed | State::Unchanged | State::Skipped));
        if prune && is_well {
            results.extend(pruned(&plan, links, file, &id, session, &watcher));
        }
        watcher.end();
        let context = match &args.kubeconfig_out {
            Some(path) => Some(kubeconfig::merge(control_plane(&plan, links, &results)?, &session.env.cwd.join(path))?),
            None => None,
        };
        finish(&id, &results, context.as_deref(), session)
    })
}

/// A control plane that is in the cluster now.
fn control_plane<'a>(plan: &Plan, links: &'a [Link<'a>], results: &[HostResult]) -> Result<&'a Link<'a>> {
    let is_one = |at: usize| {
        let is_there = results.get(at).is_some_and(|result| matches!(result.state, State::Changed | State::Unchanged));
        let seen = plan.seen_from.as_ref() == plan.hosts.get(at).map(|host| &host.host);
        plan.hosts.get(at).is_some_and(|host| (host.action == Action::Init && is_there) || seen)
    };
    let found = (0..links.len()).find(|at| is_one(*at)).and_then(|at| links.get(at));
    found.ok_or_else(|| FleetError::NoControlPlane.into())
}

/// Removes the nodes that the file does not list. Their hosts are not reached by it: only those that are gone can go.
fn pruned(
    plan: &Plan,
    links: &[Link<'_>],
    file: &ClusterFile,
    id: &str,
    session: &Session,
    watcher: &Watcher,
) -> Vec<HostResult> {
    let seen: Vec<survey::Seen> = links.iter().map(|link| survey::look(link, &session.env.clock)).collect();
    let Some(through) = crate::fleet::plan::through(file, &seen).and_then(|at| links.get(at)) else {
        return Vec::new();
    };
    let leaving: Vec<Leaving<'_>> = plan
        .left
        .iter()
        .map(|node| Leaving {
            host: node.name.clone(),
            node: node.name.clone(),
            link: None,
            lives: node.ready,
            worker: false,
        })
        .collect();
    removal::remove(&leaving, through, id, &session.env.clock, watcher)
}
