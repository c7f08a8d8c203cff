//! One run at a time restarts control-plane components, or changes the members of etcd, in the whole cluster.
//!
//! Three renewals at the same moment would take the API away from everybody. Where the API does not answer, as with expired
//! certificates, there is nothing to take away, and the run goes on.
//!
//! Reads and writes: Lease `kube-system/kubewright`. Plans do not show it: it is not a change that a user asked for.

use crate::base::env::Clock;
use crate::base::events::Events;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault, Result};
use crate::base::gate::Gate;
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::config::token;
use crate::context::Context;
use crate::context::access::access;
use crate::context::own_cluster::own_server;
use crate::domain::paths::SUPER_ADMIN_CONF;
use crate::host::facts;
use crate::kube::KubeError;
use crate::kube::client::{Access, Client};
use crate::kube::cluster::Cluster;
use crate::kube::lease::{Attempt, DURATION, Lease, Observation};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often the holder shows that it lives.
const EVERY: Duration = Duration::from_secs(5);
/// How long the end of a run may take to give it back.
const PARTING: Duration = Duration::from_secs(3);
/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(5);
/// An API that is away for longer is not just restarting.
const AWAY: Duration = Duration::from_secs(10);
/// The longest wait for other runs.
const LIMIT: Duration = Duration::from_mins(20);

/// Another run does not end.
#[derive(Debug, thiserror::Error)]
#[error("another run in this cluster has not ended within {limit:?}: {holder}; nothing was changed")]
struct NotYet {
    limit: Duration,
    holder: String,
}

impl Fault for NotYet {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Refused
    }
    fn hint(&self) -> Option<String> {
        Some("run the same command again when that one has ended".into())
    }
}

/// As long as this lives, no other run restarts components or changes members.
pub struct Turn {
    stop: Option<Sender<()>>,
    given_back: Receiver<()>,
    patience: Duration,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.stop = None;
        // An API that is away takes nothing back; the Lease expires then.
        let _ = self.given_back.recv_timeout(self.patience);
    }
}

/// Waits until no other run in the cluster restarts or changes anything, and keeps others from it. None without a
/// kubeconfig, and where the API does not answer.
pub fn hold(cx: &Context, kubeconfig: &Path, command: &str) -> Result<Option<Turn>> {
    let stand_in = Path::new(SUPER_ADMIN_CONF);
    let known = [kubeconfig, stand_in].into_iter().find(|path| cx.host.files.exists(path));
    let Some(kubeconfig) = known.filter(|_| cx.host.files.is_live()) else { return Ok(None) };
    let held = cx.host.gate.effect(|| {
        let access = access(cx, kubeconfig)?;
        let through = |server: &String| open(cx, Access { server: server.clone(), ..access.clone() });
        let mut servers = vec![access.server.clone()];
        servers.extend(own_server(cx).filter(|own| *own != access.server));
        let clusters = servers.iter().map(through).collect::<Result<_>>()?;
        let nonce = token::generate(&cx.random)?.expose().chars().take(6).collect::<String>();
        let host = facts::hostname(&cx.host)?;
        let lease = Lease::new(clusters, cx.host.clock.clone(), &host, &nonce, command);
        if !wait_for(&lease, &cx.host.clock, &cx.events)? {
            return Ok::<_, Failure>(None);
        }
        // One that restarts is not asked twice.
        let others: Vec<String> = lease.api_servers().into_iter().filter(|server| !servers.contains(server)).collect();
        Ok(Some(lease.also_through(others.iter().map(through).collect::<Result<_>>()?)))
    })?;
    Ok(held.flatten().map(keep))
}

fn open(cx: &Context, access: Access) -> Result<Cluster> {
    let client = Client::new(access)?.within(REQUEST);
    Ok(Cluster::running(client, Gate::open(), cx.host.clock.clone(), Duration::ZERO))
}

/// Waits for the Lease; false where the API does not answer.
fn wait_for(lease: &Lease, clock: &Clock, events: &Events) -> Result<bool> {
    wait_until_held(&|seen| lease.attempt(seen), clock, events)
}

type Attempts<'a> = dyn Fn(&Observation) -> std::result::Result<Attempt, KubeError> + 'a;

fn wait_until_held(attempt: &Attempts<'_>, clock: &Clock, events: &Events) -> Result<bool> {
    let mut seen = Observation::default();
    let mut away = None;
    let mut patience = AWAY;
    let wait = Wait { slowest: Duration::from_secs(1), ..Wait::new("other runs in this cluster to end", LIMIT) };
    let waited = wait.until(clock, events, || {
        let now = clock.monotonic();
        match attempt(&seen) {
            Ok(Attempt::Held) => Ok(Poll::Ready(true)),
            Ok(Attempt::Busy(holder)) => {
                away = None;
                // What takes the API away then is most likely that run.
                patience = DURATION;
                seen.note(&holder, now);
                Ok(Poll::Pending(match holder.command.as_str() {
                    "" => "it has just ended".into(),
                    command => format!("'kubewright {command}' runs on {}", holder.host),
                }))
            }
            Err(error) if lasts(&error) || now.saturating_sub(*away.get_or_insert(now)) >= patience => {
                events.message(format!("going on without the Lease kube-system/kubewright: {error}"));
                Ok(Poll::Ready(false))
            }
            Err(error) => {
                seen.note_away();
                Ok(Poll::Pending(error.to_string()))
            }
        }
    });
    waited.map_err(|failure| match failure.downcast_ref() {
        Some(TimedOut { limit, last, .. }) => NotYet { limit: *limit, holder: last.clone() }.into(),
        None => failure,
    })
}

