//! A failure as values: what the screen, JSON and the page of a run show of it.

use crate::base::fault::Failure;
use serde::Serialize;

/// A failure, masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorText {
    /// The phase or host where it happened.
    pub phase: Option<String>,
    pub error: String,
    pub caused_by: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

impl ErrorText {
    /// The texts of a failure as `shown` masks them.
    pub fn of(failure: &Failure, shown: impl Fn(&str) -> String) -> Self {
        Self {
            phase: failure.places().first().cloned(),
            error: shown(&failure.to_string()),
            caused_by: failure.causes().iter().map(|cause| shown(cause)).collect(),
            help: failure.hint().map(|hint| shown(&hint)),
        }
    }

    /// `error: …`, `caused by: …`, the places that it passed through, `help: …`.
    pub fn lines(&self, places: &[String]) -> String {
        let place = self.phase.as_ref().map(|place| format!("[{place}] ")).unwrap_or_default();
        let causes = self.caused_by.iter().map(|cause| format!("caused by: {cause}"));
        let places = places.iter().map(|place| format!("in: {place}"));
        let help = self.help.iter().map(|help| format!("help: {help}"));
        let lines = [format!("error: {place}{}", self.error)].into_iter().chain(causes).chain(places).chain(help);
        lines.map(|line| line + "\n").collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::exit_code::ExitCode;
    use crate::base::fault::Fault;
    use crate::base::masked;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read ca.crt: it lacks '-----BEGIN CERTIFICATE-----'")]
    struct Damaged;
    impl Fault for Damaged {
        fn exit_code(&self) -> ExitCode {
            ExitCode::Input
        }
        fn hint(&self) -> Option<String> {
            Some("run 'file ca.crt'".into())
        }
    }

    /// What looks like the beginning of a key was masked up to the end of all lines.
    #[test]
    fn a_masked_error_does_not_hide_the_help() {
        let failure = Failure::from(Damaged).within("certs/ca");
        let text = ErrorText::of(&failure, masked::sentence).lines(failure.places());
        assert_eq!(
            text,
            "error: [certs/ca] cannot read ca.crt: it lacks '***\nin: certs/ca\nhelp: run 'file ca.crt'\n"
        );
    }
}
