//! Which place in the cluster is a host's.
//!
//! Reads: the members, the health of the one that has the host's address. Writes: nothing.

use super::{LocalData, Membership, PATIENCE, SLOWEST};
use crate::base::wait::{Poll, Wait};
use crate::etcd::error::EtcdError;
use crate::etcd::member::{Health, Member};

/// The place that a host has in the cluster before anything is changed.
pub(super) enum Place<'m> {
    None,
    Its(&'m Member),
    /// That of a member which can never continue: its data is gone.
    Lost(&'m Member),
}

impl Membership<'_> {
    /// The address tells the member. A host without data of it may be another one, to which the address was given by
    /// mistake, or may not see the data that is there: it must not take the place of a member that lives.
    pub(super) fn place<'m>(
        &self,
        members: &'m [Member],
        name: &str,
        peer_url: &str,
        local: LocalData,
    ) -> Result<Place<'m>, EtcdError> {
        let Some(member) = find(members, peer_url) else {
            let stale = local == LocalData::Present;
            return if stale { Err(EtcdError::StaleData { peer_url: peer_url.into() }) } else { Ok(Place::None) };
        };
        if !member.has_started() || local == LocalData::Present {
            return Ok(Place::Its(member));
        }
        let taken = |why: String| EtcdError::Taken { holder: member.name.clone(), peer_url: peer_url.into(), why };
        if member.name != name {
            return Err(taken(format!("this host is {name}")));
        }
        match (self.answers(member), local) {
            (false, _) => Ok(Place::Lost(member)),
            (true, LocalData::Manifest) => Ok(Place::Its(member)),
            (true, _) => Err(taken("it is alive, and this host has no data of it".into())),
        }
    }

    /// True when the member answers within some seconds, be it with complaints.
    fn answers(&self, member: &Member) -> bool {
        let wait = Wait { slowest: SLOWEST, ..Wait::new("an answer of this host's etcd member", PATIENCE) };
        let answer = wait.until(self.clock, self.events, || {
            Ok(match self.api.health(member) {
                Health::Silent(why) => Poll::Pending(why),
                Health::Well | Health::Ill(_) => Poll::Ready(()),
            })
        });
        answer.is_ok()
    }
}

pub(super) fn find<'m>(members: &'m [Member], peer_url: &str) -> Option<&'m Member> {
    members.iter().find(|member| member.peer_urls.iter().any(|url| url == peer_url))
}

/// Every member's name and addresses. One that has not started has no name yet: ours is known, another's id
/// stands in for it, as etcd compares the addresses only.
pub(super) fn initial_cluster(members: &[Member], peer_url: &str, name: &str) -> Vec<(String, String)> {
    let named = |member: &Member| {
        if member.peer_urls.iter().any(|url| url == peer_url) {
            name.to_owned()
        } else if member.has_started() {
            member.name.clone()
        } else {
            format!("{:x}", member.id)
        }
    };
    let lines = |member: &Member| {
        let name = named(member);
        member.peer_urls.iter().map(move |url| (name.clone(), url.clone())).collect::<Vec<_>>()
    };
    members.iter().flat_map(lines).collect()
}
