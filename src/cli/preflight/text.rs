//! The report of `preflight` for people.

use crate::base::folded::folded;
use crate::base::gate::Entry;
use crate::checks::fix::Fixed;
use crate::checks::{Finding, Report, Role, Severity};
use crate::cli::args::preflight::PreflightArgs;
use crate::cli::plan_text::{self, count};
use std::fmt;

/// As wide as a terminal is at least.
const WIDTH: usize = 80;

/// What there is to tell.
pub struct Told<'a> {
    /// What was asked for.
    pub args: &'a PreflightArgs,
    /// What the host is to become.
    pub role: Role,
    /// What was found.
    pub report: &'a Report,
    /// What was mended, or would be.
    pub fixed: &'a [Fixed],
    /// What was changed, or would be.
    pub changed: &'a [Entry],
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.report.findings {
            write!(f, "{}", one(finding))?;
        }
        if !self.report.findings.is_empty() {
            writeln!(f)?;
        }
        if self.args.fix && self.args.dry_run {
            write!(f, "{}", plan_text::text(self.changed))?;
        } else if !self.fixed.is_empty() {
            writeln!(f, "Mended by {}.", count(self.changed.len(), "change"))?;
        }
        write!(f, "{}", folded(&self.verdict(), WIDTH, "", ""))?;
        match self.help() {
            Some(help) => write!(f, "{}", folded(&help, WIDTH, "", "  ")),
            None => Ok(()),
        }
    }
}

impl Told<'_> {
    fn verdict(&self) -> String {
        let task = match self.role {
            Role::FirstControlPlane => "'kubewright init'",
            Role::ControlPlane => "'kubewright join --control-plane'",
            Role::Worker => "'kubewright join'",
        };
        let errors = self.report.errors().count();
        let warnings = self.report.findings.len() - errors;
        let checks = count(self.report.checks.len(), "check");
        match (errors, warnings) {
            (0, 0) => format!("This host is fit for {task}: {checks}, nothing found."),
            (0, _) => format!("This host is fit for {task}: {checks}, {}.", count(warnings, "warning")),
            (_, 0) => format!("This host is not fit yet for {task}: {checks}, {}.", count(errors, "error")),
            _ => {
                let found = format!("{} and {}", count(errors, "error"), count(warnings, "warning"));
                format!("This host is not fit yet for {task}: {checks}, {found}.")
            }
        }
    }

    /// What to type next.
    fn help(&self) -> Option<String> {
        let join = if self.role == Role::FirstControlPlane { "" } else { " join" };
        let mendable = self.report.findings.iter().any(|finding| finding.repair.is_some() && !finding.ignored);
        if mendable && !self.args.fix {
            return Some(format!(
                "help: run 'kubewright preflight{join} --fix --dry-run' (with the options of this command) to see what \
                 can be mended for you, and without --dry-run to have it mended"
            ));
        }
        (!self.fixed.is_empty() && !self.args.dry_run)
            .then(|| "help: run 'kubewright preflight --undo-fix' to have everything as it was".into())
    }
}

fn one(finding: &Finding) -> String {
    let severity = match (finding.severity, finding.ignored) {
        (Severity::Error, _) => "ERROR",
        (Severity::Warning, true) => "IGNORED",
        (Severity::Warning, false) => "WARNING",
    };
    let place = if finding.place.is_empty() { String::new() } else { format!(" ({})", finding.place) };
    let mut text = folded(&format!("{severity} {}{place}", finding.id), WIDTH, "", "  ");
    text += &folded(&finding.what, WIDTH, "  ", "  ");
    if !finding.fix.is_empty() {
        text += &folded(&format!("fix: {}", finding.fix), WIDTH, "  ", "    ");
    }
    text
}
