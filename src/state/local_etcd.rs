//! The etcd of this host, as far as it is a cluster tool's.
//!
//! Reads: the manifests of etcd and the API server, the journal, what an earlier run noted. Writes: nothing.
//!
//! Data in etcd's usual folder proves nothing: an etcd that others run, and that a cluster may use as an external one,
//! has it there, too.

use crate::base::fault::Result;
use crate::context::Context;
use crate::journal::Journal;
use crate::render::pods::peer_url;
use crate::state::reset_progress;
use crate::state::static_pod::{self, StaticPod};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Where etcd keeps its data unless it is told otherwise.
pub const DEFAULT_DATA: &str = "/var/lib/etcd";

/// etcd on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// Where other members reach it; empty: nothing on this host tells.
    pub peer_urls: Vec<String>,
    /// Where its data is; None: what data there is belongs to others.
    pub data_dir: Option<PathBuf>,
    /// It has data.
    pub has_data: bool,
    /// Where clients of this host reach it.
    pub own_endpoints: Vec<String>,
    /// Where clients reach the members it was started with.
    pub endpoints: Vec<String>,
}

/// etcd as this host is meant to run it; None where it is not.
///
/// # Errors
/// When a manifest, the journal or the note cannot be read.
pub fn local(cx: &Context) -> Result<Option<Local>> {
    let pod = StaticPod::read(&cx.files, "etcd")?;
    let noted = reset_progress::read(cx)?;
    let servers = servers(cx)?;
    let uses_local = servers.as_ref().is_some_and(|servers| servers.iter().any(|server| is_loopback(server)));
    let data_dir = match &pod {
        Some(pod) => {
            let inside = Path::new(pod.flag("data-dir").unwrap_or(DEFAULT_DATA));
            Some(pod.on_host_or_same(inside)).filter(|path| reset_progress::is_folder(path))
        }
        None if noted.data_dir.is_some() => noted.data_dir,
        None if (uses_local || servers.is_none()) && made_here(cx)? => Some(DEFAULT_DATA.into()),
        None => None,
    };
    if pod.is_none() && data_dir.is_none() && !uses_local {
        return Ok(None);
    }
    let words = |name: &str| {
        let value = pod.as_ref().and_then(|pod| pod.flag(name)).unwrap_or_default();
        value.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut peer_urls = words("initial-advertise-peer-urls");
    if peer_urls.is_empty() {
        peer_urls = noted.peer_urls;
    }
    if peer_urls.is_empty() {
        peer_urls = advertised(cx)?.map(peer_url).into_iter().collect();
    }
    let mut endpoints = words("advertise-client-urls");
    let listens = words("listen-client-urls").into_iter().filter(|url| is_loopback(url));
    let own_endpoints = listens.chain(endpoints.clone()).collect();
    // NAME=https://HOST:2380 of those who were there when it joined; clients are one port below.
    let peers = words("initial-cluster");
    let peers = peers.iter().filter_map(|peer| peer.split_once('=')?.1.strip_suffix(":2380"));
    endpoints.extend(peers.map(|host| format!("{host}:2379")));
    let has_data = data_dir.as_ref().is_some_and(|folder| cx.files.exists(&folder.join("member")));
    Ok(Some(Local { peer_urls, data_dir, has_data, own_endpoints, endpoints }))
}

/// True when etcd's certificates on this host are those of an etcd that others run.
///
/// # Errors
/// When a manifest, the journal or the note cannot be read.
pub fn is_of_others(cx: &Context) -> Result<bool> {
    if local(cx)?.is_some_and(|local| local.data_dir.is_some()) {
        return Ok(false);
    }
    Ok(external(cx)?.is_some() || cx.files.exists(&Path::new(DEFAULT_DATA).join("member")))
}

/// Where the etcd of this host's API server is, if others run it.
///
/// # Errors
/// When a manifest cannot be read.
pub fn external(cx: &Context) -> Result<Option<Vec<String>>> {
    Ok(servers(cx)?.filter(|servers| !servers.iter().any(|server| is_loopback(server))))
}

/// True when this host has, or may have, data of the cluster's etcd: its manifest may have been moved away for a while.
///
/// # Errors
/// When a manifest, the journal or the note cannot be read.
pub fn may_have_data(cx: &Context) -> Result<bool> {
    let Some(local) = local(cx)? else { return Ok(false) };
    Ok(local.has_data || local.data_dir.is_none() && cx.files.exists(&Path::new(DEFAULT_DATA).join("member")))
}

/// The members of etcd that the API server of this host uses; None where it has none, or does not say.
fn servers(cx: &Context) -> Result<Option<Vec<String>>> {
    let pod = StaticPod::read(&cx.files, "kube-apiserver")?;
    let servers = pod.as_ref().and_then(|pod| pod.flag("etcd-servers"));
    Ok(servers.map(|servers| servers.split(',').map(str::to_owned).collect()))
}

fn advertised(cx: &Context) -> Result<Option<IpAddr>> {
    let pod = StaticPod::read(&cx.files, "kube-apiserver")?;
    Ok(pod.as_ref().and_then(|pod| pod.flag("advertise-address")).and_then(|text| text.parse().ok()))
}

/// True when this tool wrote a manifest of etcd on this host, wherever that is now.
fn made_here(cx: &Context) -> Result<bool> {
    Ok(Journal::load(&cx.files)?.files().contains_key(&static_pod::path("etcd")))
}

/// True for an address that only this host reaches.
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
        let cx = fixture(root.path());
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
    fn a_member_is_known_by_its_manifest() {
        let (_root, cx) = context(&[ETCD, ("data/etcd/member/x", "")]);
        let local = local(&cx).unwrap().unwrap();
        assert_eq!(local.peer_urls, ["https://10.0.0.2:2380"]);
        assert_eq!((local.data_dir, local.has_data), (Some("/data/etcd".into()), true));
        assert_eq!(local.own_endpoints, ["https://127.0.0.1:2379", "https://10.0.0.2:2379"]);
        assert_eq!(local.endpoints, ["https://10.0.0.2:2379", "https://10.0.0.1:2379", "https://10.0.0.2:2379"]);
    }

    #[test]
    fn data_is_looked_for_where_the_host_has_it_and_not_where_the_container_does() {
        let text = "spec: {volumes: [{name: etcd-data, hostPath: {path: /disk/etcd}}], containers: [{command: [etcd, \
                    --data-dir=/var/lib/etcd/data], volumeMounts: [{name: etcd-data, mountPath: /var/lib/etcd}]}]}";
        let (_root, cx) = context(&[(ETCD.0, text), ("disk/etcd/data/member/x", "")]);
        let local = local(&cx).unwrap().unwrap();
        assert_eq!((local.data_dir, local.has_data), (Some("/disk/etcd/data".into()), true));
    }

    #[test]
    fn a_join_that_was_cut_short_before_etcds_manifest_knows_its_address_all_the_same() {
        let (_root, cx) = context(&[(API_SERVER, &api_server("https://127.0.0.1:2379"))]);
        let local = local(&cx).unwrap().unwrap();
        assert_eq!(local.peer_urls, ["https://[fd00::2]:2380"]);
        assert_eq!(local.data_dir, None);
    }

    #[test]
    fn workers_and_clusters_with_an_etcd_of_others_have_none_here() {
        assert_eq!(local(&context(&[]).1).unwrap(), None);
        let (_root, cx) = context(&[(API_SERVER, &api_server("https://10.0.0.9:2379"))]);
        assert_eq!(local(&cx).unwrap(), None);
    }

    #[test]
    fn data_of_an_etcd_that_no_cluster_tool_runs_is_not_ours() {
        let (_root, cx) = context(&[DATA]);
        assert_eq!(local(&cx).unwrap(), None);
        assert!(is_of_others(&cx).unwrap());
        let (_root, cx) = context(&[DATA, (API_SERVER, &api_server("https://10.0.0.9:2379"))]);
        assert_eq!(local(&cx).unwrap(), None);
        assert!(is_of_others(&cx).unwrap());
        // It may well run on the control planes themselves.
        let (_root, cx) = context(&[DATA, (API_SERVER, &api_server("https://127.0.0.1:2379"))]);
        let found = local(&cx).unwrap().unwrap();
        assert_eq!((found.data_dir, found.has_data), (None, false));
        assert!(is_of_others(&cx).unwrap() && may_have_data(&cx).unwrap());
    }

    #[test]
    fn a_manifest_that_we_wrote_and_somebody_moved_away_makes_the_data_ours() {
        use crate::base::files::Content;
        for (server, ours) in [("https://127.0.0.1:2379", true), ("https://10.0.0.9:2379", false)] {
            let (root, cx) = context(&[DATA, (API_SERVER, &api_server(server))]);
            cx.files.write(&static_pod::path("etcd"), &Content::public("x"), 0o600).unwrap();
            let mut journal = Journal::default();
            journal.note(&cx.files, &cx.gate.entries(), "", 1).unwrap();
            journal.save(&cx.files).unwrap();
            std::fs::remove_file(root.path().join(ETCD.0)).unwrap();
            assert_eq!(local(&cx).unwrap().is_some_and(|local| local.has_data), ours, "{server}");
            assert_eq!(is_of_others(&cx).unwrap(), !ours, "{server}");
        }
    }

    #[test]
    fn what_an_earlier_run_noted_stands_in_for_the_manifest() {
        use crate::base::files::Content;
        let (root, cx) = context(&[ETCD, ("data/etcd/member/x", "")]);
        let before = local(&cx).unwrap().unwrap();
        let note = reset_progress::Note {
            peer_urls: before.peer_urls.clone(),
            data_dir: before.data_dir.clone(),
            ..reset_progress::Note::default()
        };
        let text = serde_json::to_string(&note).unwrap();
        cx.files.write(Path::new(reset_progress::NOTE), &Content::public(text), 0o600).unwrap();
        std::fs::remove_dir_all(root.path().join("etc")).unwrap();
        let after = local(&cx).unwrap().unwrap();
        assert_eq!((after.peer_urls, after.data_dir, after.has_data), (before.peer_urls, before.data_dir, true));
    }

    #[test]
    fn a_tree_of_the_name_of_etcds_data_is_never_looked_for_at_the_top() {
        let (_root, cx) =
            context(&[("member/x", ""), (reset_progress::NOTE.trim_start_matches('/'), r#"{"dataDir": ""}"#)]);
        assert!(local(&cx).is_err());
        for folder in ["", "etcd", "/"] {
            let manifest = format!("spec: {{containers: [{{command: [etcd, --data-dir={folder}]}}]}}");
            let (_root, cx) = context(&[("member/x", ""), (ETCD.0, &manifest)]);
            let found = local(&cx).unwrap().unwrap();
            assert_eq!((found.data_dir, found.has_data), (None, false), "{folder}");
        }
    }
}
