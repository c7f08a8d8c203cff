//! What the checks of an upgrade find.

use serde::Serialize;

/// How bad a finding is for the upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// The upgrade fails, or breaks something.
    Error,
    /// It may.
    Warning,
    /// Worth knowing.
    Note,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    pub severity: Severity,
    /// The node, file or object.
    #[serde(rename = "where")]
    pub place: String,
    /// The problem: one sentence without a full stop.
    pub what: String,
    /// What the user can do.
    pub fix: String,
    /// True if the user ignores errors of this check.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
}

/// What one check found. Its name is added by the review.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub findings: Vec<Finding>,
    /// What could not be checked, and why.
    pub unchecked: Vec<String>,
}

impl Outcome {
    /// A check that could not be made.
    pub fn not_checked(why: impl Into<String>) -> Self {
        Self { unchecked: vec![why.into()], ..Self::default() }
    }

    pub fn error(&mut self, place: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Error, place, what, fix);
    }

    pub fn warning(&mut self, place: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Warning, place, what, fix);
    }

    pub fn note(&mut self, place: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Note, place, what, fix);
    }

    fn add(&mut self, severity: Severity, place: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) {
        let (place, what, fix) = (place.into(), what.into(), fix.into());
        self.findings.push(Finding { check: "", severity, place, what, fix, ignored: false });
    }

    /// The findings as `severity place: what`, for tests.
    #[cfg(test)]
    pub fn shown(&self) -> Vec<String> {
        let one = |finding: &Finding| {
            assert!(
                !finding.fix.is_empty() && !finding.place.is_empty() && !finding.what.ends_with('.'),
                "{finding:?}"
            );
            format!("{:?} {}: {}", finding.severity, finding.place, finding.what)
        };
        self.findings.iter().map(one).collect()
    }
}

/// A check that was not made, or only in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unchecked {
    pub check: &'static str,
    pub why: String,
}

/// The result of all checks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// The names of all checks, in order.
    pub checks: Vec<&'static str>,
    /// Errors first.
    pub findings: Vec<Finding>,
    /// What could not be checked. That is not a pass.
    pub not_checked: Vec<Unchecked>,
}

impl Review {
    /// Adds the outcome of a check.
    pub fn add(&mut self, check: &'static str, outcome: Outcome) {
        self.checks.push(check);
        self.findings.extend(outcome.findings.into_iter().map(|finding| Finding { check, ..finding }));
        self.not_checked.extend(outcome.unchecked.into_iter().map(|why| Unchecked { check, why }));
    }

    /// Errors of these checks, named in lower case, become ignored warnings; then errors come first.
    #[must_use]
    pub fn finish(mut self, ignored: &[String]) -> Self {
        for finding in self.findings.iter_mut().filter(|finding| finding.severity == Severity::Error) {
            if ignored.iter().any(|name| name == "all" || *name == finding.check.to_lowercase()) {
                (finding.severity, finding.ignored) = (Severity::Warning, true);
            }
        }
        self.findings.sort_by_key(|finding| finding.severity);
        self
    }

    /// The number of findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_first_and_an_ignored_one_is_a_warning() {
        let review = || {
            let mut review = Review::default();
            let mut outcome = Outcome::not_checked("no answer");
            outcome.note("n1", "a note", "nothing");
            outcome.error("n1", "an error", "fix it");
            review.add("Nodes", outcome);
            review
        };
        let plain = review().finish(&[]);
        assert_eq!((plain.findings[0].severity, plain.findings[0].check), (Severity::Error, "Nodes"));
        assert_eq!((plain.count(Severity::Error), plain.not_checked[0].why.as_str()), (1, "no answer"));
        for name in ["nodes", "all"] {
            let ignored = review().finish(&[name.into()]);
            assert_eq!((ignored.findings[0].severity, ignored.findings[0].ignored), (Severity::Warning, true));
        }
        assert_eq!(review().finish(&["etcd".into()]).count(Severity::Error), 1);
    }
}
