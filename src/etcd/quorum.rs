//! Whether a membership change leaves enough healthy votes.
//!
//! Reads: the health of the voting members. Writes: nothing.

use super::error::EtcdError;
use super::member::{Health, Member};
use super::member_api::MemberApi;
use crate::base::parallel::for_each;

pub(super) fn allows_removal(api: &dyn MemberApi, members: &[Member], leaving: &Member) -> Result<(), EtcdError> {
    if leaving.learner {
        return Ok(());
    }
    let Votes { healthy, sick, .. } = Votes::of(api, members);
    let voters = healthy.len() + sick.len();
    let change = format!("removing {}", leaving.shown());
    // A majority of the current voters must agree, and the remaining voters must be a majority of their own.
    check(healthy.len(), voters, majority(voters), &change, sick.clone())?;
    let staying = healthy.iter().filter(|id| **id != leaving.id).count();
    check(staying, voters.saturating_sub(1), majority(voters.saturating_sub(1)), &change, sick)
}

/// Whether a new member can be added now: etcd refuses that while a voting member is unreachable.
pub(super) fn admits(api: &dyn MemberApi, members: &[Member]) -> Result<(), EtcdError> {
    let votes = Votes::of(api, members);
    votes.require_answers()?;
    votes.allow_addition()?;
    if votes.sick.is_empty() { Ok(()) } else { Err(EtcdError::MemberAway { away: votes.sick }) }
}

/// Whether a majority responds, healthy or not.
pub(super) fn is_there(api: &dyn MemberApi, members: &[Member]) -> Result<(), EtcdError> {
    Votes::of(api, members).require_answers()
}

/// The unhealthy voters, with the reason.
pub(super) fn sick(api: &dyn MemberApi, members: &[Member]) -> Vec<String> {
    Votes::of(api, members).sick
}

/// The voting members, all asked at once.
struct Votes {
    /// Their ids.
    healthy: Vec<u64>,
    /// The others, with the reason.
    sick: Vec<String>,
    /// Those of them that do not respond.
    missing: Vec<String>,
    /// The host of one of these responds, so the network works.
    is_refused: bool,
}

impl Votes {
    fn of(api: &dyn MemberApi, members: &[Member]) -> Self {
        let asked: Vec<&Member> = voters(members).collect();
        let mut votes = Self { healthy: Vec::new(), sick: Vec::new(), missing: Vec::new(), is_refused: false };
        for (member, health) in asked.iter().zip(for_each(&asked, |member| api.health(member))) {
            votes.is_refused |= matches!(health, Health::Down(_));
            let shown = |why: &str| format!("{}: {why}", member.shown());
            match health {
                Health::Well => votes.healthy.push(member.id),
                Health::Ill(why) => votes.sick.push(shown(&why)),
                Health::Silent(why) | Health::Down(why) => {
                    votes.sick.push(shown(&why));
                    votes.missing.push(shown(&why));
                }
            }
        }
        votes
    }

    fn number(&self) -> usize {
        self.healthy.len() + self.sick.len()
    }

    fn require_answers(&self) -> Result<(), EtcdError> {
        let (voters, missing) = (self.number(), self.missing.clone());
        let (answering, needed) = (voters - missing.len(), majority(voters));
        if answering >= needed || voters == 0 {
            return Ok(());
        }
        let cut_off = missing.len() + 1 >= voters && !self.is_refused;
        Err(EtcdError::QuorumLost { answering, voters, needed, missing, cut_off })
    }

    fn allow_addition(&self) -> Result<(), EtcdError> {
        let voters = self.number();
        // The change itself needs a majority of the current voters; the cluster after it, one of those and the new one.
        let needed = majority(voters).max(majority(voters + 1).saturating_sub(1));
        check(self.healthy.len(), voters, needed, "adding a member", self.sick.clone())
    }
}

pub(super) fn voters(members: &[Member]) -> impl Iterator<Item = &Member> {
    members.iter().filter(|member| !member.learner)
}

fn check(healthy: usize, voters: usize, needed: usize, change: &str, sick: Vec<String>) -> Result<(), EtcdError> {
    if healthy >= needed {
        return Ok(());
    }
    Err(EtcdError::NoQuorum { change: change.into(), healthy, voters, needed, sick })
}

fn majority(voters: usize) -> usize {
    voters / 2 + 1
}
