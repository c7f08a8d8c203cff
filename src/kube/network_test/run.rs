//! The whole test: Pods that answer, Pods that ask them, and what follows from their answers.

use super::super::cluster::Cluster;
use super::super::kind::{ENDPOINTS, EVENT, ObjectRef, POD, SERVICE};
use super::causes::{self, Cause};
use super::error::NetworkTestError;
use super::members::{self, Member, Untested};
use super::objects::{Objects, PREFIX, asker_name, server_name, service_name};
use super::place::Place;
use super::pods::{self, State};
use super::questions::{Server, observations, questions};
use super::seen::{Network, Seen, What};
use super::setting::{Setting, address_of};
use super::sweep::sweep;
use crate::base::env::{Clock, Random};
use crate::base::events::Events;
use crate::base::fault::Result;
use crate::base::sanitize;
use crate::domain::network_probe::{Question, answers_of};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// What is tested and how.
pub struct Options<'a> {
    /// These nodes; none: all.
    pub nodes: Vec<String>,
    /// The program on the hosts.
    pub binary: PathBuf,
    /// How long Pods may take to start, and to end.
    pub limit: Duration,
    /// See [`suffix`].
    pub suffix: String,
    /// The user wants to end it.
    pub stop: &'a dyn Fn() -> bool,
}

/// The result.
pub struct Tested {
    /// The nodes whose Pods answered and asked.
    pub nodes: Vec<String>,
    pub untested: Vec<Untested>,
    pub seen: Vec<Seen>,
    pub causes: Vec<Cause>,
}

/// Between two looks at the Pods.
const POLL: Duration = Duration::from_millis(250);
/// The Services get their endpoints within a second or two, or something is wrong. Where Pods may take longer to start, so may
/// this: such a part of that time.
const ENDPOINTS_PART: u32 = 4;
/// The longest log of a Pod that is read.
const LOG: usize = 256 << 10;
/// A Pod lives longer than a test, so that it does not end before it.
const MARGIN: Duration = Duration::from_mins(1);

/// The random part of the namespace's name.
const SUFFIX: usize = 5;
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A part of the namespace's name that no other test has.
pub fn suffix(random: &Random) -> Result<String, NetworkTestError> {
    random.text(SUFFIX, LETTERS).map_err(NetworkTestError::NoRandomness)
}

/// Tests the network of the Pods of a cluster.
pub fn run(cluster: &Cluster, options: &Options<'_>, clock: &Clock, events: &Events) -> Result<Tested> {
    let swept = sweep(cluster, clock.now())?;
    for name in swept.removed {
        events.message(format!("removed namespace {name}, left by an interrupted test"));
    }
    for name in swept.young {
        events.message(format!("namespace {name} is of another test, which runs or was interrupted a moment ago"));
    }
    let (members, untested) = members::choose(cluster, &options.nodes)?;
    let namespace = format!("{PREFIX}{}", options.suffix);
    let lifetime = options.limit * 2 + MARGIN;
    let objects = Objects { namespace: &namespace, binary: &options.binary, lifetime };
    let mut test = Test { cluster, options, clock, events, objects, untested, seen: Vec::new() };
    if members.is_empty() {
        return Ok(Tested { nodes: Vec::new(), untested: test.untested, seen: Vec::new(), causes: Vec::new() });
    }
    let place = Place::new(cluster, &namespace);
    let outcome = test.outcome(&members);
    let removed = place.remove();
    let tested = outcome?;
    if let Err(error) = removed {
        events.warning(format!("namespace {namespace} could not be removed: {error}; the next test removes it"));
    }
    Ok(tested)
}

struct Test<'a> {
    cluster: &'a Cluster,
    options: &'a Options<'a>,
    clock: &'a Clock,
    events: &'a Events,
    objects: Objects<'a>,
    untested: Vec<Untested>,
    seen: Vec<Seen>,
}

/// A Pod that asks, and what.
struct Asker {
    name: String,
    node: String,
    network: Network,
    asked: Vec<(What, Question)>,
}

