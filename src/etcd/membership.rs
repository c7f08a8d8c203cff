//! Adds and removes members of an etcd cluster, safely in the case of lost responses, interruptions and concurrent
//! joins.
//!
//! The rules: the member list is authoritative, and is read again whenever a response was lost. A new member is added
//! as a learner, which has no vote, and is promoted only once it has all data. A learner that never starts is removed
//! again. A member is identified by its peer URL and removed by its id; a host without data replaces a member only if
//! that has the host's name and does not respond. No change may leave fewer healthy votes than a majority.

mod majority;
mod place;
#[cfg(test)]
mod tests;

use super::client::{Client, request};
use super::error::EtcdError;
use super::member::{Health, Member};
use super::member_api::MemberApi;
use super::quorum::{self, voters};
use crate::base::env::Clock;
use crate::base::events::Events;
use crate::base::fault::{Failure, Fault};
use crate::base::gate::Gate;
use crate::base::wait::{Poll, TimedOut, Wait};
pub use place::{Admission, LocalData};
use place::{Existing, find, initial_cluster};
use std::cell::RefCell;
use std::time::Duration;

/// The longest pause between two polls: a poll costs the cluster little, and the user is waiting.
const SLOWEST: Duration = Duration::from_millis(100);
/// How long members may look unhealthy before that counts: an election, or the restart of a member, takes less.
const PATIENCE: Duration = Duration::from_secs(10);

/// Selects the member to remove.
pub type Who<'a> = &'a dyn Fn(&Member) -> bool;

/// The result of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    Removed,
    /// It was not a member.
    WasNoMember,
    /// It is the only voting member: the cluster cannot exist without it, so it stays until its data are deleted.
    IsLast,
}

/// Changes the membership of one cluster.
pub struct Membership<'a> {
    api: &'a dyn MemberApi,
    gate: &'a Gate,
    clock: &'a Clock,
    events: &'a Events,
    /// The timeout of each step (the `etcdAPICall` timeout of the configuration).
    limit: Duration,
    /// The members as etcd last listed them.
    known: RefCell<Vec<Member>>,
}

impl<'a> Membership<'a> {
    /// Changes through `client`; `limit` is the timeout of each step.
    pub fn new(client: &'a Client, gate: &'a Gate, clock: &'a Clock, events: &'a Events, limit: Duration) -> Self {
        Self { api: client, gate, clock, events, limit, known: RefCell::default() }
    }

    /// The same, where the members were listed before.
    #[must_use]
    pub fn knowing(self, members: Vec<Member>) -> Self {
        self.known.replace(members);
        self
    }

    /// The members as etcd last listed them.
    pub fn known(&self) -> Vec<Member> {
        self.known.borrow().clone()
    }

    /// Gets the membership of `name` with this peer URL: the existing one, or a new one as a learner. A member that
    /// lost its data is replaced, as it could never continue.
    pub fn admit(&self, name: &str, peer_url: &str, local: LocalData) -> Result<Admission, Failure> {
        let mut members = self.list()?;
        match self.existing(&members, name, peer_url, local)? {
            Existing::None => {}
            Existing::Own(member) => {
                return Ok(Admission {
                    id: member.id,
                    initial_cluster: initial_cluster(&members, peer_url, name),
                    has_started: member.has_started(),
                });
            }
            Existing::Lost(member) => {
                let id = member.id;
                self.events.warning(format!("the etcd member {} has lost its data and is replaced", member.shown()));
                self.remove(&members, member)?;
                members.retain(|other| other.id != id);
            }
        }
        self.patiently(|| quorum::admits(self.api, &members))?;
        let change = request("add learner", &format!("member {name}"), Some(peer_url.to_owned()));
        let members = self.gate.pass(change, || self.add(peer_url))?.unwrap_or_else(|| {
            // A dry run continues with the member that would be added.
            members.push(Member { peer_urls: vec![peer_url.to_owned()], learner: true, ..Member::default() });
            members
        });
        let id = find(&members, peer_url).map_or(0, |member| member.id);
        Ok(Admission { id, initial_cluster: initial_cluster(&members, peer_url, name), has_started: false })
    }

