//! Whether a membership change leaves enough healthy votes.
//!
//! Reads: the health of the voting members. Writes: nothing.

use super::error::EtcdError;
use super::member::{Health, Member};
use super::member_api::MemberApi;
use crate::base::parallel::for_each;

pub(super) fn allows_addition(api: &dyn MemberApi, members: &[Member]) -> Result<(), EtcdError> {
    let (healthy, sick) = health(api, members);
    let voters = healthy.len() + sick.len();
    // The change itself needs a majority of the current voters; the cluster after it, one of those and the new one.
    let needed = majority(voters).max(majority(voters + 1).saturating_sub(1));
    check(healthy.len(), voters, needed, "adding a member", sick)
}

pub(super) fn allows_removal(api: &dyn MemberApi, members: &[Member], leaving: &Member) -> Result<(), EtcdError> {
    if leaving.learner {
        return Ok(());
    }
    let (healthy, sick) = health(api, members);
    let voters = healthy.len() + sick.len();
    let change = format!("removing {}", leaving.shown());
    // A majority of the current voters must agree, and the remaining voters must be a majority of their own.
    check(healthy.len(), voters, majority(voters), &change, sick.clone())?;
    let staying = healthy.iter().filter(|id| **id != leaving.id).count();
    check(staying, voters.saturating_sub(1), majority(voters.saturating_sub(1)), &change, sick)
}

pub(super) fn admits(api: &dyn MemberApi, members: &[Member]) -> Result<(), EtcdError> {
    allows_addition(api, members)?;
    let (_, away) = health(api, members);
    if away.is_empty() { Ok(()) } else { Err(EtcdError::MemberAway { away }) }
}

pub(super) fn is_there(api: &dyn MemberApi, members: &[Member]) -> Result<(), EtcdError> {
    let voters: Vec<&Member> = voters(members).collect();
    let mut missing = Vec::new();
    let mut is_refused = false;
    for (member, health) in voters.iter().zip(for_each(&voters, |member| api.health(member))) {
        is_refused |= matches!(health, Health::Down(_));
        if let Health::Silent(why) | Health::Down(why) = health {
            missing.push(format!("{}: {why}", member.shown()));
        }
    }
    let (answering, needed) = (voters.len() - missing.len(), majority(voters.len()));
    if answering >= needed || voters.is_empty() {
        return Ok(());
    }
    // A refused connection shows that the network works.
    let cut_off = missing.len() + 1 >= voters.len() && !is_refused;
    Err(EtcdError::QuorumLost { answering, voters: voters.len(), needed, missing, cut_off })
}

/// The ids of the healthy voters, and the unhealthy ones with the reason. All are asked at once.
pub(super) fn health(api: &dyn MemberApi, members: &[Member]) -> (Vec<u64>, Vec<String>) {
    let voters: Vec<&Member> = voters(members).collect();
    let mut healthy = Vec::new();
    let mut sick = Vec::new();
    for (member, health) in voters.iter().zip(for_each(&voters, |member| api.health(member))) {
        match health {
            Health::Well => healthy.push(member.id),
            Health::Ill(why) | Health::Silent(why) | Health::Down(why) => {
                sick.push(format!("{}: {why}", member.shown()));
            }
        }
    }
    (healthy, sick)
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
