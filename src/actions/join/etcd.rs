//! A member of etcd on this host.
//!
//! Reads: the etcd Pods of the other control planes, etcd's members, this host's data folder.
//! Writes: the membership (as a learner first, then with a vote) and etcd's static Pod manifest; takes all of it back when
//! the member does not come up.

use super::error::JoinError;
use crate::actions::manifest;
use crate::base::fault::{Failure, Result};
use crate::base::https::{Credentials, Trust};
use crate::base::secret::Secret;
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::config::model::{Etcd, HostPort};
use crate::context::Context;
use crate::context::access::ADMIN_CONF;
use crate::etcd::{self, EtcdError, LocalData, Membership};
use crate::kube::cluster::Cluster;
use crate::kube::kind::POD;
use crate::pipeline::{Action, Target};
use crate::render::pods::EtcdMember;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// With this annotation kubeadm's etcd Pods tell where clients reach them.
const CLIENT_URLS: &str = "kubeadm.kubernetes.io/etcd.advertise-client-urls";
const PEER_PORT: u16 = 2380;
const CLIENT_PORT: u16 = 2379;

/// Looks whether etcd can take a member in, before anything on this host starts that would have to be taken back.
pub struct CheckEtcd;

impl Action for CheckEtcd {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let Some(etcd) = enter(cx)? else { return Ok(()) };
        etcd.membership(cx)?.check_room(&etcd.peer_url)
    }
}

/// See the module's text.
pub struct EtcdJoin;

impl Action for EtcdJoin {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let Some(etcd) = enter(cx)? else {
            cx.events.message("etcd is run by others: nothing to do");
            return Ok(());
        };
        let membership = etcd.membership(cx)?;
        let has_manifest = cx.files.exists(&manifest::path("etcd"));
        let data = if has_data(cx, &etcd.data_dir)? { LocalData::Present } else { LocalData::Absent };
        let admission = membership.admit(&cx.node()?.name, &etcd.peer_url, data)?;
        // A member that has not started yet needs the list of those who are members now; one that has keeps the
        // manifest that brought it up.
        if !admission.has_started || !has_manifest {
            let members: Vec<EtcdMember> = admission
                .initial_cluster
                .iter()
                .map(|(name, peer_url)| EtcdMember { name: name.clone(), peer_url: peer_url.clone() })
                .collect();
            manifest::write_etcd(cx, &members)?;
        } else {
            cx.events.message("this host's etcd is a member already");
        }
        let is_ours = has_manifest || data == LocalData::Absent;
        membership.establish(&admission).map_err(|failure| clear_away(cx, failure, &etcd.data_dir, is_ours))
    }
}

/// The cluster's etcd as a host that joins sees it.
struct Stacked {
    client: etcd::Client,
    /// Where other members will reach this host's.
    peer_url: String,
    data_dir: PathBuf,
}

impl Stacked {
    fn membership<'a>(&'a self, cx: &'a Context) -> Result<Membership<'a>> {
        let limit = cx.node()?.timeouts.etcd_api_call;
        Ok(Membership::new(&self.client, &cx.gate, &cx.clock, &cx.events, limit))
    }
}

/// Enters the cluster's etcd; None when others run it.
fn enter(cx: &mut Context) -> Result<Option<Stacked>> {
    let Etcd::Local(local) = cx.cluster()?.etcd.clone() else { return Ok(None) };
    let cluster = cx.running_cluster(Path::new(ADMIN_CONF))?;
    let address = cx.node()?.local_endpoint.advertise_address;
    let url = |port| format!("https://{}", HostPort { host: address.to_string(), port: None }.with_port(port));
    let client = etcd::Client::new(access(cx, endpoints(cx, &cluster, &url(CLIENT_PORT))?)?)?;
    Ok(Some(Stacked { client, peer_url: url(PEER_PORT), data_dir: local.data_dir }))
}

/// The folders of etcd's data in which there are files.
const DATA: [&str; 2] = ["member/wal", "member/snap"];

/// True when a member has begun its log here. Before that it leaves folders and an empty database, which mean nothing.
fn has_data(cx: &Context, data_dir: &Path) -> Result<bool> {
    Ok(!cx.files.list(&data_dir.join("member/wal"))?.is_empty())
}