/// No wait helps: certificates that expired or are not trusted, no permission.
fn lasts(error: &KubeError) -> bool {
    !error.is_conflict() && !error.retryable()
}

fn keep(lease: Lease) -> Turn {
    let (stop, stopped) = channel::<()>();
    let (done, given_back) = channel();
    std::thread::spawn(move || {
        // The sender is dropped at the end of the run.
        while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            // An API server that restarts answers the next time.
            let _ = lease.renew();
        }
        let _ = lease.release();
        // The end of the run may have stopped waiting.
        let _ = done.send(());
    });
    Turn { stop: Some(stop), given_back, patience: PARTING }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::Trouble;
    use crate::kube::test_api::{Mishap, TestApi};

    fn lease(api: &TestApi, clock: &Clock, host: &str) -> Lease {
        Lease::new(vec![api.cluster(&Gate::open())], clock.clone(), host, "x", "certs renew")
    }

    #[test]
    fn a_run_waits_for_another_one_that_was_killed_for_less_than_a_minute() {
        let (api, clock) = (TestApi::default(), Clock::fixed(1_000));
        assert!(wait_for(&lease(&api, &clock, "cp1"), &clock, &Events::silent()).unwrap());
        let start = clock.monotonic();
        assert!(wait_for(&lease(&api, &clock, "cp2"), &clock, &Events::silent()).unwrap());
        let waited = clock.monotonic().saturating_sub(start);
        assert!((Duration::from_secs(50)..Duration::from_mins(1)).contains(&waited), "{waited:?}");
    }

    /// Two minutes were measured: an API server that the killed run had restarted answered later, and the wait began again.
    #[test]
    fn a_killed_run_that_restarted_the_api_server_is_waited_for_less_than_a_minute() {
        let (api, clock) = (TestApi::default(), Clock::fixed(1_000));
        assert!(wait_for(&lease(&api, &clock, "cp1"), &clock, &Events::silent()).unwrap());
        let start = clock.monotonic();
        let other = lease(&api, &clock, "cp2");
        let attempt = |seen: &Observation| {
            let passed = clock.monotonic().saturating_sub(start).as_secs();
            api.with(|state| state.down = (10..30).contains(&passed));
            other.attempt(seen)
        };
        let is_held = wait_until_held(&attempt, &clock, &Events::silent());
        assert!(is_held.unwrap());
        let waited = clock.monotonic().saturating_sub(start);
        assert!((Duration::from_secs(50)..Duration::from_mins(1)).contains(&waited), "{waited:?}");
    }

    /// While another run restarts the API server, this one does not go on without the Lease.
    #[test]
    fn an_api_that_restarts_is_waited_for() {
        let (api, clock) = (TestApi::default(), Clock::fixed(1_000));
        for _ in 0..3 {
            api.mishap("GET", Mishap::Lost(Trouble::Refused));
        }
        assert!(wait_for(&lease(&api, &clock, "cp1"), &clock, &Events::silent()).unwrap());
    }

    #[test]
    fn a_run_goes_on_without_the_lease_if_the_api_is_away() {
        let (api, clock) = (TestApi::default(), Clock::fixed(1_000));
        api.with(|state| state.down = true);
        let start = clock.monotonic();
        assert!(!wait_for(&lease(&api, &clock, "cp1"), &clock, &Events::silent()).unwrap());
        assert!(clock.monotonic().saturating_sub(start) <= AWAY + Duration::from_secs(1));
        api.with(|state| state.down = false);
        api.mishap("GET", Mishap::Lost(Trouble::Expired));
        let start = clock.monotonic();
        assert!(!wait_for(&lease(&api, &clock, "cp1"), &clock, &Events::silent()).unwrap());
        assert_eq!(clock.monotonic(), start, "a certificate that expired stays so");
    }

    /// A run that had lost the API ended half a minute later: each of its API servers was asked again, twice.
    #[test]
    fn a_run_does_not_wait_for_an_api_that_takes_nothing_back() {
        let (stop, _stopped) = channel::<()>();
        let (done, given_back) = channel();
        drop(Turn { stop: Some(stop), given_back, patience: Duration::ZERO });
        let late = done.send(());
        assert!(late.is_err(), "the run still waits");
    }

    #[test]
    fn the_lease_is_given_back_at_the_end_of_a_run() {
        let (api, clock) = (TestApi::default(), Clock::fixed(1_000));
        let first = lease(&api, &clock, "cp1");
        assert!(wait_for(&first, &clock, &Events::silent()).unwrap());
        drop(keep(first));
        let start = clock.monotonic();
        assert!(wait_for(&lease(&api, &clock, "cp2"), &clock, &Events::silent()).unwrap());
        assert_eq!(clock.monotonic(), start);
    }
}
