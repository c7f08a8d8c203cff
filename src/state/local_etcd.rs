//! The etcd of this host, if a cluster tool created it.
//!
//! Reads: the manifests of etcd and the API server, the journal, the progress file of an earlier reset. Writes:
//! nothing.
//!
//! Data in etcd's default directory are not sufficient: a foreign etcd, which a cluster may use as an external one,
//! has them there too.

use crate::base::fault::Result;
use crate::context::Context;
use crate::etcd::{Member, members_in};
use crate::journal::Journal;
use crate::render::pods::peer_url;
use crate::state::reset_progress;
use crate::state::static_pod::{self, StaticPod};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// etcd's default data directory.
pub const DEFAULT_DATA: &str = "/var/lib/etcd";

/// etcd on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// Its peer URLs; empty if unknown on this host.
    pub peer_urls: Vec<String>,
    /// Its data directory; None if existing data are foreign.
    pub data_dir: Option<PathBuf>,
    /// It has data.
    pub has_data: bool,
    /// Its client URLs on this host.
    pub own_endpoints: Vec<String>,
    /// The client URLs of the members it was started with.
    pub endpoints: Vec<String>,
}

/// etcd as this host should run it; None if it should not.
pub fn local(cx: &Context) -> Result<Option<Local>> {
    let pod = StaticPod::read(&cx.host.files, "etcd")?;
    let recorded = reset_progress::read(cx)?;
    let servers = servers(cx)?;
    let uses_local = servers.as_ref().is_some_and(|servers| servers.iter().any(|server| is_loopback(server)));
    let data_dir = match &pod {
        Some(pod) => {
            let inside = Path::new(pod.flag("data-dir").unwrap_or(DEFAULT_DATA));
            Some(pod.on_host_or_same(inside)).filter(|path| reset_progress::is_data_dir(path))
        }
        None if recorded.data_dir.is_some() => recorded.data_dir,
        None if (uses_local || servers.is_none()) && was_written_here(cx)? => Some(DEFAULT_DATA.into()),
        None => None,
    };
    if pod.is_none() && data_dir.is_none() && !uses_local {
        return Ok(None);
    }
    let pod = pod.unwrap_or_default();
    let urls = |flag: &str| pod.list(flag).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let mut peer_urls = urls("initial-advertise-peer-urls");
    if peer_urls.is_empty() {
        peer_urls = recorded.peer_urls;
    }
    if peer_urls.is_empty() {
        peer_urls = advertised(cx)?.map(peer_url).into_iter().collect();
    }
    let mut endpoints = urls("advertise-client-urls");
    let listens = urls("listen-client-urls").into_iter().filter(|url| is_loopback(url));
    let own_endpoints = listens.chain(endpoints.clone()).collect();
    endpoints.extend(initial_members(&pod).into_iter().flat_map(|member| member.client_urls));
    let has_data = data_dir.as_ref().is_some_and(|directory| cx.host.files.exists(&directory.join("member")));
    Ok(Some(Local { peer_urls, data_dir, has_data, own_endpoints, endpoints }))
}

/// The members that etcd on this host was started with, from its manifest: NAME=https://HOST:2380; the client port is
/// one lower.
pub fn initial_members(pod: &StaticPod) -> Vec<Member> {
    let member = |peer: &str| {
        let (name, url) = peer.split_once('=')?;
        let client_urls = vec![format!("{}:2379", url.strip_suffix(":2380")?)];
        Some(Member { name: name.into(), peer_urls: vec![url.into()], client_urls, ..Member::default() })
    };
    pod.list("initial-cluster").into_iter().filter_map(member).collect()
}

/// The members in the data of the etcd with this manifest, as it last knew them; none if the data cannot be read. Meant for an
/// etcd that does not run: otherwise it answers itself.
pub fn stored_members(cx: &Context, pod: &StaticPod) -> Vec<Member> {
    let inside = Path::new(pod.flag("data-dir").unwrap_or(DEFAULT_DATA));
    let database = pod.on_host_or_same(inside).join("member/snap/db");
    let Ok(file) = cx.host.files.open(&database) else { return Vec::new() };
    members_in(&file).unwrap_or_default()
}

/// True if the etcd certificates on this host belong to an external etcd.
pub fn is_external(cx: &Context) -> Result<bool> {
    if local(cx)?.is_some_and(|local| local.data_dir.is_some()) {
        return Ok(false);
    }
    Ok(external(cx)?.is_some() || cx.host.files.exists(&Path::new(DEFAULT_DATA).join("member")))
}

/// The endpoints of this host's API server for an external etcd.
pub fn external(cx: &Context) -> Result<Option<Vec<String>>> {
    Ok(servers(cx)?.filter(|servers| !servers.iter().any(|server| is_loopback(server))))
}

