//! The leaving node's place in etcd: where its members are, which of them is meant, and what follows when it goes.
//!
//! Reads: the manifests of etcd and the API server on this host, the etcd Pods, etcd's members, what an earlier run
//! noted. Writes: the membership, and a note of where the other members are.

use super::error::LeaveError;
use crate::actions::static_pod::StaticPod;
use crate::base::fault::{Failure, Result};
use crate::base::files::{Content, HostFiles};
use crate::base::gate::Gate;
use crate::base::https::{Credentials, Trust};
use crate::base::secret::Secret;
use crate::base::wait::{Poll, Wait};
use crate::config::model::HostPort;
use crate::context::Context;
use crate::etcd::{self, Departure, EtcdError, Member, Membership};
use crate::kube::kind::POD;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// With this annotation kubeadm's etcd Pods tell where clients reach them.
const CLIENT_URLS: &str = "kubeadm.kubernetes.io/etcd.advertise-client-urls";
const PEER_PORT: u16 = 2380;
const DEFAULT_DATA: &str = "/var/lib/etcd";
/// Where the other members are, from just before this one leaves until all is removed: after it has left, a run
/// that was cut short could not ask anybody any more.
pub const NOTE: &str = "/var/lib/kubewright/leaving.json";
/// How long it is tried to read the members: an election is over by then.
const PATIENCE: Duration = Duration::from_secs(10);
/// The client certificates that may be on a host, the one that is for this first.
const CLIENTS: [&str; 4] = ["etcd/healthcheck-client", "apiserver-etcd-client", "etcd/server", "etcd/peer"];

/// etcd on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// Where other members reach it; None: nothing on this host tells.
    pub peer_url: Option<String>,
    /// Where its data is.
    pub data_dir: PathBuf,
    /// Where clients reach it and the members it was started with.
    pub endpoints: Vec<String>,
    /// It has data.
    pub has_data: bool,
}

/// etcd as this host is meant to run it; None where it is not.
///
/// # Errors
/// When a manifest cannot be read.
pub fn local(cx: &Context) -> Result<Option<Local>> {
    let pod = StaticPod::read(&cx.files, "etcd")?;
    let noted = note(cx)?;
    let data_dir = pod.as_ref().and_then(|pod| pod.flag("data-dir")).or(noted["dataDir"].as_str());
    let data_dir = PathBuf::from(data_dir.unwrap_or(DEFAULT_DATA));
    let has_data = cx.files.exists(&data_dir.join("member"));
    let api_server = StaticPod::read(&cx.files, "kube-apiserver")?;
    let servers = api_server.as_ref().and_then(|pod| pod.flag("etcd-servers")).unwrap_or_default();
    let uses_local = servers.contains("//127.0.0.1") || servers.contains("//[::1]");
    if pod.is_none() && !has_data && !uses_local {
        return Ok(None);
    }
    let advertised = api_server.as_ref().and_then(|pod| pod.flag("advertise-address"));
    let advertised = advertised.and_then(|text| text.parse::<IpAddr>().ok());
    let flag = |name: &str| pod.as_ref().and_then(|pod| pod.flag(name)).map(str::to_owned);
    let peer_url = flag("initial-advertise-peer-urls")
        .or_else(|| noted["peerUrl"].as_str().map(str::to_owned))
        .or_else(|| advertised.map(|ip| url(ip, PEER_PORT)));
    let words = |name: &str| flag(name).unwrap_or_default().split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut endpoints = words("advertise-client-urls");
    // NAME=https://HOST:2380 of those who were there when it joined; clients are one port below.
    let peers = words("initial-cluster");
    let peers = peers.iter().filter_map(|peer| peer.split_once('=')?.1.strip_suffix(":2380"));
    endpoints.extend(peers.map(|host| format!("{host}:2379")));
    endpoints.retain(|endpoint| !endpoint.is_empty());
    Ok(Some(Local { peer_url, data_dir, endpoints, has_data }))
}

/// The place of the node in etcd.
pub enum Place {
    /// It has none.
    None,
    /// It is the only member that votes.
    Last,
    /// It is a member, and the others can do without.
    Member {
        /// Where the other members are.
        others: Vec<String>,
    },
    /// Nobody can tell.
    Unknown(Failure),
}

/// How the node's member is told from others.
pub struct Meant<'a> {
    /// The address of its host for other members, where it is known.
    pub peer_url: Option<&'a str>,
    /// The node's name, which is its member's.
    pub name: &'a str,
}

