//! Named waits with a deadline that report their last error.
//!
//! A wait polls quickly at first and more slowly later. What it waits for, and why it is not over yet, is reported as
//! events.

use super::env::Clock;
use super::events::Events;
use super::exit_code::ExitCode;
use super::fault::{Failure, Fault};
use std::time::Duration;

/// The result of a poll.
pub enum Poll<T> {
    /// It is there.
    Ready(T),
    /// Not yet, and why: shown while waiting and in the error on timeout.
    Pending(String),
}

/// The wait timed out.
#[derive(Debug, thiserror::Error)]
#[error("timed out after {limit:?} waiting for {what}: {last}")]
pub struct TimedOut {
    /// A noun phrase: "a healthy kube-apiserver".
    pub what: String,
    pub limit: Duration,
    /// The result of the last poll.
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

/// A named wait. The pause between polls grows from `first` to `slowest`.
pub struct Wait<'a> {
    /// A noun phrase.
    pub what: &'a str,
    /// The timeout, from the start of [`Wait::until`].
    pub limit: Duration,
    pub first: Duration,
    pub slowest: Duration,
}

impl<'a> Wait<'a> {
    /// A wait that polls every 20 ms at first, and every 500 ms later.
    pub fn new(what: &'a str, limit: Duration) -> Self {
        Self { what, limit, first: Duration::from_millis(20), slowest: Duration::from_millis(500) }
    }

    /// Polls until `look` is ready, fails with an error that is not [`Fault::retryable`], or times out.
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

/// Limits how often an expensive check runs during a wait whose other polls are cheap.
pub struct Pace {
    every: Duration,
    /// By the clock's [`monotonic`](Clock::monotonic) time.
    next: Duration,
}

impl Pace {
    /// For the first time after `first`, then once every `every`.
    pub fn new(clock: &Clock, first: Duration, every: Duration) -> Self {
        Self { every, next: clock.monotonic() + first }
    }

    /// True if the check is due; the next one is then scheduled.
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
    fn a_timeout_reports_the_last_result() {
        let clock = Clock::fixed(0);
        let wait = Wait::new("a healthy etcd", Duration::from_secs(3));
        let failure =
            wait.until::<()>(&clock, &Events::silent(), || Ok(Poll::Pending("connection refused".into()))).unwrap_err();
        assert_eq!(failure.to_string(), "timed out after 3s waiting for a healthy etcd: connection refused");
        assert_eq!(failure.exit_code(), ExitCode::Unhealthy);
    }

    #[test]
    fn a_result_is_returned() {
        let mut looks = 0;
        let found = Wait::new("x", Duration::from_secs(9)).until(&Clock::fixed(0), &Events::silent(), || {
            looks += 1;
            Ok(if looks == 3 { Poll::Ready(looks) } else { Poll::Pending("no".into()) })
        });
        assert_eq!(found.unwrap(), 3);
    }
}
