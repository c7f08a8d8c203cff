//! Which place in the cluster is a host's.
//!
//! Reads: the members, the health of the one that has the host's address. Writes: nothing.

use crate::etcd::member::Member;

/// The place that a host has in the cluster before anything is changed.
pub(super) enum Place<'m> {
    None,
    Its(&'m Member),
    /// That of a member which can never continue: its data is gone.
    Lost(&'m Member),
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

/// What this host has of an etcd member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalData {
    /// Nothing.
    Absent,
    /// A manifest that runs the member, but no data where that says they are.
    Manifest,
    /// Data.
    Present,
}

/// A place in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The member's id; 0 in a dry run that would add it.
    pub id: u64,
    /// The name and peer address of every member, this one included, for `--initial-cluster`.
    pub initial_cluster: Vec<(String, String)>,
    /// It has started before, so that its own data tell it who the members are, and no list has to.
    pub has_started: bool,
}
