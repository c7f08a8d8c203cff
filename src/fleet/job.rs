//! A command on a host that outlives the connection: it is started there, its events are followed, and after a cut they are
//! followed on from the last one.

use super::error::{FleetError, exit_code};
use super::link::Link;
use crate::base::env::Clock;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Result};
use crate::base::secret::Secret;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// The pauses before a host is connected to again.
const PAUSES: [u64; 4] = [2, 5, 10, 20];
/// How long a host may be away in the middle of a run.
const AWAY: Duration = Duration::from_mins(10);
/// The most events of a run.
const MOST: u64 = 200_000;
/// The longest event.
const LONGEST: usize = 128 << 10;

/// A run on a host.
pub struct Job {
    /// Unique on the host; a second start with the same id only follows.
    pub id: String,
    order: Secret<String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// None if it is not known.
    pub changes: Option<u64>,
}

impl Done {
    /// The end of both; how many changes is known if it is of each.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        Self { changes: self.changes.zip(later.changes).map(|(before, more)| before + more) }
    }
}

/// What has been seen of a run.
#[derive(Default)]
struct Progress {
    seq: u64,
    error: Option<Value>,
    ending: Option<(i32, Option<u64>)>,
    excess: Option<&'static str>,
}

impl Job {
    /// A command with its words and standard input.
    pub fn new(id: &str, words: &[&str], input: &Secret<String>) -> Self {
        Self::with_files(id, words, input, &[])
    }

    /// The same with files, by their names, in its working directory.
    pub fn with_files(id: &str, words: &[&str], input: &Secret<String>, files: &[(&str, &str)]) -> Self {
        let files: BTreeMap<&str, &str> = files.iter().copied().collect();
        let order = json!({ "arguments": words, "input": input.expose(), "files": files }).to_string();
        Self { id: id.into(), order: Secret::new(order) }
    }

    /// Runs it to its end; `show` gets each event with its number.
    pub fn run(&self, link: &Link<'_>, clock: &Clock, show: &mut dyn FnMut(u64, &Value)) -> Result<Done> {
        follow(link, &self.id, Some(&self.order), clock, show)
    }
}

/// Follows a run that another machine has started, or this one before it was interrupted.
pub fn attach(link: &Link<'_>, id: &str, clock: &Clock, show: &mut dyn FnMut(u64, &Value)) -> Result<Done> {
    follow(link, id, None, clock, show)
}

fn follow(
    link: &Link<'_>,
    id: &str,
    order: Option<&Secret<String>>,
    clock: &Clock,
    show: &mut dyn FnMut(u64, &Value),
) -> Result<Done> {
    let mut progress = Progress::default();
    let (mut tries, mut last) = (0, clock.monotonic());
    loop {
        let before = progress.seq;
        let from = progress.seq.to_string();
        // A start that may not have arrived is repeated: the host starts a run once.
        let ran = match order.filter(|_| progress.seq == 0) {
            Some(order) => {
                link.run(&["host", "run", "--id", id], order.expose().as_bytes(), &mut |line| progress.take(line, show))
            }
            None => {
                link.run(&["host", "attach", "--id", id, "--from", &from], &[], &mut |line| progress.take(line, show))
            }
        };
        if let Some(why) = progress.excess {
            return Err(FleetError::NotAnAnswer { why: why.into() }.into());
        }
        if let Some((code, changes)) = progress.ending {
            return progress.result(code, changes);
        }
        if progress.seq > before {
            (tries, last) = (0, clock.monotonic());
        }
        let broken: Failure = match ran {
            Ok(ran) if ran.code > 0 => return Err(FleetError::of_output(ran.code, &ran.stderr).into()),
            // The connection ended in between, or the command there was killed.
            Ok(_) => FleetError::NoResult.into(),
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => error,
        };
        let away = clock.monotonic().saturating_sub(last);
        if away >= AWAY || (progress.seq == 0 && tries >= PAUSES.len()) {
            return Err(broken);
        }
        let pause = PAUSES.get(tries).or(PAUSES.last()).copied().unwrap_or(1);
        tries += 1;
        clock.sleep(Duration::from_secs(pause));
    }
}

/// A refused login or another key does not become right by waiting.
fn is_final(error: &Failure) -> bool {
    !error.retryable() && error.exit_code() != ExitCode::Unreachable
}

