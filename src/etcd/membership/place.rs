//! Finds the membership of a host.
//!
//! Reads: the members, the health of the one with the host's peer URL. Writes: nothing.

use crate::etcd::member::Member;

/// The membership of a host before any change.
pub(super) enum Existing<'m> {
    None,
    Own(&'m Member),
    /// That of a member that can never continue: its data are gone.
    Lost(&'m Member),
}

pub(super) fn find<'m>(members: &'m [Member], peer_url: &str) -> Option<&'m Member> {
    members.iter().find(|member| member.peer_urls.iter().any(|url| url == peer_url))
}

/// The name and peer URLs of every member. A member that has not started has no name: ours is known, and the id
/// replaces another one's, as etcd compares only the URLs.
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
    Absent,
    /// A manifest that runs the member, but not the data at the path in it.
    Manifest,
    Present,
}

/// The membership of this host in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The id of the member; 0 in a dry run that would add it.
    pub id: u64,
    /// The name and peer URL of every member, including this one, for `--initial-cluster`.
    pub initial_cluster: Vec<(String, String)>,
    /// It has started before, so its own data contain the members and the list is not needed.
    pub has_started: bool,
}