impl Meant<'_> {
    /// The address decides where it is known: names are made up by people.
    pub fn is(&self, member: &Member) -> bool {
        match self.peer_url {
            Some(url) => member.peer_urls.iter().any(|known| known == url),
            None => member.name == self.name,
        }
    }
}

/// Finds out the node's place; nothing is changed.
///
/// # Errors
/// When those who stay would have no majority.
pub fn place(cx: &mut Context, meant: &Meant<'_>) -> Result<Place> {
    let client = match client(cx) {
        Ok(client) => client,
        Err(failure) => return Ok(Place::Unknown(failure)),
    };
    // Nobody listens as long as etcd does not run: that is known at once.
    if let Err(EtcdError::Transport(error)) = client.members()
        && error.before_sending()
        && let Err(again) = Wait::new("an etcd member", PATIENCE / 5)
            .until(&cx.clock, &cx.events, || Ok(Poll::Ready(client.members()?)))
    {
        return Ok(Place::Unknown(again));
    }
    let membership = Membership::new(&client, &cx.gate, &cx.clock, &cx.events, PATIENCE);
    match membership.foresee(&|member| meant.is(member)) {
        Ok((Departure::WasNoMember, _)) => Ok(Place::None),
        Ok((Departure::IsLast, _)) => Ok(Place::Last),
        Ok((Departure::Removed, members)) => {
            let others =
                members.iter().filter(|member| !meant.is(member)).flat_map(|member| member.client_urls.clone());
            Ok(Place::Member { others: others.collect() })
        }
        Err(failure) if matches!(failure.downcast_ref(), Some(EtcdError::NoQuorum { .. })) => {
            Err(LeaveError::of_etcd(failure))
        }
        Err(failure) => Ok(Place::Unknown(failure)),
    }
}

/// Takes the member out.
///
/// # Errors
/// When those who stay would have no majority, or etcd refuses.
pub fn leave(cx: &mut Context, meant: &Meant<'_>) -> Result<Departure> {
    let client = client(cx)?;
    let limit = cx.timeouts().etcd_api_call;
    let membership = Membership::new(&client, &cx.gate, &cx.clock, &cx.events, limit);
    membership.leave(&|member| meant.is(member)).map_err(LeaveError::of_etcd)
}

