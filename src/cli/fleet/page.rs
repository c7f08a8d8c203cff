//! What the page of an `apply` shows of each host.

use super::text;
use crate::base::events::Events;
use crate::cli::page::Page;
use crate::fleet::outcome::{HostResult, State};
use crate::fleet::plan::{Action, HostPlan, Plan};
use crate::report::html::HostLine;

/// The hosts as they are planned, and what was found.
pub(super) fn planned(plan: &Plan, page: &Page, events: &Events, is_dry_run: bool) {
    let line = |host: &HostPlan| HostLine {
        host: host.host.clone(),
        role: host.role.to_string(),
        plan: host.shown(),
        is_bad: matches!(host.action, Action::Unreachable | Action::Impossible),
        help: host.help.as_deref().map(|help| events.masked(help)),
        ..HostLine::default()
    };
    page.hosts(plan.hosts.iter().map(line).collect(), is_dry_run);
    page.remarks(events.masked(&text::remarks(plan)));
}

/// How it ended for each host.
pub(super) fn ended(results: &[HostResult], page: &Page, events: &Events) {
    page.results(&mut results.iter().map(|result| HostLine {
        host: result.host.clone(),
        state: Some(result.state.word()),
        is_bad: matches!(result.state, State::Failed | State::Unreachable),
        why: events.masked(&result.why),
        help: result.help.as_deref().map(|help| events.masked(help)),
        changes: result.changes,
        millis: result.millis,
        ..HostLine::default()
    }));
}
