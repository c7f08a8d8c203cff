//! A strict etcd in memory: one learner at a time, promotion only in sync, and requests or responses that are lost on
//! demand. A member starts when the test says so.

use super::error::EtcdError;
use super::member::{Health, Member};
use super::member_api::MemberApi;
use crate::base::https::{HttpsError, Trouble};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// The fate of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mishap {
    RequestLost,
    AnswerLost,
    TimedOutInside,
}

/// An event in the cluster.
type Event = Box<dyn FnOnce(&mut State) + Send>;

#[derive(Default)]
pub(super) struct State {
    pub members: Vec<Member>,
    /// The names of unresponsive members.
    pub sick: Vec<String>,
    /// Members whose hosts refuse connections.
    pub refusing: Vec<String>,
    /// The number of health checks that coincide with an election.
    pub electing: usize,
    /// The number of health checks that find the member still starting.
    pub starting: usize,
    /// Requests that need a majority fail.
    pub lost_majority: bool,
    /// No member responds to a list request.
    pub silent: bool,
    /// The number of promotions that are refused as too early.
    pub rounds_to_sync: usize,
    /// Every call, in order.
    pub log: Vec<String>,
    /// The fate of calls, by their number.
    pub mishaps: BTreeMap<usize, Mishap>,
    /// Events just before a call, by its number.
    pub events: BTreeMap<usize, Event>,
    next_id: u64,
}

pub(super) struct TestEtcd(Mutex<State>);

pub(super) fn url(name: &str) -> String {
    format!("https://{name}:2380")
}

impl TestEtcd {
    /// A cluster of healthy voting members.
    pub(super) fn of(names: &[&str]) -> Self {
        let mut state = State { next_id: 100, ..State::default() };
        for name in names {
            state.add(name).learner = false;
            state.start(name);
        }
        Self(Mutex::new(state))
    }

    pub(super) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    /// `name` for a voter, `(name)` for a learner, `?` for a member without a name.
    pub(super) fn shown(&self) -> String {
        let shown = |m: &Member| {
            let name = if m.name.is_empty() { "?" } else { &m.name };
            if m.learner { format!("({name})") } else { name.to_owned() }
        };
        self.with(|state| state.members.iter().map(shown).collect::<Vec<_>>().join(" "))
    }

    fn call<T>(&self, what: String, act: impl FnOnce(&mut State) -> Result<T, EtcdError>) -> Result<T, EtcdError> {
        self.with(|state| {
            let number = state.log.len();
            state.log.push(what);
            if let Some(event) = state.events.remove(&number) {
                event(state);
            }
            let lost = |trouble| Err(HttpsError::made_up(trouble).into());
            match state.mishaps.remove(&number) {
                None if state.silent => lost(Trouble::NoConnection),
                None => act(state),
                Some(Mishap::RequestLost) => lost(Trouble::Refused),
                Some(Mishap::AnswerLost) => {
                    let _ = act(state);
                    lost(Trouble::Broken)
                }
                Some(Mishap::TimedOutInside) => {
                    let _ = act(state);
                    refuse(14, "etcdserver: request timed out")
                }
            }
        })
    }
}

impl State {
    pub(super) fn add(&mut self, name: &str) -> &mut Member {
        self.next_id += 1;
        self.members.push(Member { id: self.next_id, peer_urls: vec![url(name)], learner: true, ..Member::default() });
        self.members.last_mut().unwrap()
    }

    /// Starts the process of a member.
    pub(super) fn start(&mut self, name: &str) {
        let member = self.members.iter_mut().find(|m| m.peer_urls == [url(name)]).unwrap();
        member.name = name.into();
        member.client_urls = vec![format!("https://{name}:2379")];
    }
}

fn refuse<T>(code: u64, message: &str) -> Result<T, EtcdError> {
    Err(EtcdError::Refused { what: "do it".into(), code, message: message.into() })
}

impl MemberApi for TestEtcd {
    fn members(&self) -> Result<Vec<Member>, EtcdError> {
        self.call("list".into(), |state| {
            if state.lost_majority { refuse(14, "etcdserver: request timed out") } else { Ok(state.members.clone()) }
        })
    }

    fn members_serializable(&self) -> Result<Vec<Member>, EtcdError> {
        self.call("list serializable".into(), |state| Ok(state.members.clone()))
    }

    fn add_learner(&self, peer_url: &str) -> Result<Vec<Member>, EtcdError> {
        self.call(format!("add {peer_url}"), |state| {
            if state.members.iter().any(|m| m.peer_urls.contains(&peer_url.to_owned())) {
                return refuse(9, "etcdserver: Peer URLs already exists");
            }
            if state.members.iter().any(|m| m.learner) {
                return refuse(9, "etcdserver: too many learner members in cluster");
            }
            if !state.sick.is_empty() {
                return refuse(14, "etcdserver: unhealthy cluster");
            }
            state.add(peer_url.trim_start_matches("https://").trim_end_matches(":2380"));
            Ok(state.members.clone())
        })
    }

    fn promote(&self, id: u64) -> Result<(), EtcdError> {
        self.call(format!("promote {id}"), |state| {
            let early = state.rounds_to_sync > 0;
            state.rounds_to_sync = state.rounds_to_sync.saturating_sub(1);
            let Some(member) = state.members.iter_mut().find(|m| m.id == id) else {
                return refuse(5, "etcdserver: member not found");
            };
            if !member.learner {
                return refuse(9, "etcdserver: can only promote a learner member");
            }
            if early || !member.has_started() {
                return refuse(9, "etcdserver: can only promote a learner member which is in sync with leader");
            }
            member.learner = false;
            Ok(())
        })
    }

    fn remove(&self, id: u64) -> Result<(), EtcdError> {
        self.call(format!("remove {id}"), |state| {
            let before = state.members.len();
            state.members.retain(|m| m.id != id);
            if state.members.len() == before { refuse(5, "etcdserver: member not found") } else { Ok(()) }
        })
    }

    fn health(&self, member: &Member) -> Health {
        self.with(|state| {
            let electing = state.electing > 0;
            state.electing = state.electing.saturating_sub(1);
            let starting = state.starting > 0;
            state.starting = state.starting.saturating_sub(1);
            if state.refusing.contains(&member.name) {
                Health::Down("connection refused".into())
            } else if starting || state.sick.contains(&member.name) {
                Health::Silent("no answer".into())
            } else if electing {
                Health::Ill("it has no leader".into())
            } else {
                Health::Well
            }
        })
    }
}