    /// Checks whether [`Membership::admit`] would succeed.
    pub fn check_room(&self, name: &str, peer_url: &str, local: LocalData) -> Result<(), Failure> {
        let members = self.list()?;
        match self.existing(&members, name, peer_url, local)? {
            Existing::None => self.patiently(|| quorum::admits(self.api, &members)),
            Existing::Own(_) => Ok(()),
            Existing::Lost(member) => self.patiently(|| quorum::allows_removal(self.api, &members, member)),
        }
    }

    /// Waits until the members are listed, which needs a majority of them.
    pub fn require_list(&self) -> Result<(), Failure> {
        self.list().map(drop)
    }

    /// Repeats a check for some seconds: members look unhealthy while they elect a leader.
    fn patiently(&self, judge: impl Fn() -> Result<(), EtcdError>) -> Result<(), Failure> {
        let mut verdict = Ok(());
        let wait = Wait { slowest: SLOWEST, ..Wait::new("enough healthy etcd members", PATIENCE.min(self.limit)) };
        let _in_time = wait.until(self.clock, self.events, || {
            verdict = judge();
            Ok(match &verdict {
                Ok(()) => Poll::Ready(()),
                Err(error) => Poll::Pending(error.to_string()),
            })
        });
        Ok(verdict?)
    }

    /// Waits until the member has started and has all data, and promotes it after calling `before_vote`. `meanwhile` is
    /// called before each poll of a member that has not started yet. If it never starts, it is removed again
    /// ([`EtcdError::NeverStarted`]).
    pub fn establish(
        &self,
        admission: &Admission,
        meanwhile: impl FnMut() -> Result<(), Failure>,
        before_vote: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let id = admission.id;
        match self.gate.effect(|| self.wait_for_start(id, meanwhile)) {
            Ok(Some(MemberRole::Voter)) => return Ok(()),
            Ok(Some(MemberRole::Learner)) => before_vote()?,
            Ok(None) => {}
            Err(failure) if failure.downcast_ref::<TimedOut>().is_some() => return Err(self.give_up(id)),
            Err(failure) => return Err(failure),
        }
        self.gate.pass(request("promote", &format!("member {id:x}"), None), || self.promote(id))?;
        Ok(())
    }

    /// Checks whether a majority of the members responds, with the member list of one that does. It is not an error
    /// here if no member responds at all.
    pub fn require_majority(&self) -> Result<(), Failure> {
        let Ok(members) = self.api.members_serializable() else { return Ok(()) };
        self.require_majority_of(&members)
    }

    /// The same with a given member list, if no member responds. A single member that does not respond is just not running.
    pub fn require_majority_of(&self, members: &[Member]) -> Result<(), Failure> {
        if voters(members).count() < 2 {
            return Ok(());
        }
        self.patiently(|| quorum::is_there(self.api, members))
    }

    /// True if the member with this peer URL has no vote, as the members were last listed; None if it was not listed.
    pub fn is_learner(&self, peer_url: &str) -> Option<bool> {
        find(&self.known.borrow(), peer_url).map(|member| member.learner)
    }

    /// Removes the member that `who` selects.
    pub fn leave(&self, who: Who<'_>) -> Result<Departure, Failure> {
        let (departure, members) = self.foresee(who)?;
        if let (Departure::Removed, Some(member)) = (departure, members.iter().find(|member| who(member))) {
            let shown = format!("member {}", member.shown());
            self.gate.pass(request("remove", &shown, None), || self.remove_until_gone(member.id))?;
        }
        Ok(departure)
    }