/// What is to be told of a member that did not come up. When its place was given up, its manifest and its data, which
/// no cluster will ever take, go too, so that the next run begins anew. Data that were there before us (not `is_ours`)
/// stay.
fn clear_away(cx: &Context, failure: Failure, data_dir: &Path, is_ours: bool) -> Failure {
    let Some(EtcdError::NeverStarted { limit, rolled_back }) = failure.downcast_ref() else { return failure };
    cx.events.warning(failure.to_string());
    // The logs are read before the manifest goes, and the containers with it.
    let why = cx.diagnosed("the start of etcd on this host", *limit, None);
    if *rolled_back
        && is_ours
        && let Err(error) = remove_member(cx, data_dir)
    {
        cx.events.warning(format!("what the member left on this host could not be removed: {error}"));
    }
    why.unwrap_or(failure)
}

fn remove_member(cx: &Context, data_dir: &Path) -> Result<()> {
    cx.files.remove(&manifest::path("etcd"))?;
    for folder in DATA {
        let folder = data_dir.join(folder);
        for name in cx.files.list(&folder)? {
            cx.files.remove(&folder.join(name))?;
        }
    }
    Ok(())
}

/// Where clients reach the members of the other control planes. A kubelet shows its static Pods to the cluster some
/// seconds after its node is there, so in a new cluster they may be missing for a while.
fn endpoints(cx: &Context, cluster: &Cluster, own: &str) -> Result<Vec<String>> {
    let wait = Wait::new("an etcd Pod that tells its address", cx.timeouts().etcd_api_call);
    let found = wait.until(&cx.clock, &cx.events, || {
        let pods = cluster.list(&POD, Some("kube-system"), "component=etcd,tier=control-plane")?;
        let others = others(&pods, own);
        Ok(if others.is_empty() { Poll::Pending("there is none".into()) } else { Poll::Ready(others) })
    });
    found.map_err(|failure| match failure.downcast_ref::<TimedOut>() {
        Some(_) => JoinError::NoEtcd.into(),
        None => failure,
    })
}

fn others(pods: &[Value], own: &str) -> Vec<String> {
    let all = pods.iter().filter_map(|pod| pod["metadata"]["annotations"][CLIENT_URLS].as_str());
    all.flat_map(|urls| urls.split(',')).filter(|url| *url != own).map(str::to_owned).collect()
}

fn access(cx: &Context, endpoints: Vec<String>) -> Result<etcd::Access> {
    let folder = cx.cluster()?.certificates_dir.join("etcd");
    let read = |name: &str| -> Result<Vec<u8>> {
        let path = folder.join(name);
        let missing = || JoinError::NotShared { missing: vec![path.display().to_string()] };
        Ok(cx.files.read(&path)?.ok_or_else(missing)?)
    };
    Ok(etcd::Access {
        endpoints,
        trust: Trust::Only(read("ca.crt")?),
        credentials: Credentials::Certificate {
            certificate: read("healthcheck-client.crt")?,
            key: Secret::new(read("healthcheck-client.key")?),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    /// A run that could not bring etcd up left its manifest and data behind, and the next one refused to use them.
    #[test]
    fn what_a_member_that_never_joined_left_behind_goes_unless_it_was_there_before() {
        for (is_ours, rolled_back, goes) in [(true, true, true), (false, true, false), (true, false, false)] {
            let root = tempfile::tempdir().unwrap();
            let files =
                ["etc/kubernetes/manifests/etcd.yaml", "var/lib/etcd/member/wal/0.wal", "var/lib/etcd/member/snap/db"];
            for file in files {
                std::fs::create_dir_all(root.path().join(file).parent().unwrap()).unwrap();
                std::fs::write(root.path().join(file), "x").unwrap();
            }
            let cx = Context::for_tests(root.path().to_str().unwrap());
            let data_dir = Path::new("/var/lib/etcd");
            assert!(has_data(&cx, data_dir).unwrap());
            let failure = EtcdError::NeverStarted { limit: Duration::from_secs(9), rolled_back };
            assert!(clear_away(&cx, failure.into(), data_dir, is_ours).hint().is_some());
            for file in files {
                assert_eq!(root.path().join(file).exists(), !goes, "{file}");
            }
            assert_eq!(has_data(&cx, data_dir).unwrap(), !goes);
        }
    }

    #[test]
    fn the_members_of_others_are_asked_and_not_our_own() {
        let pod = |urls: &str| json!({"metadata": {"annotations": {CLIENT_URLS: urls}}});
        let pods = [pod("https://10.0.0.1:2379"), pod("https://10.0.0.2:2379,https://[fd00::2]:2379"), json!({})];
        assert_eq!(others(&pods, "https://10.0.0.1:2379"), ["https://10.0.0.2:2379", "https://[fd00::2]:2379"]);
        assert!(others(&pods[..1], "https://10.0.0.1:2379").is_empty());
    }
}
