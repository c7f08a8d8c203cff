//! What an error must be able to answer, and the one type in which errors travel upward.
//!
//! Each layer has its own small enum (thiserror) that implements [`Fault`]. [`Failure`] carries any
//! of them to the one place that prints (`cli::report`), so a low layer never names a higher one
//! and no central enum has to know them all (docs/adr/0002).

use super::exit_code::ExitCode;
use std::fmt;

/// The questions every error answers.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    /// What the user can do, best as `run '…'`. None only where nothing can be done from outside.
    fn hint(&self) -> Option<String> {
        None
    }
    /// The exit code of a command that ends in this error.
    fn exit_code(&self) -> ExitCode;
    /// True when the same attempt may well succeed a moment later.
    fn retryable(&self) -> bool {
        false
    }
}

/// Any [`Fault`], on its way up.
///
/// Deliberately no `std::error::Error` itself: that is what lets `?` turn every fault into it.
pub struct Failure {
    fault: Box<dyn Fault>,
    /// Where it happened, outermost last; phase paths and host names, not prose.
    within: Vec<String>,
}

/// The result of everything that can fail in more than one layer's way.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl<F: Fault> From<F> for Failure {
    fn from(fault: F) -> Self {
        Self { fault: Box::new(fault), within: Vec::new() }
    }
}

impl Failure {
    /// The fault itself, for its questions and its `source()` chain.
    pub fn fault(&self) -> &dyn Fault {
        self.fault.as_ref()
    }

    /// The fault as one layer's own type, for code that decides by it.
    pub fn downcast_ref<F: Fault>(&self) -> Option<&F> {
        let error: &(dyn std::error::Error + 'static) = self.fault.as_ref();
        error.downcast_ref::<F>()
    }

    /// The same failure, known to have happened in `place` (a phase path, a host).
    #[must_use]
    pub fn within(mut self, place: impl Into<String>) -> Self {
        self.within.push(place.into());
        self
    }

    /// The places it passed through, innermost first.
    pub fn places(&self) -> &[String] {
        &self.within
    }

    /// See [`Fault::hint`].
    pub fn hint(&self) -> Option<String> {
        self.fault.hint()
    }

    /// See [`Fault::exit_code`].
    pub fn exit_code(&self) -> ExitCode {
        self.fault.exit_code()
    }

    /// See [`Fault::retryable`].
    pub fn retryable(&self) -> bool {
        self.fault.retryable()
    }

    /// The messages of the causes beneath the fault, outermost first; a cause that only repeats
    /// the text above it is left out.
    pub fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let mut above = self.fault.to_string();
        let mut next = self.fault.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !above.contains(&text) {
                causes.push(text.clone());
                above = text;
            }
            next = cause.source();
        }
        causes
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        for cause in self.causes() {
            write!(f, "; caused by: {cause}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the file")]
    struct Outer(#[source] std::io::Error);
    impl Fault for Outer {
        fn exit_code(&self) -> ExitCode {
            ExitCode::Input
        }
    }

    #[test]
    fn causes_are_listed_and_the_type_can_be_asked_for() {
        let failure: Failure = Outer(std::io::Error::other("disk on fire")).into();
        let failure = failure.within("certs/ca");
        assert_eq!(failure.causes(), ["disk on fire"]);
        assert_eq!(failure.places(), ["certs/ca"]);
        assert!(failure.downcast_ref::<Outer>().is_some());
        assert_eq!(failure.exit_code(), ExitCode::Input);
    }
}
