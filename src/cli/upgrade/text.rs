//! The plan of an upgrade as text, with kubeadm's tables.

use super::object::{Available, Plan};
use crate::base::wrap::wrap;
use crate::cli::table::Table;
use crate::report::count;
use crate::state::upgrade::component::{Component, KUBELET};
use crate::state::upgrade::finding::{Finding, Severity};
use crate::state::upgrade::goal::Source;
use crate::versions::upgrade_policy::{Class, Violation};
use std::fmt::Write;

/// The width that every terminal has.
const WIDTH: usize = 80;

/// The whole plan. Writing to a String cannot fail.
pub fn plan(plan: &Plan, colours: bool) -> String {
    let mut text = format!("The cluster is {}.\n", plan.cluster_version);
    if let Some(config) = &plan.cluster_configuration {
        let _ = write!(text, "\nStored configuration:\n\n{config}");
    }
    text += &proposal(plan);
    for upgrade in &plan.available_upgrades {
        text += &available(upgrade, colours);
    }
    if !plan.config_versions.is_empty() {
        let mut table = Table::new(["API GROUP", "CURRENT VERSION", "PREFERRED VERSION", "MANUAL UPGRADE REQUIRED"]);
        for config in &plan.config_versions {
            let required = if config.manual_upgrade_required { "yes" } else { "no" };
            table.row([config.group, config.current_version, config.preferred_version, required].map(str::to_owned));
        }
        let _ = write!(text, "\nConfiguration of the components:\n\n{table}");
    }
    text + &findings(plan)
}

fn proposal(plan: &Plan) -> String {
    let Some(last) = plan.available_upgrades.last() else {
        let text = format!(
            "Nothing to upgrade. {} was made for v1.{} and older; a newer release may exist: name it with 'kubewright \
             upgrade plan VERSION'.",
            "This version of kubewright",
            crate::versions::newest()
        );
        return wrap(&text, WIDTH, "", "");
    };
    match last.goal.source {
        Source::Given => String::new(),
        Source::Packages => {
            let text = "The versions below are the newest in the directory of packages. For another one run 'kubewright upgrade \
                        plan VERSION --packages DIR'.";
            wrap(text, WIDTH, "", "")
        }
        Source::Known => {
            let text = "The versions below are the newest that this version of kubewright knows; nothing was looked up on the \
                        internet. For another one run 'kubewright upgrade plan VERSION'.";
            wrap(text, WIDTH, "", "")
        }
    }
}

fn available(upgrade: &Available, colours: bool) -> String {
    let goal = &upgrade.goal;
    let mut text = format!("\nUpgrade to {}: {}\n", goal.version, goal.description);
    if goal.hops.len() > 1 {
        let steps: Vec<String> = goal.hops.iter().map(|hop| hop.version.to_string()).collect();
        text += &wrap(&format!("Steps: {}", steps.join(", ")), WIDTH, "", "  ");
    }
    for violation in &upgrade.violations {
        text += &broken(violation);
    }
    let (by_hand, with_it): (Vec<&Component>, Vec<&Component>) =
        upgrade.components.iter().partition(|component| component.name == KUBELET);
    for (title, rows) in
        [("Upgrade by hand, after the control plane:", by_hand), ("Upgraded with the control plane:", with_it)]
    {
        let rows: Vec<&Component> = rows.into_iter().collect();
        if rows.is_empty() {
            continue;
        }
        let mut table = Table::new(["COMPONENT", "NODE", "CURRENT", "TARGET"]).with_colours(colours);
        for row in rows {
            let node = row.node_name.clone().unwrap_or_default();
            table.row([row.name.into(), node, row.current_version.clone(), row.new_version.clone()]);
        }
        let _ = write!(text, "\n{title}\n\n{table}");
    }
    text
}

fn broken(violation: &Violation) -> String {
    let class = match violation.class {
        Class::Fatal => "NOT ALLOWED",
        Class::NeedsForce => "NEEDS FORCE",
    };
    entry(&format!("{class} {:?} ({})", violation.rule, violation.place), &violation.what, &violation.fix)
}

fn entry(title: &str, what: &str, fix: &str) -> String {
    let mut text = wrap(title, WIDTH, "", "  ");
    text += &wrap(what, WIDTH, "  ", "  ");
    text + &wrap(&format!("fix: {fix}"), WIDTH, "  ", "    ")
}

fn findings(plan: &Plan) -> String {
    let review = &plan.review;
    let numbers = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let numbers = numbers.map(|(severity, name)| (review.count(severity), name));
    let listed: Vec<String> = numbers.iter().filter(|(n, _)| *n > 0).map(|(n, name)| count(*n, name)).collect();
    let result = if listed.is_empty() { "nothing found".to_owned() } else { listed.join(", ") };
    let mut text =
        format!("\nChecked for {}: {}, {result}.\n", plan.checked_version, count(review.checks.len(), "check"));
    for finding in &review.findings {
        text += &one(finding);
    }
    if !review.not_checked.is_empty() {
        text += "\nNot checked:\n";
        for unchecked in &review.not_checked {
            text += &wrap(&format!("{}: {}", unchecked.check, unchecked.why), WIDTH, "  ", "    ");
        }
    }
    if !plan.available_upgrades.is_empty() {
        let _ = write!(
            text,
            "\nTo see how the files of this host change:\n    kubewright upgrade diff {}\n",
            plan.checked_version
        );
    }
    text
}

fn one(finding: &Finding) -> String {
    let severity = match (finding.severity, finding.ignored) {
        (Severity::Error, _) => "ERROR",
        (Severity::Warning, true) => "IGNORED",
        (Severity::Warning, false) => "WARNING",
        (Severity::Note, _) => "NOTE",
    };
    entry(&format!("{severity} {} ({})", finding.check, finding.place), &finding.what, &finding.fix)
}
