//! Several endpoints at once: the first valid response is used, each endpoint retries temporary failures, and pauses
//! differ from host to host so that hundreds of joining hosts do not send requests in step.

use super::{DiscoveryError, Search, grace};
use crate::base::env::{Clock, Random};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// The first pause; each later one is twice as long, up to [`SLOWEST`].
const FIRST: Duration = Duration::from_millis(200);
const SLOWEST: Duration = Duration::from_secs(5);
/// How often it is shown that an attempt has not ended yet.
const TICK: Duration = Duration::from_secs(1);

pub(super) type Attempt<T> = Arc<dyn Fn(&str) -> Result<T, DiscoveryError> + Send + Sync>;

enum News<T> {
    /// A temporary failure, with the time for which it may last.
    Pending {
        why: String,
        limit: Duration,
    },
    End(Result<T, DiscoveryError>),
}

/// The first valid response of any endpoint.
///
/// Threads of slower endpoints are left to finish by themselves: one may be connecting to an unreachable address, and
/// waiting for that is useless.
pub(super) fn first<T: Send + 'static>(
    endpoints: &[String],
    search: &Search<'_>,
    attempt: &Attempt<T>,
) -> Result<T, DiscoveryError> {
    let (sender, receiver) = channel();
    let over = Arc::new(AtomicBool::new(false));
    for (index, endpoint) in endpoints.iter().enumerate() {
        let runner = Runner {
            endpoint: endpoint.clone(),
            limit: search.limit,
            clock: search.clock.clone(),
            random: search.random.clone(),
            over: over.clone(),
        };
        let (sender, attempt) = (sender.clone(), attempt.clone());
        std::thread::spawn(move || runner.run(index, &attempt, &sender));
    }
    drop(sender);
    let outcome = collect(endpoints, search, &receiver);
    over.store(true, Ordering::Relaxed);
    outcome
}

fn collect<T>(
    endpoints: &[String],
    search: &Search<'_>,
    receiver: &std::sync::mpsc::Receiver<(usize, News<T>)>,
) -> Result<T, DiscoveryError> {
    let start = search.clock.monotonic();
    let elapsed = || search.clock.monotonic().saturating_sub(start);
    let mut last = vec![String::from("no response yet"); endpoints.len()];
    let mut worst: Option<DiscoveryError> = None;
    let mut running = endpoints.len();
    loop {
        let left = search.limit.saturating_sub(elapsed());
        let next = receiver.recv_timeout(left.min(TICK));
        if matches!(next, Err(RecvTimeoutError::Timeout)) && left > TICK {
            report_silence(endpoints, &last, search, elapsed());
            continue;
        }
        if matches!(next, Err(RecvTimeoutError::Disconnected)) && running > 0 && worst.is_none() {
            return Err(DiscoveryError::Crashed);
        }
        let Ok((index, news)) = next else {
            // Either the time is up, or every endpoint has finished. A failure to verify an endpoint is reported
            // although others may still respond.
            return Err(worst.filter(|error| running == 0 || error.exit_code() == ExitCode::Untrusted).unwrap_or_else(
                || {
                    let endpoint = endpoints.first().cloned().unwrap_or_default();
                    DiscoveryError::TimedOut { endpoint, limit: search.limit, last }
                },
            ));
        };
        let endpoint = endpoints.get(index).map_or("", String::as_str);
        match news {
            News::End(Ok(found)) => return Ok(found),
            News::End(Err(error)) => {
                running -= 1;
                if running > 0 {
                    search.events.warning(format!("{endpoint} cannot be used: {error}"));
                }
                note(&mut last, index, error.to_string());
                if worst.as_ref().is_none_or(|known| error.weight() > known.weight()) {
                    worst = Some(error);
                }
            }
            News::Pending { why, limit } => {
                search.events.waiting(&waited_for(endpoint), elapsed(), limit, &why);
                note(&mut last, index, why);
            }
        }
    }
}

/// An attempt may take long: until then it is shown what is waited for, and the last result.
fn report_silence(endpoints: &[String], last: &[String], search: &Search<'_>, elapsed: Duration) {
    if let (Some(endpoint), Some(why)) = (endpoints.first(), last.first()) {
        search.events.waiting(&waited_for(endpoint), elapsed, search.limit, why);
    }
}

fn waited_for(endpoint: &str) -> String {
    format!("the cluster information of {endpoint}")
}

fn note(last: &mut [String], index: usize, text: String) {
    if let Some(place) = last.get_mut(index) {
        *place = text;
    }
}

struct Runner {
    endpoint: String,
    limit: Duration,
    clock: Clock,
    random: Random,
    over: Arc<AtomicBool>,
}

