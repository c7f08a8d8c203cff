//! Whether the etcd of this host has lost its data.
//!
//! The kubelet starts an empty etcd in their place. If other members know this one, it ends again and again when they talk to it: no
//! wait helps, and the data or the member have to be replaced. Without others it becomes a cluster without objects.
//!
//! Reads: etcd's manifest and data directory, the Endpoints of the API servers, the members, the kubelet's kubeconfig, the names of
//! snapshots. Writes: nothing.

use super::kubelet_client::{self, Credential};
use super::local_etcd::{self, DEFAULT_DATA};
use super::own_etcd::CLIENTS;
use super::snapshots;
use super::stacked_etcd;
use super::static_pod::{self, StaticPod};
use crate::base::fault::Result;
use crate::base::parallel::for_each;
use crate::checks::LostData;
use crate::context::Context;
use crate::domain::paths::ADMIN_CONF;
use crate::etcd::{Client, EtcdError, Member, members_in};
use crate::journal::Journal;
use crate::render::pods::{client_url, peer_url};
use std::path::Path;

/// What this host's etcd has lost; None if it has lost nothing, or if nothing shows that there was something.
pub fn of(cx: &Context) -> Result<Option<LostData>> {
    let pod = StaticPod::read_or_empty(&cx.host.files, "etcd")?;
    let is_ours = pod.is_some() || Journal::load(&cx.host.files)?.files().contains_key(&static_pod::path("etcd"));
    if !is_ours || !cx.host.files.is_live() {
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
    let endpoints = [own_urls.clone(), others.clone()].concat();
    let lacks = |_: &Path, _: &str| EtcdError::Address { address: String::new() }.into();
    let client = stacked_etcd::client(cx, endpoints, &CLIENTS, lacks).ok();
    let answers = |client: &Client| own_urls.iter().any(|url| client.members_known_at(url).is_ok());
    let lost = |known: Option<(u64, String)>| -> Result<Option<LostData>> {
        let snapshot = snapshots::all(&cx.host.files)?.pop();
        Ok(Some(LostData { dir: dir.clone(), known, snapshot, is_empty }))
    };
    let Some(client) = client else { return if is_empty && was_complete(cx)? { lost(None) } else { Ok(None) } };
    if answers(&client) {
        // It is a member of this cluster, is starting as one, or is a new one without others.
        let is_new = others.is_empty() && was_complete(cx)? && lacks_configuration(cx, &client);
        return if is_new { lost(None) } else { Ok(None) };
    }
    let lists = for_each(&others, |url| client.members_known_at(url));
    if let Some(member) = lists.into_iter().flatten().find_map(|members| own.started(&members)) {
        return lost(Some((member.id, member.name)));
    }
    if is_empty && was_complete(cx)? { lost(None) } else { Ok(None) }
}

/// True if an `init` on this host has come so far that the cluster has stored its configuration: the kubelet of a first control
/// plane uses the certificate that it renews only after that.
fn was_complete(cx: &Context) -> Result<bool> {
    Ok(matches!(kubelet_client::credential(&cx.host.files)?, Some((_, Credential::Rotated))))
}

/// True if etcd says that it has no configuration of the cluster.
fn lacks_configuration(cx: &Context, client: &Client) -> bool {
    let api_server = StaticPod::read_or_empty(&cx.host.files, "kube-apiserver").ok().flatten().unwrap_or_default();
    let prefix = api_server.flag("etcd-prefix").unwrap_or("/registry").trim_matches('/');
    matches!(client.get(&format!("/{prefix}/configmaps/kube-system/kubeadm-config")), Ok(None))
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
        if !cx.host.files.exists(&member) {
            return Some(true);
        }
        let database = cx.host.files.open(&member.join("snap/db")).ok()?;
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

    /// 'init' again started an empty etcd, and then the cluster was without its objects.
    #[test]
    fn a_cluster_that_was_complete_is_known_by_the_kubelets_own_certificate() {
        let root = crate::state::renewal_fixture::host();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        assert!(!was_complete(&cx).unwrap(), "an init that was interrupted may begin with an empty etcd");
        crate::state::renewal_fixture::use_rotated_file(&root);
        assert!(was_complete(&cx).unwrap());
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