    /// What [`Membership::leave`] would do, and the current members. A cluster that has already lost its majority is
    /// reported as such if at least one of its members responds.
    pub fn foresee(&self, who: Who<'_>) -> Result<(Departure, Vec<Member>), Failure> {
        let members = self.list().or_else(|failure| match self.api.members_serializable() {
            Ok(members) if voters(&members).count() > 1 => Ok(members),
            _ => Err(failure),
        })?;
        let Some(member) = members.iter().find(|member| who(member)) else {
            return Ok((Departure::WasNoMember, members));
        };
        if !member.learner && voters(&members).count() == 1 {
            return Ok((Departure::IsLast, members));
        }
        self.patiently(|| quorum::allows_removal(self.api, &members, member))?;
        Ok((Departure::Removed, members))
    }

    fn remove(&self, members: &[Member], member: &Member) -> Result<(), Failure> {
        self.patiently(|| quorum::allows_removal(self.api, members, member))?;
        let shown = format!("member {}", member.shown());
        self.gate.pass(request("remove", &shown, None), || self.remove_until_gone(member.id))?;
        Ok(())
    }

    fn members(&self) -> Result<Vec<Member>, EtcdError> {
        let members = self.api.members()?;
        self.known.replace(members.clone());
        Ok(members)
    }

    fn list(&self) -> Result<Vec<Member>, Failure> {
        self.wait("the members of the etcd cluster", || Ok(Poll::Ready(self.members()?)))
    }

    fn add(&self, peer_url: &str) -> Result<Vec<Member>, Failure> {
        let mut ahead = None;
        let added = self.wait("the etcd cluster to add the member", || {
            let members = self.members()?;
            if find(&members, peer_url).is_some() {
                return Ok(Poll::Ready(members));
            }
            ahead = members.iter().find(|member| member.learner).cloned();
            if let Some(other) = &ahead {
                return Ok(Poll::Pending(format!("the member {} is joining first", other.shown())));
            }
            match self.api.add_learner(peer_url) {
                Ok(members) if find(&members, peer_url).is_some() => {
                    self.known.replace(members.clone());
                    Ok(Poll::Ready(members))
                }
                Ok(_) => Ok(Poll::Pending("the new member is not listed yet".into())),
                Err(error) if error.is_unhealthy_cluster() => Ok(Poll::Pending(self.why_not_now(&members))),
                Err(error) => pending(error),
            }
        });
        added.map_err(|failure| match (failure.downcast_ref(), ahead) {
            (Some(EtcdError::TimedOut { limit, .. }), Some(other)) => EtcdError::behind(&other, *limit).into(),
            _ => failure,
        })
    }

    /// etcd refuses new members while a voting member is unreachable, or has been connected for less than five seconds.
    fn why_not_now(&self, members: &[Member]) -> String {
        let sick = quorum::sick(self.api, members);
        if sick.is_empty() {
            return "etcd requires that its members have been connected for some seconds".into();
        }
        format!("etcd does not accept a new member while a member is unreachable: {}", sick.join("; "))
    }

    fn wait_for_start(
        &self,
        id: u64,
        mut meanwhile: impl FnMut() -> Result<(), Failure>,
    ) -> Result<MemberRole, Failure> {
        // The timeout is returned unchanged: the caller interprets it.
        self.poll("etcd on this host to join the cluster", || {
            meanwhile()?;
            let members = self.members()?;
            let member = members.iter().find(|member| member.id == id).ok_or(EtcdError::Gone { id })?;
            Ok(match (member.learner, member.has_started()) {
                (_, false) => Poll::Pending("it has not reported to the other members yet".into()),
                (true, true) => Poll::Ready(MemberRole::Learner),
                (false, true) => Poll::Ready(MemberRole::Voter),
            })
        })
    }

    fn promote(&self, id: u64) -> Result<(), Failure> {
        self.wait("etcd on this host to be promoted", || {
            let members = self.members()?;
            let member = members.iter().find(|member| member.id == id).ok_or(EtcdError::Gone { id })?;
            if !member.learner {
                return Ok(Poll::Ready(()));
            }
            match self.api.promote(id) {
                Ok(()) => Ok(Poll::Ready(())),
                Err(error) if error.is_not_in_sync() => Ok(Poll::Pending("it is still receiving data".into())),
                Err(error) if error.is_not_found() => Ok(Poll::Pending("the members do not all list it yet".into())),
                Err(error) => pending(error),
            }
        })
    }

