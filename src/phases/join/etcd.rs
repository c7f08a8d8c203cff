//! The etcd member on this host.
//!
//! Reads: the etcd Pods of the other control planes or the addresses of their API servers, the etcd members, this
//! host's data directory. Writes: the membership (first as a learner, then as a voting member), etcd's static Pod
//! manifest, and the kubelet's state (restarted if it has rejected the Pod); rolls everything back if the member does
//! not start.

use crate::base::fault::{Failure, Result};
use crate::base::https::{HttpsError, Trouble, is_reachable};
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::config::model::Etcd;
use crate::context::{Context, Joining, Run};
use crate::domain::paths::ADMIN_CONF;
use crate::domain::paths::manifest;
use crate::etcd::{self, EtcdError, LocalData, Member, Membership};
use crate::kube::KubeError;
use crate::ops::etcd_data::{Dirs, clean_up};
use crate::ops::rejected_pods::RejectedPods;
use crate::ops::running::{Running, ThisHost};
use crate::ops::static_pods;
use crate::ops::turn;
use crate::phases::join::error::JoinError;
use crate::pipeline::{Phase, Target};
use crate::render::pods::{EtcdMember, client_url, peer_url};
use crate::state::stacked_etcd;
use crate::state::static_pod::StaticPod;
use std::path::Path;
use std::time::Duration;

/// Checks whether etcd can add a member, before anything on this host starts that would have to be rolled back.
pub struct CheckEtcd;

impl Phase<Joining> for CheckEtcd {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Joining>, _: &Target) -> Result<()> {
        let Some(etcd) = connect(cx)? else { return Ok(()) };
        let membership = etcd.membership(cx)?;
        membership.check_room(&cx.node()?.name, &etcd.peer_url, etcd.dirs.local_data(cx)?)?;
        let known = membership.known();
        cx.work.etcd_members = known;
        Ok(())
    }
}

pub struct EtcdJoin;

impl Phase<Joining> for EtcdJoin {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Joining>, _: &Target) -> Result<()> {
        let Some(etcd) = connect(cx)? else {
            cx.events.message("the cluster uses an external etcd: nothing to do");
            return Ok(());
        };
        add(cx, &etcd).map_err(|failure| {
            if etcd.is_cut_off(cx) { JoinError::CutOff(failure.to_string()).into() } else { failure }
        })
    }
}

fn add(cx: &mut Run<Joining>, etcd: &Stacked) -> Result<()> {
    let membership = etcd.membership(cx)?;
    let has_manifest = cx.host.files.exists(&manifest("etcd"));
    let data = etcd.dirs.local_data(cx)?;
    let lost = |failure| of_lost_majority(failure, &membership, &etcd.peer_url, data);
    // Without a majority the API takes long to refuse the Lease.
    membership.require_list().map_err(lost)?;
    let _turn = turn::hold(cx, Path::new(ADMIN_CONF), "join")?;
    let admission = membership.admit(&cx.node()?.name, &etcd.peer_url, data).map_err(lost)?;
    // A member that has not started yet needs the current member list; one that has started keeps its manifest.
    if !admission.has_started || !has_manifest {
        let members: Vec<EtcdMember> = admission
            .initial_cluster
            .iter()
            .map(|(name, peer_url)| EtcdMember { name: name.clone(), peer_url: peer_url.clone() })
            .collect();
        static_pods::write_etcd(cx, &members)?;
    } else {
        cx.events.message("the etcd of this host is already a member");
    }
    let mut rejected = RejectedPods::new(cx, &["etcd"])?;
    let is_ours = has_manifest || data != LocalData::Present;
    membership
        .establish(&admission, || rejected.check(), || ensure_serving(cx, &membership, admission.id))
        .map_err(|failure| clean_up(cx, lost(failure), &etcd.dirs, is_ours))
}

/// The failure, with how this host joins after the others have recovered from the loss of etcd's majority. A host that may have a
/// vote, and so the last good copy of the data, gets the same advice as every other member.
fn of_lost_majority(failure: Failure, membership: &Membership<'_>, peer_url: &str, data: LocalData) -> Failure {
    let Some(error @ EtcdError::QuorumLost { voters, .. }) = failure.downcast_ref() else { return failure };
    let (why, is_only) = (error.to_string(), *voters == 1);
    match membership.is_learner(peer_url) {
        Some(true) => JoinError::MajorityLost { why, is_only, has_begun: true }.into(),
        None if data != LocalData::Present => JoinError::MajorityLost { why, is_only, has_begun: false }.into(),
        _ => failure,
    }
}

/// The cluster's etcd from the point of view of a joining host.
struct Stacked {
    client: etcd::Client,
    /// The client URLs of the other members.
    others: Vec<String>,
    /// The peer URL of this host.
    peer_url: String,
    dirs: Dirs,
}

impl Stacked {
    /// True if nothing can be reached: no host of another member, and no API server. An etcd that starts without a majority responds
    /// to nothing, but its host accepts or refuses connections.
    fn is_cut_off(&self, cx: &Run<Joining>) -> bool {
        let is_unreachable = |error: &HttpsError| {
            matches!(error.trouble, Trouble::NoConnection | Trouble::NoAnswer(_) | Trouble::NoSuchHost)
        };
        !self.others.iter().any(|url| is_reachable(url, REACH))
            && matches!(cx.work.api.text("/readyz"), Err(KubeError::Transport(error)) if is_unreachable(&error))
    }

