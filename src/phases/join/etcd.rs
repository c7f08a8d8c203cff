//! A member of etcd on this host.
//!
//! Reads: the etcd Pods of the other control planes or where their API servers are, etcd's members, this host's data folder.
//! Writes: the membership (as a learner first, then with a vote), etcd's static Pod manifest, and the kubelet's state
//! (restarted where it has refused the Pod); takes all of it back when the member does not come up.

use crate::base::fault::Result;
use crate::base::https::{HttpsError, Trouble};
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::config::model::Etcd;
use crate::context::Context;
use crate::domain::paths::ADMIN_CONF;
use crate::domain::paths::manifest;
use crate::etcd::{self, LocalData, Membership};
use crate::kube::KubeError;
use crate::kube::cluster::Cluster;
use crate::ops::etcd_data::{Dirs, clear_away};
use crate::ops::rejected_pods::Readmission;
use crate::ops::running::{Running, ThisHost};
use crate::ops::static_pods;
use crate::ops::turn;
use crate::phases::join::error::JoinError;
use crate::pipeline::{Action, Target};
use crate::render::pods::{EtcdMember, client_url, peer_url};
use crate::state::stacked_etcd;
use crate::state::static_pod::StaticPod;
use std::path::Path;
use std::time::Duration;

/// Looks whether etcd can take a member in, before anything on this host starts that would have to be taken back.
pub struct CheckEtcd;

impl Action for CheckEtcd {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let Some(etcd) = enter(cx)? else { return Ok(()) };
        etcd.membership(cx)?.check_room(&cx.node()?.name, &etcd.peer_url, etcd.dirs.local_data(cx)?)
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
        let _turn = turn::hold(cx, Path::new(ADMIN_CONF), "join")?;
        add(cx, &etcd).map_err(|failure| {
            if etcd.is_cut_off(cx) { JoinError::CutOff(failure.to_string()).into() } else { failure }
        })
    }
}

fn add(cx: &mut Context, etcd: &Stacked) -> Result<()> {
    let membership = etcd.membership(cx)?;
    let has_manifest = cx.files.exists(&manifest("etcd"));
    let data = etcd.dirs.local_data(cx)?;
    let admission = membership.admit(&cx.node()?.name, &etcd.peer_url, data)?;
    // A member that has not started yet needs the list of those who are members now; one that has keeps the
    // manifest that brought it up.
    if !admission.has_started || !has_manifest {
        let members: Vec<EtcdMember> = admission
            .initial_cluster
            .iter()
            .map(|(name, peer_url)| EtcdMember { name: name.clone(), peer_url: peer_url.clone() })
            .collect();
        static_pods::write_etcd(cx, &members)?;
    } else {
        cx.events.message("this host's etcd is a member already");
    }
    let mut readmission = Readmission::new(cx, &["etcd"])?;
    let is_ours = has_manifest || data != LocalData::Present;
    membership
        .establish(&admission, || readmission.look(), || have_it_serve(cx, admission.id))
        .map_err(|failure| clear_away(cx, failure, &etcd.dirs, is_ours))
}

/// The cluster's etcd as a host that joins sees it.
struct Stacked {
    client: etcd::Client,
    /// Where the other members were found.
    others: Vec<String>,
    /// Where other members will reach this host's.
    peer_url: String,
    dirs: Dirs,
}

impl Stacked {
    /// True when nothing that this host knows of is reached: no other member, and no API server. One that refuses the
    /// connection is reached.
    fn is_cut_off(&self, cx: &Context) -> bool {
        let is_out_of_reach = |error: &HttpsError| {
            matches!(error.trouble, Trouble::NoConnection | Trouble::NoAnswer(_) | Trouble::NoSuchHost)
        };
        let silent = |url: &String| matches!(self.client.status(url), Err(etcd::EtcdError::Transport(error)) if is_out_of_reach(&error));
        let Ok(joining) = cx.joining() else { return false };
        self.others.iter().all(silent)
            && matches!(joining.api.text("/readyz"), Err(KubeError::Transport(error)) if is_out_of_reach(&error))
    }

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
    let others = endpoints(cx, &cluster, &client_url(address))?;
    let client = client(cx, others.clone())?;
    Ok(Some(Stacked { client, others, peer_url: peer_url(address), dirs: Dirs::of(cx, &local)? }))
}