impl Progress {
    /// Takes a line of the host; false ends the connection.
    fn take(&mut self, line: &str, show: &mut dyn FnMut(u64, &Value)) -> bool {
        if line.len() > LONGEST {
            self.excess = Some("an event is too long");
            return false;
        }
        let Ok(event) = serde_json::from_str::<Value>(line) else { return true };
        // What was seen before the connection broke may come again.
        let Some(seq) = event["seq"].as_u64().filter(|seq| *seq > self.seq) else { return true };
        if seq > MOST {
            self.excess = Some("its events do not end");
            return false;
        }
        self.seq = seq;
        if event["event"] == "error" {
            self.error = Some(event.clone());
        }
        if event["event"] == "runDone" {
            let code = event["exitCode"].as_i64().and_then(|code| i32::try_from(code).ok()).unwrap_or(1);
            self.ending = Some((code, event["changes"].as_u64()));
        }
        show(seq, &event);
        true
    }

    fn result(&self, code: i32, changes: Option<u64>) -> Result<Done> {
        match &self.error {
            _ if code == 0 => Ok(Done { changes }),
            Some(event) => Err(FleetError::of_event(event, code).into()),
            None => {
                Err(FleetError::Failed { why: format!("exit code {code}"), help: None, code: exit_code(code) }.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::test_hosts::{TestHosts, entry};

    fn run(hosts: &TestHosts) -> (Result<Done>, Vec<u64>) {
        let host = entry("w", "worker");
        let link = Link::new(&host, hosts);
        let job = Job::new("r-1", &["join", "--config", "-"], &Secret::new("secret".into()));
        let mut seen = Vec::new();
        let done = job.run(&link, &Clock::fixed(0), &mut |seq, _| seen.push(seq));
        (done, seen)
    }

    const START: &str = r#"{"seq":1,"event":"runStarted"}"#;

    #[test]
    fn a_cut_connection_is_followed_on_from_the_last_event() {
        let hosts = TestHosts::default();
        hosts.on("w", "host run --id r-1", &[START, r#"{"seq":2,"event":"message"}"#]).cut();
        hosts.on("w", "host attach --id r-1 --from 2", &[]).cut();
        hosts.on(
            "w",
            "host attach --id r-1 --from 2",
            &[r#"{"seq":2,"event":"message"}"#, r#"{"seq":3,"event":"runDone","exitCode":0,"changes":4}"#],
        );
        let (done, seen) = run(&hosts);
        assert_eq!(done.unwrap(), Done { changes: Some(4) });
        assert_eq!(seen, [1, 2, 3]);
        hosts.all_used();
    }

    /// The host starts a run once, whatever it is sent.
    #[test]
    fn a_start_that_may_not_have_arrived_is_repeated() {
        let hosts = TestHosts::default();
        hosts.on("w", "host run --id r-1", &[]).cut();
        hosts.on("w", "host run --id r-1", &[START, r#"{"seq":2,"event":"runDone","exitCode":0}"#]);
        assert_eq!(run(&hosts).0.unwrap(), Done { changes: None });
        hosts.all_used();
    }

    #[test]
    fn an_error_of_the_run_is_the_error_of_the_host() {
        let hosts = TestHosts::default();
        let error = r#"{"seq":2,"event":"error","phase":"preflight","error":"swap is on","help":"run 'swapoff -a'"}"#;
        hosts.on("w", "host run --id r-1", &[START, error, r#"{"seq":3,"event":"runDone","exitCode":4}"#]);
        let error = run(&hosts).0.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.exit_code()), ("[preflight] swap is on", ExitCode::Preflight));
    }

    #[test]
    fn a_host_that_is_away_too_long_is_given_up() {
        let hosts = TestHosts::default();
        hosts.on("w", "host run --id r-1", &[START]).cut();
        hosts.on("w", "host attach --id r-1 --from 1", &[]).cut().always();
        let error = run(&hosts).0.unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Unreachable);
    }

    #[test]
    fn endless_and_oversized_events_end_the_connection() {
        for line in ["x".repeat(LONGEST + 1), format!(r#"{{"seq":{},"event":"message"}}"#, MOST + 1)] {
            let hosts = TestHosts::default();
            hosts.on("w", "host run --id r-1", &[START, &line]);
            assert!(run(&hosts).0.unwrap_err().downcast_ref::<FleetError>().is_some());
        }
    }
}