impl Runner {
    fn run<T>(&self, index: usize, attempt: &Attempt<T>, news: &Sender<(usize, News<T>)>) {
        let start = self.clock.monotonic();
        let mut pause = FIRST;
        while !self.over.load(Ordering::Relaxed) {
            let outcome = attempt(&self.endpoint);
            let elapsed = self.clock.monotonic().saturating_sub(start);
            let (why, limit, slowest) = match &outcome {
                Err(DiscoveryError::NoSignature { id, unsigned, .. }) => {
                    let why = format!("it is not signed with the token {id} yet");
                    (why, unsigned.grace(self.clock.now()).min(self.limit), grace::SLOWEST)
                }
                Err(error @ DiscoveryError::EtcdDown { .. }) => {
                    (error.to_string(), grace::ETCD.min(self.limit), SLOWEST)
                }
                Err(error) if error.retryable() => (error.to_string(), self.limit, SLOWEST),
                _ => (String::new(), Duration::ZERO, Duration::ZERO),
            };
            if elapsed >= limit {
                let end = match outcome {
                    Err(error) if error.retryable() => {
                        let (endpoint, last) = (self.endpoint.clone(), vec![error.to_string()]);
                        Err(DiscoveryError::TimedOut { endpoint, limit: self.limit, last })
                    }
                    end => end,
                };
                // The receiver is gone if another endpoint was faster.
                let _ = news.send((index, News::End(end)));
                return;
            }
            if news.send((index, News::Pending { why, limit })).is_err() {
                return;
            }
            self.clock.sleep(self.jittered(pause.min(slowest)).min(limit.saturating_sub(elapsed)));
            pause = (pause * 2).min(SLOWEST);
        }
    }

    /// Between 50 % and 150 % of `pause`.
    fn jittered(&self, pause: Duration) -> Duration {
        let mut byte = [128];
        // Without random bytes all hosts pause alike: bad for the server, but not a reason to fail.
        let _ = self.random.fill(&mut byte);
        pause / 2 + pause * u32::from(byte[0]) / 256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::events::Events;

    fn outcome(first: DiscoveryError) -> DiscoveryError {
        let (clock, random, events) = (Clock::fixed(0), Random::seeded(1), Events::silent());
        let limit = Duration::from_millis(1);
        let search = Search { limit, clock: &clock, random: &random, events: &events };
        let (sender, receiver) = channel::<(usize, News<()>)>();
        sender.send((0, News::End(Err(first)))).unwrap();
        // The other endpoint drops packets: its thread is still running.
        collect(&["a:6443".into(), "b:6443".into()], &search, &receiver).unwrap_err()
    }

    /// It was reported as an endpoint that did not respond in time.
    #[test]
    fn an_attempt_that_crashed_is_not_taken_for_silence() {
        let (clock, random, events) = (Clock::fixed(0), Random::seeded(1), Events::silent());
        let search = Search { limit: Duration::from_mins(1), clock: &clock, random: &random, events: &events };
        let attempt: Attempt<()> = Arc::new(|_| std::panic::resume_unwind(Box::new("crashed")));
        let error = first(&["a:6443".into()], &search, &attempt).unwrap_err();
        assert!(matches!(error, DiscoveryError::Crashed), "{error}");
    }

    /// A join towards a dead address printed nothing until the second attempt had failed.
    #[test]
    fn it_is_shown_what_is_waited_for_before_the_first_attempt_ends() {
        use crate::base::events::{Event, Sink};
        struct Shown(Sender<String>);
        impl Sink for Shown {
            fn event(&mut self, event: &Event) {
                if let Event::Waiting { what, last, .. } = event {
                    let _ = self.0.send(format!("{what}: {last}"));
                }
            }
            fn error(&mut self, _: &str) {}
            fn flush(&mut self) {}
        }
        let (shown, seen) = channel();
        let seen = std::sync::Mutex::new(seen);
        let (clock, random, events) = (Clock::fixed(0), Random::seeded(1), Events::new(Box::new(Shown(shown))));
        let search = Search { limit: Duration::from_mins(1), clock: &clock, random: &random, events: &events };
        // The attempt ends when something was shown.
        let attempt: Attempt<String> = Arc::new(move |_| Ok(seen.lock().unwrap().recv().unwrap_or_default()));
        let found = first(&["a:6443".into()], &search, &attempt).unwrap();
        assert_eq!(found, "the cluster information of a:6443: no response yet");
    }

    /// A wrong CA was reported as a timeout if another endpoint did not respond at all.
    #[test]
    fn a_wrong_ca_is_reported_although_another_endpoint_does_not_respond() {
        let (endpoint, pin) = (String::from("a:6443"), vec![String::from("sha256:00")]);
        let error = outcome(DiscoveryError::PinMismatch { endpoint, expected: pin.clone(), found: pin });
        assert!(matches!(error, DiscoveryError::PinMismatch { .. }), "{error}");
        let error = outcome(DiscoveryError::NoClusterInfo { endpoint: "a:6443".into() });
        assert!(matches!(error, DiscoveryError::TimedOut { .. }), "{error}");
    }
}