/// A client of all members that are known: from the cluster, from this host, from the note of an earlier run.
fn client(cx: &mut Context) -> Result<etcd::Client> {
    let mut endpoints: Vec<String> = Vec::new();
    // After an earlier run the cluster cannot be asked through this host any more.
    if note(cx)?.is_null()
        && let Some(cluster) = super::api(cx)?
    {
        let pods = cluster.list(&POD, Some("kube-system"), "component=etcd,tier=control-plane")?;
        let urls = pods.iter().filter_map(|pod| pod["metadata"]["annotations"][CLIENT_URLS].as_str());
        endpoints.extend(urls.flat_map(|urls| urls.split(',')).map(str::to_owned));
    }
    if let Some(local) = local(cx)? {
        endpoints.extend(local.endpoints);
    }
    let noted = note(cx)?;
    endpoints.extend(noted["endpoints"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    let mut known = Vec::new();
    for endpoint in endpoints {
        if !known.contains(&endpoint) {
            known.push(endpoint);
        }
    }
    let no = |why: &str| LeaveError::EtcdSilent { why: why.into() };
    if known.is_empty() {
        return Err(no("no etcd member is known to this host").into());
    }
    let pki = cx.cluster()?.certificates_dir.clone();
    let read = |name: String| cx.files.read(&pki.join(name));
    let ca = read("etcd/ca.crt".into())?.ok_or_else(|| no("there is no CA of etcd in the certificates folder"))?;
    for name in CLIENTS {
        if let (Some(certificate), Some(key)) = (read(format!("{name}.crt"))?, read(format!("{name}.key"))?) {
            let credentials = Credentials::Certificate { certificate, key: Secret::new(key) };
            let access = etcd::Access { endpoints: known, trust: Trust::Only(ca), credentials };
            return Ok(etcd::Client::new(access)?);
        }
    }
    Err(no("there is no client certificate for etcd in the certificates folder").into())
}

/// Notes where the other members are. That is our own bookkeeping: it stands in no plan.
///
/// # Errors
/// When it cannot be written.
pub fn write_note(cx: &Context, local: &Local, others: &[String]) -> Result<()> {
    let text = json!({ "endpoints": others, "peerUrl": local.peer_url, "dataDir": local.data_dir }).to_string();
    cx.gate.effect(|| {
        let files = HostFiles::new(cx.files.root(), Gate::open());
        if let Some(folder) = Path::new(NOTE).parent() {
            files.create_dir(folder, 0o700)?;
        }
        files.write(Path::new(NOTE), &Content::public(text), 0o600)
    })?;
    Ok(())
}

/// What an earlier run noted; null where none did, or what it wrote cannot be read.
///
/// # Errors
/// When it is there and cannot be read.
pub fn note(cx: &Context) -> Result<Value> {
    let bytes = cx.files.read(Path::new(NOTE))?.unwrap_or_default();
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

fn url(ip: IpAddr, port: u16) -> String {
    format!("https://{}", HostPort { host: ip.to_string(), port: None }.with_port(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(files: &[(&str, &str)]) -> (tempfile::TempDir, Context) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let cx = Context::for_tests(root.path().to_str().unwrap());
        (root, cx)
    }

    const ETCD: (&str, &str) = (
        "etc/kubernetes/manifests/etcd.yaml",
        "spec: {containers: [{command: [etcd, --data-dir=/data/etcd, '--initial-advertise-peer-urls=https://10.0.0.2:2380', \
         '--advertise-client-urls=https://10.0.0.2:2379', '--initial-cluster=a=https://10.0.0.1:2380,b=https://10.0.0.2:2380']}]}",
    );

    #[test]
    fn a_member_is_known_by_its_manifest() {
        let (_root, cx) = context(&[ETCD, ("data/etcd/member/x", "")]);
        let local = local(&cx).unwrap().unwrap();
        assert_eq!(local.peer_url.as_deref(), Some("https://10.0.0.2:2380"));
        assert_eq!((local.data_dir.to_str(), local.has_data), (Some("/data/etcd"), true));
        assert_eq!(local.endpoints, ["https://10.0.0.2:2379", "https://10.0.0.1:2379", "https://10.0.0.2:2379"]);
    }

    #[test]
    fn a_join_that_was_cut_short_before_etcds_manifest_knows_its_address_all_the_same() {
        let server = "spec: {containers: [{command: [kube-apiserver, --advertise-address=fd00::2, \
                      '--etcd-servers=https://127.0.0.1:2379']}]}";
        let (_root, cx) = context(&[("etc/kubernetes/manifests/kube-apiserver.yaml", server)]);
        assert_eq!(local(&cx).unwrap().unwrap().peer_url.as_deref(), Some("https://[fd00::2]:2380"));
    }

    #[test]
    fn workers_and_clusters_with_an_etcd_of_others_have_none_here() {
        assert_eq!(local(&context(&[]).1).unwrap(), None);
        let server = "spec: {containers: [{command: [kube-apiserver, '--etcd-servers=https://10.0.0.9:2379']}]}";
        let (_root, cx) = context(&[("etc/kubernetes/manifests/kube-apiserver.yaml", server)]);
        assert_eq!(local(&cx).unwrap(), None);
    }

    #[test]
    fn what_an_earlier_run_noted_stands_in_for_the_manifest() {
        let (root, cx) = context(&[ETCD, ("data/etcd/member/x", "")]);
        let before = local(&cx).unwrap().unwrap();
        write_note(&cx, &before, &["https://10.0.0.1:2379".into()]).unwrap();
        std::fs::remove_dir_all(root.path().join("etc")).unwrap();
        let after = local(&cx).unwrap().unwrap();
        assert_eq!((after.peer_url, after.data_dir, after.has_data), (before.peer_url, before.data_dir, true));
        assert_eq!(note(&cx).unwrap()["endpoints"][0], "https://10.0.0.1:2379");
        assert_eq!(cx.gate.count(), 0);
    }

    #[test]
    fn the_address_decides_which_member_is_meant() {
        let member =
            |name: &str, url: &str| Member { name: name.into(), peer_urls: vec![url.into()], ..Member::default() };
        let here = Meant { peer_url: Some("https://a:2380"), name: "n1" };
        assert!(here.is(&member("", "https://a:2380")) && !here.is(&member("n1", "https://b:2380")));
        assert!(Meant { peer_url: None, name: "n1" }.is(&member("n1", "https://b:2380")));
    }
}