/// True if this host has, or may have, data of the cluster's etcd: its manifest may have been moved away temporarily.
pub fn may_have_data(cx: &Context) -> Result<bool> {
    let Some(local) = local(cx)? else { return Ok(false) };
    Ok(local.has_data || local.data_dir.is_none() && cx.host.files.exists(&Path::new(DEFAULT_DATA).join("member")))
}

/// The etcd endpoints of this host's API server; None if it has no manifest or no such flag.
fn servers(cx: &Context) -> Result<Option<Vec<String>>> {
    let pod = StaticPod::read(&cx.host.files, "kube-apiserver")?;
    let servers = pod.as_ref().and_then(|pod| pod.flag("etcd-servers"));
    Ok(servers.map(|servers| servers.split(',').map(str::to_owned).collect()))
}

fn advertised(cx: &Context) -> Result<Option<IpAddr>> {
    let pod = StaticPod::read(&cx.host.files, "kube-apiserver")?;
    Ok(pod.as_ref().and_then(|pod| pod.flag("advertise-address")).and_then(|text| text.parse().ok()))
}

/// True if this tool wrote a manifest of etcd on this host, wherever it is now.
fn was_written_here(cx: &Context) -> Result<bool> {
    Ok(Journal::load(&cx.host.files)?.files().contains_key(&static_pod::path("etcd")))
}

