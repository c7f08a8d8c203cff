//! Whether a change of membership leaves enough healthy votes.
//!
//! Reads: the health of the members that vote. Writes: nothing.

use super::error::EtcdError;
use super::member::{Health, Member};
use super::membership::MemberApi;
use crate::base::parallel::for_each;

/// # Errors
/// When too few are well for one more to come in.
pub(super) fn allows_addition(api: &dyn MemberApi, members: &[Member]) -> Result<(), EtcdError> {
    let (healthy, sick) = health(api, members);
    let voters = healthy.len() + sick.len();
    // The change itself needs a majority of those who vote now; the cluster after it one of those and the new one.
    let needed = majority(voters).max(majority(voters + 1).saturating_sub(1));
    check(healthy.len(), voters, needed, "adding a member", sick)
}

/// # Errors
/// When too few are well for this one to go.
pub(super) fn allows_removal(api: &dyn MemberApi, members: &[Member], leaving: &Member) -> Result<(), EtcdError> {
    if leaving.learner {
        return Ok(());
    }
    let (healthy, sick) = health(api, members);
    let voters = healthy.len() + sick.len();
    let change = format!("removing {}", leaving.shown());
    // A majority of those who vote now must agree, and those who stay must be a majority of their own.
    check(healthy.len(), voters, majority(voters), &change, sick.clone())?;
    let staying = healthy.iter().filter(|id| **id != leaving.id).count();
    check(staying, voters.saturating_sub(1), majority(voters.saturating_sub(1)), &change, sick)
}

/// # Errors
/// When a voter is away, and so no member can come in; when too few are well for that anyway.
pub(super) fn admits(api: &dyn MemberApi, members: &[Member]) -> Result<(), EtcdError> {
    allows_addition(api, members)?;
    let (_, away) = health(api, members);
    if away.is_empty() { Ok(()) } else { Err(EtcdError::MemberAway { away }) }
}

/// # Errors
/// [`EtcdError::QuorumLost`], when fewer than a majority of the voters answer at all.
pub(super) fn is_there(api: &dyn MemberApi, members: &[Member]) -> Result<(), EtcdError> {
    let voters: Vec<&Member> = voters(members).collect();
    let mut missing = Vec::new();
    for (member, health) in voters.iter().zip(for_each(&voters, |member| api.health(member))) {
        if let Health::Silent(why) = health {
            missing.push(format!("{}: {why}", member.shown()));
        }
    }
    let (answering, needed) = (voters.len() - missing.len(), majority(voters.len()));
    if answering >= needed || voters.len() < 2 {
        return Ok(());
    }
    let cut_off = missing.len() + 1 >= voters.len() && !missing.iter().any(|why| why.contains("refuses"));
    Err(EtcdError::QuorumLost { answering, voters: voters.len(), needed, missing, cut_off })
}

/// The ids of the voters that are well, and who is not and why. All are asked at once.
pub(super) fn health(api: &dyn MemberApi, members: &[Member]) -> (Vec<u64>, Vec<String>) {
    let voters: Vec<&Member> = voters(members).collect();
    let mut healthy = Vec::new();
    let mut sick = Vec::new();
    for (member, health) in voters.iter().zip(for_each(&voters, |member| api.health(member))) {
        match health {
            Health::Well => healthy.push(member.id),
            Health::Ill(why) | Health::Silent(why) => sick.push(format!("{}: {why}", member.shown())),
        }
    }
    (healthy, sick)
}

/// The members that vote.
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
