//! `remove`: takes hosts out of their cluster.

use super::ending::{finish, new_id};
use super::opened::Opened;
use super::watcher::Watcher;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::cli::args::fleet::RemoveHostArgs;
use crate::cli::confirm::confirm;
use crate::cli::session::Session;
use crate::config::cluster::Role;
use crate::fleet::apply;
use crate::fleet::error::FleetError;
use crate::fleet::plan::{self, Action};
use crate::fleet::removal::{self, Leaving};
use serde_json::json;

pub(super) fn run(args: &RemoveHostArgs, opened: &Opened, session: &mut Session) -> Result<ExitCode> {
    opened.with_links(|links, file| {
        let seen = opened.survey(links, session);
        let plan = plan::plan(file, &seen);
        let chosen = apply::chosen(file, &plan, &args.hosts)?;
        // Another control plane than those that leave.
        let stays = |at: &usize| !chosen.get(*at).is_some_and(|chosen| *chosen);
        let through =
            (0..links.len()).filter(stays).find(|at| seen.get(*at).is_some_and(|seen| seen.cluster().is_some()));
        let through = through.and_then(|at| links.get(at)).ok_or(FleetError::NoControlPlane)?;
        let mut leaving = Vec::new();
        for (at, host) in plan.hosts.iter().enumerate().filter(|(at, _)| !stays(at)) {
            let is_member = seen.get(at).and_then(|seen| seen.facts()).is_some_and(|facts| facts.node.is_some());
            let link = links.get(at).filter(|_| is_member);
            if let Some(node) = host.node.clone().filter(|_| is_member || host.action != Action::Join) {
                leaving.push(Leaving {
                    host: host.host.clone(),
                    node,
                    link,
                    lives: false,
                    worker: host.role == Role::Worker,
                });
            }
        }
        let lines: Vec<String> = leaving.iter().map(describe).collect();
        if args.dry_run {
            let hosts: Vec<_> = leaving.iter().map(|one| json!({ "host": one.host, "node": one.node })).collect();
            session.print(&json!({ "remove": hosts }), &lines.concat())?;
            return Ok(ExitCode::Ok);
        }
        if !args.yes && !leaving.is_empty() {
            confirm(&format!("{}Remove these hosts from the cluster.", lines.concat()), session)?;
        }
        let id = new_id(session)?;
        let watcher = Watcher::new(session, leaving.len(), None);
        let results = removal::remove(&leaving, through, &id, &session.env.clock, &watcher);
        watcher.end();
        finish(&id, &results, None, session)
    })
}

fn describe(one: &Leaving<'_>) -> String {
    match one.link {
        Some(_) => format!("{}: node {} is drained, and its host is reset\n", one.host, one.node),
        None => format!("{}: its host is treated as permanently gone, and node {} is removed\n", one.host, one.node),
    }
}
