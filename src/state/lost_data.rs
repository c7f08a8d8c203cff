//! Whether the etcd of this host has lost its data, although the other members know it.
//!
//! The kubelet starts an empty etcd in their place, which ends again and again when the other members talk to it: no wait helps,
//! and the data or the member have to be replaced.
//!
//! Reads: etcd's manifest and data directory, the Endpoints of the API servers, the members. Writes: nothing.

use super::local_etcd::{self, DEFAULT_DATA};
use super::own_etcd::CLIENTS;
use super::stacked_etcd;
use super::static_pod::{self, StaticPod};
use crate::base::fault::Result;
use crate::base::parallel::for_each;
use crate::checks::LostData;
use crate::context::Context;
use crate::domain::paths::ADMIN_CONF;
use crate::etcd::{EtcdError, Member, members_in};
use crate::journal::Journal;
use crate::render::pods::{client_url, peer_url};
use std::path::Path;

/// What this host's etcd has lost; None if it has lost nothing, or if no other member says that it was one of them.
pub fn of(cx: &Context) -> Result<Option<LostData>> {
    let pod = StaticPod::read_or_empty(&cx.files, "etcd")?;
    let is_ours = pod.is_some() || Journal::load(&cx.files)?.files().contains_key(&static_pod::path("etcd"));
    if !is_ours || !cx.files.is_live() {
        return Ok(None);
    }
    let pod = pod.unwrap_or_default();
    let dir = pod.on_host_or_same(Path::new(pod.flag("data-dir").unwrap_or(DEFAULT_DATA)));
    let address = cx.node()?.local_endpoint.advertise_address;
    let own = Own { peer_urls: given(&pod, "initial-advertise-peer-urls", peer_url(address)) };
    let Some(is_empty) = own.is_new(cx, &dir) else { return Ok(None) };
    let own_urls = given(&pod, "advertise-client-urls", client_url(address));
    let mut others: Vec<String> =
        local_etcd::initial_members(&pod).into_iter().flat_map(|member| member.client_urls).collect();
    let next_to_api_servers = cx
        .hasty_cluster(Path::new(ADMIN_CONF))
        .and_then(|cluster| Ok(stacked_etcd::urls_next_to_api_servers(&cluster)?));
    others.extend(next_to_api_servers.unwrap_or_default());
    others.retain(|url| !own_urls.contains(url));
    others.sort();
    others.dedup();
    if others.is_empty() {
        return Ok(None);
    }
    let endpoints = [own_urls.clone(), others.clone()].concat();
    let lacks = |_: &Path, _: &str| EtcdError::Address { address: String::new() }.into();
    let Ok(client) = stacked_etcd::client(cx, endpoints, &CLIENTS, lacks) else { return Ok(None) };
    // One that answers is a member of this cluster, or is starting as one.
    if own_urls.iter().any(|url| client.members_known_at(url).is_ok()) {
        return Ok(None);
    }
    let lists = for_each(&others, |url| client.members_known_at(url));
    let known = lists.into_iter().flatten().find_map(|members| own.started(&members));
    Ok(known.map(|member| LostData { dir, member: member.id, name: member.name, is_empty }))
}

fn given(pod: &StaticPod, flag: &str, default: String) -> Vec<String> {
    let urls: Vec<String> = pod.list(flag).into_iter().map(str::to_owned).collect();
    if urls.is_empty() { vec![default] } else { urls }
}

/// The member of this host.
struct Own {
    peer_urls: Vec<String>,
}

impl Own {
    fn is(&self, member: &Member) -> bool {
        member.peer_urls.iter().any(|url| self.peer_urls.contains(url))
    }

    /// True if there are no data; false if they know no other member, as those of a new etcd; None if they do, or cannot be
    /// read.
    fn is_new(&self, cx: &Context, dir: &Path) -> Option<bool> {
        let member = dir.join("member");
        if !cx.files.exists(&member) {
            return Some(true);
        }
        let database = cx.files.open(&member.join("snap/db")).ok()?;
        let knows_others = members_in(&database).ok()?.iter().any(|member| !self.is(member));
        (!knows_others).then_some(false)
    }

    /// This host's member, if it is one of several and has started before.
    fn started(&self, members: &[Member]) -> Option<Member> {
        let own = members.iter().find(|member| self.is(member) && member.has_started());
        own.filter(|_| members.len() > 1).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::sample_database;

    fn own() -> Own {
        Own { peer_urls: vec!["https://n1:2380".into()] }
    }

    /// Three members, and the first control plane has lost its data: 'init' waited for four minutes, and then named the API
    /// server.
    #[test]
    fn an_etcd_that_the_others_know_and_that_knows_no_other_has_lost_its_data() {
        let root = tempfile::tempdir().unwrap();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        let dir = Path::new("/var/lib/etcd");
        assert_eq!(own().is_new(&cx, dir), Some(true));
        let snap = root.path().join("var/lib/etcd/member/snap");
        std::fs::create_dir_all(&snap).unwrap();
        assert_eq!(own().is_new(&cx, dir), None, "it is not known");
        for (members, expected) in
            [(&[][..], Some(false)), (&["n1"][..], Some(false)), (&["n1", "n2"][..], None), (&["n2", "n3"][..], None)]
        {
            std::fs::write(snap.join("db"), sample_database(&[], members)).unwrap();
            assert_eq!(own().is_new(&cx, dir), expected, "{members:?}");
        }
    }

    #[test]
    fn only_a_member_that_has_started_can_have_lost_something() {
        let member = |name: &str, at: &str| Member {
            name: name.into(),
            peer_urls: vec![format!("https://{at}:2380")],
            ..Member::default()
        };
        let found = |members: &[Member]| own().started(members).map(|member| member.name);
        assert_eq!(found(&[member("n1", "n1"), member("n2", "n2")]), Some("n1".into()));
        assert_eq!(found(&[member("", "n1"), member("n2", "n2")]), None, "an interrupted join");
        assert_eq!(found(&[member("n2", "n2"), member("n3", "n3")]), None);
        assert_eq!(found(&[member("n1", "n1")]), None);
    }
}