    fn remove_until_gone(&self, id: u64) -> Result<(), Failure> {
        self.wait("the etcd member to be removed", || {
            if !self.members()?.iter().any(|member| member.id == id) {
                return Ok(Poll::Ready(()));
            }
            match self.api.remove(id) {
                Ok(()) => Ok(Poll::Ready(())),
                Err(error) if error.is_not_found() => Ok(Poll::Ready(())),
                Err(error) => pending(error),
            }
        })
    }

    /// Removes a member that never started. It stays if it started at the last moment, or is not a learner: then it may
    /// have a vote that the quorum needs.
    fn give_up(&self, id: u64) -> Failure {
        let never_started =
            self.members().is_ok_and(|members| members.iter().any(|m| m.id == id && m.learner && !m.has_started()));
        let change = request("remove", &format!("member {id:x}"), None);
        let rolled_back = never_started && self.gate.pass(change, || self.remove_until_gone(id)).is_ok();
        EtcdError::NeverStarted { limit: self.limit, rolled_back }.into()
    }

    /// Maps the timeout of a wait to the last error of etcd.
    fn wait<T>(&self, what: &str, look: impl FnMut() -> Result<Poll<T>, Failure>) -> Result<T, Failure> {
        self.poll(what, look).map_err(|failure| match failure.downcast_ref::<TimedOut>() {
            Some(TimedOut { what, limit, last }) => {
                EtcdError::TimedOut { what: what.clone(), limit: *limit, last: last.clone() }.into()
            }
            None => failure,
        })
    }

    fn poll<T>(&self, what: &str, mut look: impl FnMut() -> Result<Poll<T>, Failure>) -> Result<T, Failure> {
        let mut majority = self.watch_majority();
        Wait { slowest: SLOWEST, ..Wait::new(what, self.limit) }.until(self.clock, self.events, || {
            let outcome = look();
            if !matches!(outcome, Ok(Poll::Ready(_))) {
                majority.look()?;
            }
            outcome
        })
    }
}

impl Membership<'_> {
    /// The peer URL identifies the member. A host without its data may be another one that got the address by mistake,
    /// or may not see the existing data: it must not replace a running member.
    fn existing<'m>(
        &self,
        members: &'m [Member],
        name: &str,
        peer_url: &str,
        local: LocalData,
    ) -> Result<Existing<'m>, EtcdError> {
        let Some(member) = find(members, peer_url) else {
            let stale = local == LocalData::Present;
            return if stale { Err(EtcdError::StaleData { peer_url: peer_url.into() }) } else { Ok(Existing::None) };
        };
        if !member.has_started() || local == LocalData::Present {
            return Ok(Existing::Own(member));
        }
        let taken = |why: String| EtcdError::Taken { holder: member.name.clone(), peer_url: peer_url.into(), why };
        if member.name != name {
            return Err(taken(format!("this host is {name}")));
        }
        match (self.answers(member), local) {
            (false, _) => Ok(Existing::Lost(member)),
            (true, LocalData::Manifest) => Ok(Existing::Own(member)),
            (true, _) => Err(taken("it is running, and this host has no data of it".into())),
        }
    }

    /// True if the member responds within some seconds, even with a problem.
    fn answers(&self, member: &Member) -> bool {
        let wait = Wait { slowest: SLOWEST, ..Wait::new("a response of this host's etcd member", PATIENCE) };
        let answer = wait.until(self.clock, self.events, || {
            Ok(match self.api.health(member) {
                Health::Silent(why) | Health::Down(why) => Poll::Pending(why),
                Health::Well | Health::Ill(_) => Poll::Ready(()),
            })
        });
        answer.is_ok()
    }
}

enum MemberRole {
    Learner,
    Voter,
}

/// A failure after which the members must be read again, or the change given up.
fn pending<T>(error: EtcdError) -> Result<Poll<T>, Failure> {
    if error.is_untimely() || error.retryable() { Ok(Poll::Pending(error.to_string())) } else { Err(error.into()) }
}