impl Test<'_> {
    fn outcome(&mut self, members: &[Member]) -> Result<Tested> {
        self.events.message(format!("starting a Pod on each of {} nodes", members.len()));
        let servers = self.start_servers(members)?;
        let names = servers.iter().map(|server| server.member.name.clone()).collect();
        let mut setting = Setting::look(self.cluster, names)?;
        setting.without_endpoint = self.without_endpoint(&servers, members)?;
        self.events.message("testing the traffic between them");
        self.ask(&servers, members, &setting)?;
        let mut nodes: Vec<String> = self.seen.iter().map(|seen| seen.from.clone()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let causes = causes::causes(&setting, &self.seen);
        Ok(Tested { nodes, untested: std::mem::take(&mut self.untested), seen: std::mem::take(&mut self.seen), causes })
    }

    /// Creates the namespace, the Services and the Pods that answer, and waits for these. The number of a server is that of
    /// its member.
    fn start_servers(&mut self, members: &[Member]) -> Result<Vec<Server>> {
        self.cluster.create_or_update(&self.objects.namespace(self.clock))?;
        self.cluster.create_or_update(&self.objects.account())?;
        let mut objects = vec![self.objects.service(None)];
        for (number, member) in members.iter().enumerate() {
            objects.push(self.objects.service(Some(number)));
            objects.push(self.objects.server(number, member));
        }
        self.cluster.create_or_update_all(&objects)?;
        let names: Vec<String> = (0..members.len()).map(server_name).collect();
        let states = self.wait_for(&names, |state| !matches!(state, State::Pending(_)))?;
        let mut servers = Vec::new();
        for ((number, member), state) in members.iter().enumerate().zip(states) {
            let service = ObjectRef::new(&SERVICE, self.objects.namespace, &service_name(number));
            let address = self.cluster.find(&service)?.and_then(|found| address_of(&found["spec"]["clusterIP"]));
            match (state, address) {
                (State::Running(pod), Some(service)) => servers.push(Server { member: member.clone(), pod, service }),
                (state, _) => self.leave_out(&member.name, &server_name(number), &state)?,
            }
        }
        Ok(servers)
    }

    fn leave_out(&mut self, node: &str, pod: &str, state: &State) -> Result<()> {
        let log = self.log(pod);
        let state = match state {
            State::Pending(why) => State::Pending(self.event_of(pod)?.unwrap_or_else(|| why.clone())),
            other => other.clone(),
        };
        let untested = pods::untested(node, &state, &log, &self.options.binary);
        if !self.untested.iter().any(|known| known.node == untested.node) {
            self.untested.push(untested);
        }
        Ok(())
    }

    /// The last warning about a Pod.
    fn event_of(&self, pod: &str) -> Result<Option<String>> {
        let events = self.cluster.list(&EVENT, Some(self.objects.namespace), "")?;
        let of_pod = |event: &&Value| event["involvedObject"]["name"] == pod && event["type"] == "Warning";
        Ok(events.iter().rfind(of_pod).and_then(|event| event["message"].as_str()).map(sanitize::line))
    }

    /// The nodes whose Service still has no Pod behind it.
    fn without_endpoint(&self, servers: &[Server], members: &[Member]) -> Result<Vec<String>> {
        let start = self.clock.monotonic();
        loop {
            let endpoints = self.cluster.list(&ENDPOINTS, Some(self.objects.namespace), "")?;
            let has = |server: &Server| {
                let number = members.iter().position(|member| member.name == server.member.name).unwrap_or_default();
                let found = endpoints.iter().find(|one| one["metadata"]["name"] == service_name(number));
                found.is_some_and(|one| one["subsets"][0]["addresses"].as_array().is_some_and(|all| !all.is_empty()))
            };
            let missing: Vec<String> =
                servers.iter().filter(|server| !has(server)).map(|server| server.member.name.clone()).collect();
            let is_late = self.clock.monotonic().saturating_sub(start) > self.options.limit / ENDPOINTS_PART;
            if missing.is_empty() || is_late {
                return Ok(missing);
            }
            self.pause()?;
        }
    }

    /// Starts the Pods that ask, and reads their answers when they have ended.
    fn ask(&mut self, servers: &[Server], members: &[Member], setting: &Setting) -> Result<()> {
        let mut askers = Vec::new();
        let mut objects = Vec::new();
        for server in servers {
            let node = server.member.name.clone();
            let number = members.iter().position(|member| member.name == node).unwrap_or_default();
            for network in [Network::Pod, Network::Host] {
                let asked = questions(network, &node, servers, setting);
                let of_host = network == Network::Host;
                let list: Vec<Question> = asked.iter().map(|(_, question)| question.clone()).collect();
                objects.push(self.objects.asker(number, &server.member, &list, of_host));
                askers.push(Asker { name: asker_name(number, of_host), node: node.clone(), network, asked });
            }
        }
        self.cluster.create_or_update_all(&objects)?;
        let names: Vec<String> = askers.iter().map(|asker| asker.name.clone()).collect();
        let states = self.wait_for(&names, |state| matches!(state, State::Ended(_) | State::Stuck(_)))?;
        for (asker, state) in askers.iter().zip(states) {
            let answers = if state == State::Ended(0) { answers_of(&self.log(&asker.name)) } else { None };
            match answers {
                Some(answers) => {
                    self.seen.extend(observations(&asker.node, asker.network, &asker.asked, &answers));
                }
                None => self.leave_out(&asker.node, &asker.name, &state)?,
            }
        }
        Ok(())
    }

    /// The states of Pods as soon as all are as wanted, or when the time is over.
    fn wait_for(&self, names: &[String], wanted: impl Fn(&State) -> bool) -> Result<Vec<State>> {
        let start = self.clock.monotonic();
        loop {
            let found = self.cluster.list(&POD, Some(self.objects.namespace), "")?;
            let state_of = |name: &String| match found.iter().find(|pod| pod["metadata"]["name"] == **name) {
                Some(pod) => pods::state(pod),
                None => State::Stuck("it was deleted".into()),
            };
            let all: Vec<State> = names.iter().map(state_of).collect();
            let elapsed = self.clock.monotonic().saturating_sub(start);
            let left = all.iter().filter(|one| !wanted(one)).count();
            if left == 0 || elapsed >= self.options.limit {
                return Ok(all);
            }
            self.events.waiting(
                "the Pods of the test",
                elapsed,
                self.options.limit,
                &format!("{left} of {}", names.len()),
            );
            self.pause()?;
        }
    }

    fn pause(&self) -> Result<()> {
        if (self.options.stop)() {
            return Err(NetworkTestError::Interrupted.into());
        }
        self.clock.sleep(POLL);
        Ok(())
    }

    /// What a Pod printed; nothing if it cannot be read, which is then reported as a Pod without answers.
    fn log(&self, pod: &str) -> String {
        let path = format!("{}/log?limitBytes={LOG}", ObjectRef::new(&POD, self.objects.namespace, pod).path());
        match self.cluster.text(&path) {
            Ok((200, text)) if text.len() <= LOG => text,
            _ => String::new(),
        }
    }
}
