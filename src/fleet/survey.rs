//! Gathers the facts of all hosts at once. A host that does not respond is a result, not the end.

use super::link::Link;
use super::outcome::State;
use super::watch::Watch;
use crate::base::env::Clock;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Result};
use crate::base::parallel::for_each_of;
use crate::base::sanitize;
use crate::state::host_facts::{ClusterFacts, HostFacts};
use std::net::IpAddr;

/// Why a host gave no facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub why: String,
    pub help: Option<String>,
    pub code: ExitCode,
    /// It did not respond; otherwise it refused.
    pub unreachable: bool,
}

impl Trouble {
    pub fn of(failure: &Failure) -> Self {
        let mut why = failure.to_string();
        for cause in failure.causes() {
            why += &format!(": {cause}");
        }
        let code = failure.exit_code();
        Self {
            why: sanitize::line(&why),
            help: failure.hint(),
            code,
            unreachable: code == ExitCode::Unreachable || failure.retryable(),
        }
    }

    pub fn state(&self) -> State {
        if self.unreachable { State::Unreachable } else { State::Failed }
    }
}

/// A host of the file, and what it says.
#[derive(Clone, Debug)]
pub struct Seen {
    pub facts: std::result::Result<HostFacts, Trouble>,
    /// Milliseconds by which its clock is ahead of this machine's, as far as that can be measured.
    pub ahead: i64,
}

impl Seen {
    pub fn facts(&self) -> Option<&HostFacts> {
        self.facts.as_ref().ok()
    }

    /// The cluster, if this is one of its control planes and its API responds.
    pub fn cluster(&self) -> Option<&ClusterFacts> {
        self.facts()?.cluster.as_ref()
    }

    /// The address that the cluster uses for the host.
    pub fn address(&self) -> Option<IpAddr> {
        self.facts()?.address
    }
}

/// Asks every host, in the order of the links.
pub fn survey(links: &[Link<'_>], parallel: usize, clock: &Clock, watch: &dyn Watch) -> Vec<Seen> {
    for_each_of(links, parallel, |link| {
        watch.started(&link.host.label, "gathering facts");
        let seen = look(link, clock);
        match &seen.facts {
            Ok(_) => watch.ended(&link.host.label, State::Unchanged, ""),
            Err(trouble) => watch.ended(&link.host.label, trouble.state(), &trouble.why),
        }
        seen
    })
}

/// Asks one host.
pub fn look(link: &Link<'_>, clock: &Clock) -> Seen {
    let facts: Result<HostFacts> = link.ask(&["host", "facts"], &[]);
    // The host reads its clock at the end.
    let now = clock.nanos() / 1_000_000;
    match facts {
        Ok(facts) => Seen { ahead: facts.clock.saturating_sub(now), facts: Ok(clean(facts)) },
        Err(failure) => Seen { facts: Err(Trouble::of(&failure)), ahead: 0 },
    }
}

/// What is shown later came from the host.
fn clean(mut facts: HostFacts) -> HostFacts {
    for text in [&mut facts.hostname, &mut facts.machine_id, &mut facts.os, &mut facts.arch, &mut facts.kernel] {
        *text = sanitize::line(text);
    }
    for text in facts.unknown.iter_mut().chain(facts.kubelet.iter_mut()).chain(facts.runtime.iter_mut()) {
        *text = sanitize::line(text);
    }
    if let Some(name) = facts.node.as_mut().and_then(|node| node.name.as_mut()) {
        *name = sanitize::line(name);
    }
    for node in facts.cluster.iter_mut().flat_map(|cluster| cluster.nodes.iter_mut()) {
        node.name = sanitize::line(&node.name);
        node.version = sanitize::line(&node.version);
    }
    facts
}
