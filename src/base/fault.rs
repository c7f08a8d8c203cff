//! The interface of all errors, and the type that carries them upward.
//!
//! Each layer has its own small enum (thiserror) that implements [`Fault`]. [`Failure`] carries any of them to the one
//! place that prints them (`cli::report`), so a lower layer never names a higher one and no central enum has to list
//! them all (docs/adr/0002).

use super::exit_code::ExitCode;
use std::fmt;

/// What every error must provide.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    /// What the user can do about it, preferably as `run '…'`. None only if there is nothing.
    fn hint(&self) -> Option<String> {
        None
    }
    /// The exit code of a command that fails with this error.
    fn exit_code(&self) -> ExitCode;
    /// True if the same attempt may succeed a moment later.
    fn retryable(&self) -> bool {
        false
    }
}

/// Any [`Fault`].
///
/// Deliberately not a `std::error::Error` itself: that is what lets `?` convert every fault into it.
pub struct Failure {
    fault: Box<dyn Fault>,
    /// Where it happened, innermost first: phase paths and host names.
    within: Vec<String>,
}

/// The result of functions that can fail with the errors of several layers.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl<F: Fault> From<F> for Failure {
    fn from(fault: F) -> Self {
        Self { fault: Box::new(fault), within: Vec::new() }
    }
}

impl Failure {
    /// The fault itself, for its properties and its `source()` chain.
    pub fn fault(&self) -> &dyn Fault {
        self.fault.as_ref()
    }

    /// The fault as a layer's own type, for code that decides by it.
    pub fn downcast_ref<F: Fault>(&self) -> Option<&F> {
        let error: &(dyn std::error::Error + 'static) = self.fault.as_ref();
        error.downcast_ref::<F>()
    }

    /// The same failure, known to have happened in `place` (a phase path, a host). The same failure, recorded as having
    /// happened in `place` (a phase path or a host).
    #[must_use]
    pub fn within(mut self, place: impl Into<String>) -> Self {
        self.within.push(place.into());
        self
    }

    /// The places it passed through, innermost first.
    pub fn places(&self) -> &[String] {
        &self.within
    }

    pub fn hint(&self) -> Option<String> {
        self.fault.hint()
    }

    pub fn exit_code(&self) -> ExitCode {
        self.fault.exit_code()
    }

    pub fn retryable(&self) -> bool {
        self.fault.retryable()
    }

    /// The error with its causes, in one line.
    pub fn with_causes(&self) -> String {
        [vec![self.to_string()], self.causes()].concat().join(": ")
    }

    /// The messages of the underlying causes, outermost first, without those that only repeat the message above.
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
    fn causes_are_listed_and_the_type_can_be_recovered() {
        let failure: Failure = Outer(std::io::Error::other("disk on fire")).into();
        let failure = failure.within("certs/ca");
        assert_eq!(failure.causes(), ["disk on fire"]);
        assert_eq!(failure.places(), ["certs/ca"]);
        assert!(failure.downcast_ref::<Outer>().is_some());
        assert_eq!(failure.exit_code(), ExitCode::Input);
    }
}