/// How long a member that has joined may take until it serves.
const PATIENCE: Duration = Duration::from_secs(3);

/// A member may wait in vain for word of its own name, which has come with the others' data already, and serves nobody
/// meanwhile; etcd 3.6 gives up after 27 seconds. Started anew it serves at once, and before it votes nobody misses it.
fn have_it_serve(cx: &Context, id: u64) -> Result<()> {
    let pod = StaticPod::read(&cx.files, "etcd")?.unwrap_or_default();
    let told = pod.flag("advertise-client-urls").and_then(|urls| urls.split(',').next());
    let default = client_url(cx.node()?.local_endpoint.advertise_address);
    let own = told.map_or(default, str::to_owned);
    let client = client(cx, vec![own.clone()])?;
    let serves = |limit| {
        Wait::new("etcd on this host to serve", limit).until(&cx.clock, &cx.events, || {
            Ok(match client.status(&own) {
                Ok(status) if status.member == id => Poll::Ready(()),
                Ok(status) => Poll::Pending(format!("at {own} the member {:x} answers instead", status.member)),
                Err(error) => Poll::Pending(error.to_string()),
            })
        })
    };
    match serves(PATIENCE) {
        Err(failure) if failure.downcast_ref::<TimedOut>().is_some() => {}
        other => return other,
    }
    let host = ThisHost::find(cx)?;
    for container in host.containers("etcd")? {
        host.end(&container)?;
    }
    cx.events.message("started etcd anew, which has the others' data and did not serve");
    serves(cx.timeouts().etcd_api_call).map_err(|failure| cx.explained(failure))
}

/// Where clients reach the members of the other control planes: where their Pods say. A kubelet may show its static Pods
/// to the cluster only a minute after it has started them. Until then a member is looked for beside each API server,
/// where kubeadm and we put it; only one that proves itself by etcd's CA is one.
fn endpoints(cx: &Context, cluster: &Cluster, own: &str) -> Result<Vec<String>> {
    let wait = Wait::new("an etcd member that can be reached", cx.timeouts().etcd_api_call);
    let found = wait.until(&cx.clock, &cx.events, || {
        let told = others(stacked_etcd::told_by_pods(cluster)?, own);
        if !told.is_empty() {
            return Ok(Poll::Ready(told));
        }
        let beside = others(stacked_etcd::beside_api_servers(cluster)?, own);
        if beside.is_empty() {
            return Ok(Poll::Pending("no Pod and no API server tells where there is one".into()));
        }
        Ok(match client(cx, beside.clone())?.members() {
            Ok(_) => Poll::Ready(beside),
            Err(error) => Poll::Pending(format!("no Pod tells where there is one, and beside the API servers {error}")),
        })
    });
    found.map_err(|failure| match failure.downcast_ref::<TimedOut>() {
        Some(timed_out) => JoinError::NoEtcd(timed_out.last.clone()).into(),
        None => failure,
    })
}

fn others(urls: Vec<String>, own: &str) -> Vec<String> {
    urls.into_iter().filter(|url| url != own).collect()
}

fn client(cx: &Context, endpoints: Vec<String>) -> Result<etcd::Client> {
    stacked_etcd::client(cx, endpoints, &["etcd/healthcheck-client"], |path, _| {
        JoinError::NotShared { missing: vec![path.display().to_string()] }.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_of_others_are_asked_and_not_our_own() {
        let urls = ["https://10.0.0.1:2379", "https://10.0.0.2:2379", "https://[fd00::2]:2379"].map(str::to_owned);
        assert_eq!(others(urls.to_vec(), "https://10.0.0.1:2379"), urls[1..]);
        assert!(others(urls[..1].to_vec(), "https://10.0.0.1:2379").is_empty());
    }
}
