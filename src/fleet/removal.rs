//! Removes nodes from the cluster: those that the user names, or those that have left the file.
//!
//! A host that responds is reset by its own `reset`, which drains it and takes its etcd member out; a control plane deletes the
//! node of a worker, which may not do that itself. For one that does not respond, a
//! control plane removes the node and the member with `node remove --dead`, which makes sure that the host is really gone.

use super::job::Job;
use super::link::Link;
use super::outcome::{HostResult, State};
use super::survey::Trouble;
use super::watch::Watch;
use crate::base::env::Clock;
use crate::base::fault::Result;
use crate::base::secret::Secret;

/// A node to remove.
pub struct Leaving<'a> {
    pub host: String,
    pub node: String,
    /// The connection to its host; None if the file does not list it, or if it does not respond.
    pub link: Option<&'a Link<'a>>,
    /// Its kubelet reports that the node is Ready, so the host cannot be gone.
    pub lives: bool,
    /// A worker, which may not delete its own node.
    pub worker: bool,
}

/// Removes the nodes one at a time: each may change the members of etcd.
pub fn remove(
    leaving: &[Leaving<'_>],
    through: &Link<'_>,
    id: &str,
    clock: &Clock,
    watch: &dyn Watch,
) -> Vec<HostResult> {
    let mut results: Vec<HostResult> = Vec::new();
    for (at, one) in leaving.iter().enumerate() {
        if results.iter().any(|result| result.state != State::Changed) {
            results.push(HostResult::new(&one.host, State::Skipped, "the removal before it failed"));
            continue;
        }
        let start = clock.monotonic();
        // Several nodes may be removed through one host.
        let on_control_plane = format!("{id}-{at}");
        watch.started(&one.host, "remove");
        let mut show = |seq: u64, event: &serde_json::Value| watch.event(&one.host, seq, event);
        let done = match one.link {
            Some(link) => reset(link, id, clock, &mut show).and_then(|changes| {
                let left = if one.worker {
                    by_control_plane(through, one, true, &on_control_plane, clock, &mut show)?
                } else {
                    None
                };
                Ok(changes.map(|changes| changes + left.unwrap_or_default()))
            }),
            None => by_control_plane(through, one, !one.lives, &on_control_plane, clock, &mut show),
        };
        let mut result = match done {
            Ok(changes) => HostResult { changes, ..HostResult::new(&one.host, State::Changed, "removed") },
            Err(failure) => {
                let trouble = Trouble::of(&failure);
                let state = trouble.state();
                HostResult { help: trouble.help, code: trouble.code, ..HostResult::new(&one.host, state, trouble.why) }
            }
        };
        result.millis = u64::try_from(clock.monotonic().saturating_sub(start).as_millis()).unwrap_or(u64::MAX);
        watch.ended(&one.host, result.state, &result.why);
        results.push(result);
    }
    results
}

type Show<'a> = dyn FnMut(u64, &serde_json::Value) + 'a;

fn reset(link: &Link<'_>, id: &str, clock: &Clock, show: &mut Show<'_>) -> Result<Option<u64>> {
    let nothing = Secret::new(String::new());
    let done =
        Job::new(&format!("{id}-reset"), &["reset", "--yes"], &nothing)
            .run(link, clock, &mut |seq, event| show(seq, event))?;
    link.close();
    Ok(done.changes)
}

/// The node of a host that is `gone`, that was reset, or that the file does not list.
fn by_control_plane(
    through: &Link<'_>,
    Leaving { node, .. }: &Leaving<'_>,
    gone: bool,
    id: &str,
    clock: &Clock,
    show: &mut Show<'_>,
) -> Result<Option<u64>> {
    let mut words = vec!["node", "remove", node, "--yes"];
    if gone {
        words.extend(["--dead", "--wait"]);
    }
    let nothing = Secret::new(String::new());
    let done = Job::new(id, &words, &nothing).run(through, clock, &mut |seq, event| show(seq, event))?;
    Ok(done.changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::test_hosts::{TestHosts, entry};
    use crate::fleet::watch::Unwatched;

    const DONE: [&str; 2] =
        [r#"{"seq":1,"event":"runStarted"}"#, r#"{"seq":2,"event":"runDone","exitCode":0,"changes":3}"#];

    /// A worker that responds, and a node whose host is gone.
    fn worker_and_gone<'a>(w: &'a Link<'a>) -> [Leaving<'a>; 2] {
        [
            Leaving { host: "w".into(), node: "w".into(), link: Some(w), lives: true, worker: true },
            Leaving { host: "gone".into(), node: "gone".into(), link: None, lives: false, worker: true },
        ]
    }

    #[test]
    fn a_host_that_responds_resets_itself_and_another_is_removed_by_a_control_plane() {
        let hosts = TestHosts::default();
        hosts.on("w", "host run --id r-reset", &DONE);
        hosts.on("cp", "host run --id r-", &DONE);
        hosts.on("cp", "host run --id r-", &DONE);
        let (w, cp) = (entry("w", "worker"), entry("cp", "control-plane"));
        let (w, cp) = (Link::new(&w, &hosts), Link::new(&cp, &hosts));
        let leaving = worker_and_gone(&w);
        let results = remove(&leaving, &cp, "r", &Clock::fixed(0), &Unwatched);
        assert!(results.iter().all(|result| result.state == State::Changed), "{results:?}");
        hosts.all_used();
        let asked = hosts.asked.lock().unwrap();
        assert!(asked[0].1.contains(r#"["reset","--yes"]"#), "{asked:?}");
        // A worker's node stayed, because the kubelet's credentials may not delete it.
        assert!(asked[1].1.contains(r#"["node","remove","w","--yes","--dead","--wait"]"#), "{asked:?}");
        assert!(asked[2].1.contains(r#"["node","remove","gone","--yes","--dead","--wait"]"#), "{asked:?}");
    }

    #[test]
    fn nothing_more_is_removed_after_a_failure() {
        let hosts = TestHosts::default();
        hosts.on(
            "w",
            "host run",
            &[
                DONE[0],
                r#"{"seq":2,"event":"error","error":"no quorum"}"#,
                r#"{"seq":3,"event":"runDone","exitCode":9}"#,
            ],
        );
        let (w, cp) = (entry("w", "worker"), entry("cp", "control-plane"));
        let (w, cp) = (Link::new(&w, &hosts), Link::new(&cp, &hosts));
        let leaving = worker_and_gone(&w);
        let results = remove(&leaving, &cp, "r", &Clock::fixed(0), &Unwatched);
        let states: Vec<State> = results.iter().map(|result| result.state).collect();
        assert_eq!(states, [State::Failed, State::Skipped]);
        assert_eq!(results[0].why, "no quorum");
    }
}
