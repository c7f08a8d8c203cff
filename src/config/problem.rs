//! Errors in a configuration, collected and reported as one.
//!
//! Secret values are never part of a message.

use super::tree::Mark;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use std::fmt;

/// An error in a value, without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// A lower-case fragment.
    pub what: String,
    /// How to fix it.
    pub help: Option<String>,
}

impl Complaint {
    /// A complaint without help.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), help: None }
    }

    /// A complaint with help.
    pub fn with_help(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: Some(help.into()) }
    }
}

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A flag, with its dashes.
    Flag(&'static str),
    /// The host: its name, addresses and kubelet.
    Host,
    /// The configuration file.
    File {
        mark: Mark,
        /// The field: `apiServer.extraArgs[2].name`; empty for a whole document.
        path: String,
    },
}

/// An error with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub place: Place,
    pub complaint: Complaint,
}

/// An accepted but questionable value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The place and the problem, on one line.
    pub text: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.help.iter().try_for_each(|help| write!(f, "; {help}"))
    }
}

/// A file that is not a configuration at all has an error on every line.
const MOST_TOLD: usize = 100;
/// The help if there is none that is more specific.
const EXAMPLE: &str = "compare it with an example: run 'kubewright config print init-defaults'";

/// All errors in a configuration; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    source_name: String,
    problems: Vec<Problem>,
}

impl ConfigErrors {
    /// Flags first, then by position.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The file as named by the user.
    pub fn source_name(&self) -> &str {
        &self.source_name
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.problems.as_slice() {
            return f.write_str(&line(&self.source_name, &only.place, &only.complaint.what));
        }
        write!(f, "the configuration has {} errors", self.problems.len())?;
        for problem in self.problems.iter().take(MOST_TOLD) {
            write!(f, "\n  {}", line(&self.source_name, &problem.place, &problem.complaint.what))?;
            if let Some(help) = &problem.complaint.help {
                write!(f, "\n    help: {help}")?;
            }
        }
        match self.problems.len().saturating_sub(MOST_TOLD) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl Fault for ConfigErrors {
    fn hint(&self) -> Option<String> {
        let first_help = self.problems.iter().take(MOST_TOLD).find_map(|problem| problem.complaint.help.clone());
        let in_file = self.problems.iter().any(|problem| matches!(problem.place, Place::File { .. }));
        match (first_help, self.problems.len()) {
            (Some(help), 1) => Some(help),
            (None, _) if in_file => Some(EXAMPLE.into()),
            _ => None,
        }
    }
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
}

/// `FILE:LINE:COLUMN: path: what`, or the flag instead of the file.
fn line(source_name: &str, place: &Place, what: &str) -> String {
    match place {
        Place::Flag(flag) => format!("{flag}: {what}"),
        Place::Host => format!("this host: {what}"),
        Place::File { mark, path } if path.is_empty() => {
            format!("{source_name}:{}:{}: {what}", mark.line, mark.column)
        }
        Place::File { mark, path } => format!("{source_name}:{}:{}: {path}: {what}", mark.line, mark.column),
    }
}

/// Collects errors and warnings while a configuration is read.
#[derive(Clone, Debug)]
pub(super) struct Report {
    source_name: String,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl Report {
    /// An empty report for the file of this name.
    pub(super) fn new(source_name: &str) -> Self {
        Self { source_name: source_name.to_owned(), problems: Vec::new(), warnings: Vec::new() }
    }

    /// Adds an error, once.
    pub(super) fn problem(&mut self, place: Place, complaint: Complaint) {
        let problem = Problem { place, complaint };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Adds a warning, once.
    pub(super) fn warn(&mut self, place: &Place, complaint: Complaint) {
        let warning = Warning { text: line(&self.source_name, place, &complaint.what), help: complaint.help };
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// The warnings, if there are no errors.
    pub(super) fn finish(self) -> Result<Vec<Warning>, ConfigErrors> {
        if self.problems.is_empty() { Ok(self.warnings) } else { Err(self.into_errors()) }
    }

    /// The errors, of which there must be one.
    pub(super) fn into_errors(mut self) -> ConfigErrors {
        self.problems.sort_by(|a, b| a.place.cmp(&b.place));
        ConfigErrors { source_name: self.source_name, problems: self.problems }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, path: &str) -> Place {
        Place::File { mark: Mark { line, column: 3 }, path: path.into() }
    }

    #[test]
    fn the_help_of_a_single_error_is_the_hint() {
        let mut report = Report::new("c.yaml");
        report.problem(at(4, "networking.podSubnet"), Complaint::with_help("is odd", "make it even"));
        let errors = report.finish().unwrap_err();
        assert_eq!(errors.to_string(), "c.yaml:4:3: networking.podSubnet: is odd");
        assert_eq!(errors.hint().as_deref(), Some("make it even"));
        assert_eq!(errors.exit_code(), ExitCode::Input);
    }

    #[test]
    fn several_errors_are_sorted_and_have_their_help() {
        let mut report = Report::new("c.yaml");
        report.problem(at(14, "b"), Complaint::new("is wrong"));
        report.problem(at(9, "a"), Complaint::with_help("is wrong too", "did you mean 'c'?"));
        report.problem(Place::Flag("--token"), Complaint::new("is not a token"));
        report.problem(at(14, "b"), Complaint::new("is wrong"));
        let text = report.finish().unwrap_err().to_string();
        assert_eq!(
            text,
            "the configuration has 3 errors\n  --token: is not a token\n  c.yaml:9:3: a: is wrong too\n    \
             help: did you mean 'c'?\n  c.yaml:14:3: b: is wrong"
        );
    }
}
