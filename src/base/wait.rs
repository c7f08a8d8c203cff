//! Waits that have a name, a deadline and a last error.
//!
//! A wait polls fast at first and slower later; what it waits for, and why it has not ended yet,
//! goes to the events so that nobody sits before a silent screen.

use super::env::Clock;
use super::events::Events;
use super::exit_code::ExitCode;
use super::fault::{Failure, Fault};
use std::time::Duration;

/// What one look at the world found.
pub enum Poll<T> {
    /// It is there.
    Ready(T),
    /// Not yet, and why: shown while waiting and in the error if time runs out.
    Pending(String),
}

/// The wait ran out of time.
#[derive(Debug, thiserror::Error)]
#[error("{what} did not happen within {limit:?}: {last}")]
pub struct TimedOut {
    /// What was awaited, as a noun phrase: "a healthy kube-apiserver".
    pub what: String,
    /// The time that was given.
    pub limit: Duration,
    /// What the last look found.
    pub last: String,
}

impl Fault for TimedOut {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unhealthy
    }
    fn retryable(&self) -> bool {
        true
    }
}

/// A named wait. The first looks come every `first`, later ones up to `slowest` apart.
pub struct Wait<'a> {
    /// What is awaited, as a noun phrase.
    pub what: &'a str,
    /// The deadline, measured from the start of [`Wait::until`].
    pub limit: Duration,
    /// The pause after the first look.
    pub first: Duration,
    /// The longest pause between two looks.
    pub slowest: Duration,
}

impl<'a> Wait<'a> {
    /// A wait that starts at 20 ms between looks and slows down to 500 ms.
    pub fn new(what: &'a str, limit: Duration) -> Self {
        Self { what, limit, first: Duration::from_millis(20), slowest: Duration::from_millis(500) }
    }

    /// Looks until `look` is ready, fails for good, or time runs out. A failure that says it is
    /// [`Fault::retryable`] counts as not yet.
    ///
    /// # Errors
    /// The first failure that is not retryable, or [`TimedOut`].
    pub fn until<T>(
        &self,
        clock: &Clock,
        events: &Events,
        mut look: impl FnMut() -> Result<Poll<T>, Failure>,
    ) -> Result<T, Failure> {
        let start = clock.monotonic();
        let mut pause = self.first;
        loop {
            let last = match look() {
                Ok(Poll::Ready(value)) => return Ok(value),
                Ok(Poll::Pending(why)) => why,
                Err(failure) if failure.retryable() => failure.to_string(),
                Err(failure) => return Err(failure),
            };
            let elapsed = clock.monotonic().saturating_sub(start);
            if elapsed >= self.limit {
                return Err(TimedOut { what: self.what.into(), limit: self.limit, last }.into());
            }
            events.waiting(self.what, elapsed, self.limit, &last);
            clock.sleep(pause.min(self.limit.saturating_sub(elapsed)));
            pause = (pause * 3 / 2).min(self.slowest);
        }
    }
}

/// How often something dear is looked at during a wait whose other looks are cheap.
pub struct Pace {
    every: Duration,
    /// By the clock's [`monotonic`](Clock::monotonic) time.
    next: Duration,
}

impl Pace {
    /// For the first time `first` from now on, then `every` so long.
    pub fn new(clock: &Clock, first: Duration, every: Duration) -> Self {
        Self { every, next: clock.monotonic() + first }
    }

    /// True when it is time for another look, which is then taken to be made.
    pub fn is_due(&mut self, clock: &Clock) -> bool {
        let now = clock.monotonic();
        let due = now >= self.next;
        if due {
            self.next = now + self.every;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_what_the_last_look_found() {
        let clock = Clock::fixed(0);
        let wait = Wait::new("a healthy etcd", Duration::from_secs(3));
        let failure =
            wait.until::<()>(&clock, &Events::silent(), || Ok(Poll::Pending("connection refused".into()))).unwrap_err();
        assert_eq!(failure.to_string(), "a healthy etcd did not happen within 3s: connection refused");
        assert_eq!(failure.exit_code(), ExitCode::Unhealthy);
    }

    #[test]
    fn it_returns_what_was_found() {
        let mut looks = 0;
        let found = Wait::new("x", Duration::from_secs(9)).until(&Clock::fixed(0), &Events::silent(), || {
            looks += 1;
            Ok(if looks == 3 { Poll::Ready(looks) } else { Poll::Pending("no".into()) })
        });
        assert_eq!(found.unwrap(), 3);
    }
}
