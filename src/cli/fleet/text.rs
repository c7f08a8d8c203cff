//! Plans and results as text.

use crate::fleet::differences::Differences;
use crate::fleet::outcome::{HostResult, State, counts};
use crate::fleet::plan::{Action, Class, HostPlan, NetworkPlan, Plan};
use crate::report::{Paint, count};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Beyond this number, hosts on which nothing is to be done are only counted.
const FEW: usize = 20;
/// The names that a group of hosts shows.
const NAMES: usize = 5;

/// A plan for people.
pub(super) fn plan(plan: &Plan) -> String {
    let mut text = match &plan.seen_from {
        Some(from) => format!("The cluster as {from} sees it:\n"),
        None if plan.hosts.iter().any(|host| host.action == Action::Init) => "A new cluster:\n".to_owned(),
        None => "No control plane responds:\n".to_owned(),
    };
    let is_quiet = |host: &&HostPlan| plan.hosts.len() > FEW && host.shown() == "unchanged";
    let shown: Vec<&HostPlan> = plan.hosts.iter().filter(|host| !is_quiet(host)).collect();
    let width = shown.iter().map(|host| host.host.chars().count()).max().unwrap_or_default();
    for host in &shown {
        let _ = writeln!(text, "  {:width$}  {:13}  {}", host.host, host.role.to_string(), host.shown());
        if let Some(help) = &host.help {
            let _ = writeln!(text, "  {:width$}  {:13}  help: {help}", "", "");
        }
    }
    let quiet = plan.hosts.len() - shown.len();
    if quiet > 0 {
        let _ = writeln!(text, "  and {quiet} more, which are unchanged");
    }
    if let Some(NetworkPlan { network, .. }) = &plan.pod_network {
        let _ = writeln!(text, "Pod network: {network}, which 'init' installs");
    }
    text += &remarks(plan);
    let _ = writeln!(text, "{}", summary(plan));
    text
}

/// What is to be said beside what is done on each host.
pub(super) fn remarks(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.cluster {
        let class = match change.class {
            Class::InPlace => "in place",
            Class::Procedure => "by a procedure",
            Class::Command => "not done by 'apply'",
            Class::Impossible => "impossible",
        };
        let _ = writeln!(text, "{} {}: {class}: {}", change.field, change.change, change.why);
    }
    for node in &plan.left {
        let state = if node.ready { "Ready" } else { "NotReady" };
        let _ =
            writeln!(text, "Not in the file: node {} ({}, {state}); 'apply --prune' removes it", node.name, node.role);
    }
    for finding in &plan.findings {
        let _ = writeln!(text, "{}: {}", if finding.error { "error" } else { "warning" }, finding.text);
        if let Some(help) = &finding.help {
            let _ = writeln!(text, "  help: {help}");
        }
    }
    text
}

/// `Plan: 1 to init, 2 to join, 3 unchanged.`
pub(super) fn summary(plan: &Plan) -> String {
    let count = |of: &dyn Fn(&&HostPlan) -> bool| plan.hosts.iter().filter(of).count();
    let is = |action: Action| move |host: &&HostPlan| host.action == action;
    let quiet = count(&|host| host.action == Action::Unchanged && !host.changes());
    let parts = [
        (count(&is(Action::Init)), "to init"),
        (count(&is(Action::Join)), "to join"),
        (count(&|host| host.action == Action::Unchanged && host.changes()), "to change"),
        (quiet, "unchanged"),
        (count(&is(Action::Unreachable)), "unreachable"),
        (count(&is(Action::Impossible)), "impossible"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    format!("Plan: {}.", parts.join(", "))
}

/// The differences of all hosts.
pub(super) fn differences(found: &Differences, paint: Paint) -> String {
    let mut text =
        found.cluster.iter().chain(&found.kube_proxy).map(|cluster| cluster.painted(paint)).collect::<String>();
    for host in &found.hosts {
        let _ = write!(text, "{} ({}): {}", host.host, host.role, host.plan);
        match host.files.len() {
            0 => text.push('\n'),
            files => {
                let _ = writeln!(text, "; {} differ{}", count(files, "file"), if files == 1 { "s" } else { "" });
            }
        }
        if let Some(trouble) = &host.trouble {
            let _ = writeln!(text, "error: {}", trouble.why);
            if let Some(help) = &trouble.help {
                let _ = writeln!(text, "  help: {help}");
            }
        }
        text.extend(host.files.iter().map(|file| file.painted(paint)));
        text.extend(host.changes.iter().map(|line| format!("  {line}\n")));
    }
    text
}

/// Results for people: what went wrong, grouped by cause, and the counts.
pub(super) fn results(results: &[HostResult], id: &str) -> String {
    let mut text = String::new();
    let mut groups: BTreeMap<(State, &str), Vec<&HostResult>> = BTreeMap::new();
    for result in results.iter().filter(|result| result.state >= State::Skipped) {
        groups.entry((result.state, &result.why)).or_default().push(result);
    }
    for ((state, why), hosts) in groups {
        let mut names: Vec<&str> = hosts.iter().take(NAMES).map(|host| host.host.as_str()).collect();
        let more = format!("and {} more", hosts.len().saturating_sub(NAMES));
        if hosts.len() > NAMES {
            names.push(&more);
        }
        let _ = writeln!(text, "{}: {}: {why}", state.word(), names.join(", "));
        if let Some(help) = hosts.first().and_then(|host| host.help.as_ref()) {
            let _ = writeln!(text, "  help: {help}");
        }
    }
    text + &done(results, id)
}

/// The last lines of the results.
pub(super) fn done(results: &[HostResult], id: &str) -> String {
    let mut text = String::new();
    if results.iter().any(|result| result.state == State::Failed && result.millis > 0) {
        let _ = writeln!(text, "All events of a failed host are there in /var/lib/kubewright/runs/{id}.ndjson");
    }
    let _ = writeln!(text, "Done: {}.", counts(results));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_one_cause_are_one_line() {
        let failed = |number: usize| HostResult::new(&format!("w-{number}"), State::Failed, "disk full");
        let mut all: Vec<HostResult> = (0..7).map(failed).collect();
        all.push(HostResult::new("w-8", State::Changed, "join"));
        assert_eq!(
            results(&all, "r"),
            "failed: w-0, w-1, w-2, w-3, w-4, and 2 more: disk full\nDone: 1 changed, 7 failed.\n"
        );
    }
}