/// True for a loopback address.
pub fn is_loopback(url: &str) -> bool {
    ["//127.0.0.1:", "//[::1]:", "//localhost:"].iter().any(|host| url.contains(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::leaving::fixture;

    fn context(files: &[(&str, &str)]) -> (tempfile::TempDir, Context) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let cx = fixture(root.path()).cx;
        (root, cx)
    }

    const ETCD: (&str, &str) = (
        "etc/kubernetes/manifests/etcd.yaml",
        "spec: {containers: [{command: [etcd, --data-dir=/data/etcd, '--initial-advertise-peer-urls=https://10.0.0.2:2380', \
         '--advertise-client-urls=https://10.0.0.2:2379', \
         '--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.2:2379', \
         '--initial-cluster=a=https://10.0.0.1:2380,b=https://10.0.0.2:2380']}]}",
    );
    const DATA: (&str, &str) = ("var/lib/etcd/member/snap/db", "");

    fn api_server(etcd: &str) -> String {
        format!(
            "spec: {{containers: [{{command: [kube-apiserver, --advertise-address=fd00::2, '--etcd-servers={etcd}']}}]}}"
        )
    }

    const API_SERVER: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";

    #[test]
    fn the_members_of_the_manifest_get_the_client_port() {
        let text = "spec: {containers: [{command: [etcd, '--initial-cluster=n1=https://10.0.0.1:2380,n2=https://[fd00::2]:2380']}]}";
        let members = initial_members(&StaticPod::parse(text.as_bytes()));
        let shown: Vec<_> = members.iter().map(|member| (member.name.as_str(), member.client_urls.join(","))).collect();
        assert_eq!(shown, [("n1", "https://10.0.0.1:2379".into()), ("n2", "https://[fd00::2]:2379".into())]);
        assert!(initial_members(&StaticPod::default()).is_empty());
    }

    /// A first control plane, whose manifest names no other member, was taken for the only one.
    #[test]
    fn all_members_are_read_from_the_data_of_an_etcd_that_does_not_answer() {
        let (root, cx) = context(&[ETCD, ("data/etcd/member/snap/db", "")]);
        let pod = StaticPod::read(&cx.host.files, "etcd").unwrap().unwrap();
        assert_eq!(stored_members(&cx, &pod), []);
        let database = crate::etcd::sample_database(&[], &["n1", "n2", "n3"]);
        std::fs::write(root.path().join("data/etcd/member/snap/db"), database).unwrap();
        let members = stored_members(&cx, &pod);
        assert_eq!(members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), ["n1", "n2", "n3"]);
    }

    #[test]
    fn a_member_is_read_from_its_manifest() {
        let (_root, cx) = context(&[ETCD, ("data/etcd/member/x", "")]);
        let local = local(&cx).unwrap().unwrap();
        assert_eq!(local.peer_urls, ["https://10.0.0.2:2380"]);
        assert_eq!((local.data_dir, local.has_data), (Some("/data/etcd".into()), true));
        assert_eq!(local.own_endpoints, ["https://127.0.0.1:2379", "https://10.0.0.2:2379"]);
        assert_eq!(local.endpoints, ["https://10.0.0.2:2379", "https://10.0.0.1:2379", "https://10.0.0.2:2379"]);
    }

    #[test]
    fn the_data_directory_is_the_path_on_the_host_and_not_in_the_container() {
        let text = "spec: {volumes: [{name: etcd-data, hostPath: {path: /disk/etcd}}], containers: [{command: [etcd, \
                    --data-dir=/var/lib/etcd/data], volumeMounts: [{name: etcd-data, mountPath: /var/lib/etcd}]}]}";
        let (_root, cx) = context(&[(ETCD.0, text), ("disk/etcd/data/member/x", "")]);
        let local = local(&cx).unwrap().unwrap();
        assert_eq!((local.data_dir, local.has_data), (Some("/disk/etcd/data".into()), true));
    }

    #[test]
    fn a_join_that_was_interrupted_before_etcds_manifest_has_a_peer_url() {
        let (_root, cx) = context(&[(API_SERVER, &api_server("https://127.0.0.1:2379"))]);
        let local = local(&cx).unwrap().unwrap();
        assert_eq!(local.peer_urls, ["https://[fd00::2]:2380"]);
        assert_eq!(local.data_dir, None);
    }

    #[test]
    fn workers_and_clusters_with_an_external_etcd_have_no_local_etcd() {
        assert_eq!(local(&context(&[]).1).unwrap(), None);
        let (_root, cx) = context(&[(API_SERVER, &api_server("https://10.0.0.9:2379"))]);
        assert_eq!(local(&cx).unwrap(), None);
    }

    #[test]
    fn data_of_a_foreign_etcd_are_not_ours() {
        let (_root, cx) = context(&[DATA]);
        assert_eq!(local(&cx).unwrap(), None);
        assert!(is_external(&cx).unwrap());
        let (_root, cx) = context(&[DATA, (API_SERVER, &api_server("https://10.0.0.9:2379"))]);
        assert_eq!(local(&cx).unwrap(), None);
        assert!(is_external(&cx).unwrap());
        // It may run on the control planes themselves.
        let (_root, cx) = context(&[DATA, (API_SERVER, &api_server("https://127.0.0.1:2379"))]);
        let found = local(&cx).unwrap().unwrap();
        assert_eq!((found.data_dir, found.has_data), (None, false));
        assert!(is_external(&cx).unwrap() && may_have_data(&cx).unwrap());
    }

    #[test]
    fn a_recorded_manifest_that_was_moved_away_makes_the_data_ours() {
        use crate::base::files::Content;
        for (server, ours) in [("https://127.0.0.1:2379", true), ("https://10.0.0.9:2379", false)] {
            let (root, cx) = context(&[DATA, (API_SERVER, &api_server(server))]);
            cx.host.files.write(&static_pod::path("etcd"), &Content::public("x"), 0o600).unwrap();
            let mut journal = Journal::default();
            journal.note(&cx.host.files, &cx.host.gate.entries(), "", 1).unwrap();
            journal.save(&cx.host.files).unwrap();
            std::fs::remove_file(root.path().join(ETCD.0)).unwrap();
            assert_eq!(local(&cx).unwrap().is_some_and(|local| local.has_data), ours, "{server}");
            assert_eq!(is_external(&cx).unwrap(), !ours, "{server}");
        }
    }

    #[test]
    fn the_progress_file_of_an_earlier_run_replaces_the_manifest() {
        use crate::base::files::Content;
        let (root, cx) = context(&[ETCD, ("data/etcd/member/x", "")]);
        let before = local(&cx).unwrap().unwrap();
        let progress = reset_progress::Progress {
            peer_urls: before.peer_urls.clone(),
            data_dir: before.data_dir.clone(),
            ..reset_progress::Progress::default()
        };
        let text = serde_json::to_string(&progress).unwrap();
        cx.host.files.write(Path::new(reset_progress::PROGRESS_FILE), &Content::public(text), 0o600).unwrap();
        std::fs::remove_dir_all(root.path().join("etc")).unwrap();
        let after = local(&cx).unwrap().unwrap();
        assert_eq!((after.peer_urls, after.data_dir, after.has_data), (before.peer_urls, before.data_dir, true));
    }

    #[test]
    fn the_root_directory_is_never_searched_for_etcds_data() {
        let (_root, cx) =
            context(&[("member/x", ""), (reset_progress::PROGRESS_FILE.trim_start_matches('/'), r#"{"dataDir": ""}"#)]);
        assert!(local(&cx).is_err());
        for directory in ["", "etcd", "/"] {
            let manifest = format!("spec: {{containers: [{{command: [etcd, --data-dir={directory}]}}]}}");
            let (_root, cx) = context(&[("member/x", ""), (ETCD.0, &manifest)]);
            let found = local(&cx).unwrap().unwrap();
            assert_eq!((found.data_dir, found.has_data), (None, false), "{directory}");
        }
    }
}