    fn membership<'a>(&'a self, cx: &'a Run<Joining>) -> Result<Membership<'a>> {
        let limit = cx.node()?.timeouts.etcd_api_call;
        let mut known = cx.work.etcd_members.clone();
        if known.is_empty() {
            let at = |url: &String| Member { name: url.clone(), client_urls: vec![url.clone()], ..Member::default() };
            known = self.others.iter().map(at).collect();
        }
        Ok(Membership::new(&self.client, &cx.host.gate, &cx.host.clock, &cx.events, limit).knowing(known))
    }
}

/// Connects to the cluster's etcd; None if it is external. Members that this run found before are not looked for again: without
/// a majority of them the API does not respond.
fn connect(cx: &mut Run<Joining>) -> Result<Option<Stacked>> {
    let Etcd::Local(local) = cx.cluster()?.etcd.clone() else { return Ok(None) };
    let address = cx.node()?.local_endpoint.advertise_address;
    let own = client_url(address);
    let known = others(cx.work.etcd_members.iter().flat_map(|member| member.client_urls.clone()).collect(), &own);
    let others = if known.is_empty() { endpoints(cx, &own)? } else { known };
    let client = client(cx, others.clone())?;
    Ok(Some(Stacked { client, others, peer_url: peer_url(address), dirs: Dirs::of(cx, &local)? }))
}

/// How long a request to the API may take that is repeated.
const REQUEST: Duration = Duration::from_secs(5);
/// How long the host of a member may take to accept a connection.
const REACH: Duration = Duration::from_secs(1);
/// How long a member that has joined may take until it serves requests.
const PATIENCE: Duration = Duration::from_secs(3);

/// A member may wait for the update of its own name, which it has already received with the data of the others, and
/// serve no requests meanwhile; etcd 3.6 gives up after 27 seconds. After a restart it serves immediately, and it does
/// not have a vote yet.
fn ensure_serving(cx: &Context, membership: &Membership<'_>, id: u64) -> Result<()> {
    let pod = StaticPod::read(&cx.host.files, "etcd")?.unwrap_or_default();
    let found = pod.flag("advertise-client-urls").and_then(|urls| urls.split(',').next());
    let default = client_url(cx.node()?.local_endpoint.advertise_address);
    let own = found.map_or(default, str::to_owned);
    let client = client(cx, vec![own.clone()])?;
    let serves = |limit| {
        let mut majority = membership.watch_majority();
        Wait::new("etcd on this host to serve", limit).until(&cx.host.clock, &cx.events, || {
            majority.look()?;
            Ok(match client.status(&own) {
                Ok(status) if status.member == id => Poll::Ready(()),
                Ok(status) => Poll::Pending(format!("at {own} the member {:x} responds instead", status.member)),
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
    cx.events.message("restarted etcd, which had the data of the other members but did not serve requests");
    serves(cx.timeouts().etcd_api_call).map_err(|failure| cx.explained(failure))
}

/// The client URLs of the members on other control planes, from their Pods. A kubelet may create the mirror Pods in
/// the cluster only a minute after their start. Until then a member is expected next to each API server, where kubeadm
/// and kubewright run it; it must have a certificate of etcd's CA. If etcd has lost its majority, the API shows nothing, but
/// the member next to the API server that this host uses may say so.
fn endpoints(cx: &Run<Joining>, own: &str) -> Result<Vec<String>> {
    let cluster = cx.cluster_within(Path::new(ADMIN_CONF), REQUEST)?;
    let nearest = cx.work.api_host().parse().map_or_else(|_| own.to_owned(), client_url);
    let nearest = client(cx, vec![nearest])?;
    let membership = Membership::new(&nearest, &cx.host.gate, &cx.host.clock, &cx.events, PATIENCE);
    let mut majority = membership.watch_majority();
    let wait = Wait::new("a reachable etcd member", cx.timeouts().etcd_api_call);
    let found = wait.until(&cx.host.clock, &cx.events, || {
        majority.look()?;
        let found = others(stacked_etcd::urls_from_pods(&cluster)?, own);
        if !found.is_empty() {
            return Ok(Poll::Ready(found));
        }
        let beside = others(stacked_etcd::urls_next_to_api_servers(&cluster)?, own);
        if beside.is_empty() {
            return Ok(Poll::Pending("no Pod and no API server shows the address of a member".into()));
        }
        Ok(match client(cx, beside.clone())?.members() {
            Ok(_) => Poll::Ready(beside),
            Err(error) => {
                Poll::Pending(format!("no Pod shows the address of a member, and next to the API servers {error}"))
            }
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
    fn members_of_others_are_used_and_not_our_own() {
        let urls = ["https://10.0.0.1:2379", "https://10.0.0.2:2379", "https://[fd00::2]:2379"].map(str::to_owned);
        assert_eq!(others(urls.to_vec(), "https://10.0.0.1:2379"), urls[1..]);
        assert!(others(urls[..1].to_vec(), "https://10.0.0.1:2379").is_empty());
    }
}
