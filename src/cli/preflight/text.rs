//! The report of `preflight` as text.

use crate::base::wrap::wrap;
use crate::checks::fix::Fixed;
use crate::checks::{Finding, Report, Role, Severity};
use crate::cli::args::preflight::PreflightArgs;
use crate::report::{self, Paint, count};
use crate::state::status;
use std::fmt;

/// The least width of a terminal.
const WIDTH: usize = 80;

/// What is wrong with the cluster whose files this host has; empty if nothing is.
pub fn of_node(status: &status::Status, paint: Paint) -> String {
    if status.severity < status::Severity::Warning {
        return String::new();
    }
    let causes = report::status::causes(status, WIDTH, paint);
    format!("This host has the files of a node, and 'kubewright status' finds:\n\n{causes}\nFor this command:\n\n")
}

/// What `preflight` found and did.
pub struct ReportText<'a> {
    pub args: &'a PreflightArgs,
    /// What the host is checked for.
    pub role: Role,
    /// Something is critical on the node that this host is.
    pub node_is_critical: bool,
    pub report: &'a Report,
    /// What was fixed, or would be.
    pub fixed: &'a [Fixed],
    /// How many changes were made, or would be.
    pub changes: usize,
    /// The plan of a dry run; empty without one.
    pub plan: &'a str,
}

impl fmt::Display for ReportText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.report.findings {
            write!(f, "{}", one(finding))?;
        }
        if !self.report.findings.is_empty() {
            writeln!(f)?;
        }
        if self.args.fix && self.args.dry_run {
            write!(f, "{}", self.plan)?;
        } else if !self.fixed.is_empty() {
            writeln!(f, "Fixed with {}.", count(self.changes, "change"))?;
        }
        write!(f, "{}", wrap(&self.verdict(), WIDTH, "", ""))?;
        match self.help() {
            Some(help) => write!(f, "{}", wrap(&help, WIDTH, "", "  ")),
            None => Ok(()),
        }
    }
}

impl ReportText<'_> {
    fn verdict(&self) -> String {
        let task = match self.role {
            Role::FirstControlPlane => "'kubewright init'",
            Role::ControlPlane => "'kubewright join --control-plane'",
            Role::Worker => "'kubewright join'",
        };
        let errors = self.report.errors().count();
        let warnings = self.report.findings.len() - errors;
        let checks = count(self.report.checks.len(), "check");
        let apart = if self.node_is_critical { ", apart from what is critical above" } else { "" };
        match (errors, warnings) {
            (0, 0) => format!("This host is ready for {task}{apart}: {checks} passed."),
            (0, _) => format!("This host is ready for {task}{apart}: {checks}, {}.", count(warnings, "warning")),
            (_, 0) => format!("This host is not ready for {task}: {checks}, {}.", count(errors, "error")),
            _ => {
                let found = format!("{} and {}", count(errors, "error"), count(warnings, "warning"));
                format!("This host is not ready for {task}: {checks}, {found}.")
            }
        }
    }

    /// The next command.
    fn help(&self) -> Option<String> {
        let join = if self.role == Role::FirstControlPlane { "" } else { " join" };
        let fixable = self.report.findings.iter().any(|finding| finding.repair.is_some() && !finding.ignored);
        if fixable && !self.args.fix {
            return Some(format!(
                "help: run 'kubewright preflight{join} --fix --dry-run' (with the options of this command) to preview the \
                 fixes, and without --dry-run to apply them"
            ));
        }
        (!self.fixed.is_empty() && !self.args.dry_run)
            .then(|| "help: run 'kubewright preflight --undo-fix' to revert the fixes".into())
    }
}

fn one(finding: &Finding) -> String {
    let severity = match (finding.severity, finding.ignored) {
        (Severity::Error, _) => "ERROR",
        (Severity::Warning, true) => "IGNORED",
        (Severity::Warning, false) => "WARNING",
    };
    let place = if finding.place.is_empty() { String::new() } else { format!(" ({})", finding.place) };
    let mut text = wrap(&format!("{severity} {}{place}", finding.id), WIDTH, "", "  ");
    text += &wrap(&finding.what, WIDTH, "  ", "  ");
    if !finding.fix.is_empty() {
        text += &wrap(&format!("fix: {}", finding.fix), WIDTH, "  ", "    ");
    }
    text
}
