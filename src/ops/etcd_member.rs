//! The etcd membership of the node that is removed: which member it is, and the effect of its removal.
//!
//! Reads: etcd on this host, the etcd Pods, the etcd members, the progress file of an earlier run. Writes: the
//! membership.

use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
pub use crate::context::leaving::EtcdMembership;
use crate::context::{Leaving, Place, Run};
use crate::etcd::{self, Departure, EtcdError, Member, Membership};
use crate::kube::kind::{NODE, ObjectRef};
use crate::render::pods::peer_url;
use crate::state::leave_error::LeaveError;
use crate::state::local_etcd::may_have_data;
use crate::state::local_etcd::{Local, is_loopback, local};
use crate::state::reset_progress;
use crate::state::stacked_etcd;
use std::time::Duration;

/// How long to retry reading the members: an election takes less.
const PATIENCE: Duration = Duration::from_secs(10);
/// The client certificates that may exist on a host, the preferred one first.
const CLIENTS: [&str; 4] = ["etcd/healthcheck-client", "apiserver-etcd-client", "etcd/server", "etcd/peer"];

/// Identifies the node's member among the others.
struct MemberIdentity {
    /// Its id, as reported by the etcd on this host while it runs.
    id: Option<u64>,
    /// The peer URLs of this host, if known.
    peer_urls: Vec<String>,
    /// The name of the node, which is also that of its member.
    name: String,
    /// False if an etcd of this host that has started does not belong to the cluster.
    may_have_started: bool,
    /// The peer URLs of a node on another host, for a member that has never started and so has no name yet.
    unnamed_at: Vec<String>,
}

impl MemberIdentity {
    fn of<H: Place>(cx: &mut Run<Leaving<H>>, client: &etcd::Client, local: Option<&Local>) -> Self {
        let unnamed_at = if cx.work.is_here() { Vec::new() } else { peer_urls_elsewhere(cx) };
        let running = local.filter(|local| local.data_dir.is_some()).and_then(|local| own_id(client, local));
        Self {
            id: running,
            peer_urls: local.map(|local| local.peer_urls.clone()).unwrap_or_default(),
            name: cx.work.name.clone(),
            may_have_started: local.is_none_or(|local| local.data_dir.is_some()),
            unnamed_at,
        }
    }

    /// The id from the member itself has priority; then the peer URL, then the name, which may be arbitrary.
    fn is(&self, member: &Member) -> bool {
        if member.has_started() && !self.may_have_started {
            return false;
        }
        match self.id {
            Some(id) => member.id == id,
            None if self.peer_urls.is_empty() => self.matches_name(member),
            None => member.peer_urls.iter().any(|url| self.peer_urls.contains(url)),
        }
    }

    /// By its name; without a name by its id, as the user entered it, or by the address of its node.
    fn matches_name(&self, member: &Member) -> bool {
        member.name == self.name
            || format!("{:x}", member.id) == self.name
            || (!member.has_started() && member.peer_urls.iter().any(|url| self.unnamed_at.contains(url)))
    }

    /// A member that may belong to this node, without proof: it has the node's name but other addresses, or its
    /// address while this host has no sign of the cluster's etcd.
    fn ambiguous_match<'m>(&self, members: &'m [Member], local: Option<&Local>) -> Option<&'m Member> {
        let named = self.id.is_none() && local.is_some_and(|local| local.has_data);
        let at_address = |member: &Member| member.peer_urls.iter().any(|url| self.peer_urls.contains(url));
        members.iter().find(|member| {
            named && member.name == self.name || !self.may_have_started && member.has_started() && at_address(member)
        })
    }
}

/// The id of the etcd that runs on this host. A response at an address that several members may share comes from
/// another member, unless the cluster lists it with this host's peer URL. A response at a loopback address comes from
/// this host, even if the cluster lists another peer URL for it.
pub(super) fn own_id(client: &etcd::Client, local: &Local) -> Option<u64> {
    let members = client.members_known().ok()?;
    let is_here = |member: &Member| member.peer_urls.iter().any(|url| local.peer_urls.contains(url));
    let moved = !members.iter().any(is_here);
    let is_own = |endpoint: &str, id: u64| {
        members.iter().any(|member| member.id == id && (is_here(member) || moved && is_loopback(endpoint)))
    };
    local.own_endpoints.iter().find_map(|endpoint| {
        let id = client.status(endpoint).ok()?.member;
        is_own(endpoint, id).then_some(id)
    })
}

/// The membership of the node when this run first checked it.
pub fn etcd_membership<H: Place>(cx: &mut Run<Leaving<H>>) -> Result<EtcdMembership> {
    match cx.work.etcd_membership.clone() {
        Some(membership) => Ok(membership),
        None => determine_membership(cx),
    }
}

/// Determines the membership of the node without changes. If a loss of quorum was accepted, it is treated as unknown,
/// as if etcd did not respond.
pub fn determine_membership<H: Place>(cx: &mut Run<Leaving<H>>) -> Result<EtcdMembership> {
    let here = cx.work.is_here();
    let local = if here { local(cx)? } else { None };
    let membership = if here && local.is_none() {
        EtcdMembership::None
    } else {
        match query(cx, local.as_ref()) {
            Err(failure) if cx.work.accept_quorum_loss => {
                cx.events.warning(format!("the cluster may lose quorum, as requested: {failure}"));
                EtcdMembership::Unknown(failure.to_string())
            }
            other => continued(cx, other?)?,
        }
    };
    let leaving = &mut cx.work;
    leaving.removed_elsewhere = here && membership == EtcdMembership::None && local.is_some_and(|local| local.has_data);
    leaving.etcd_membership = Some(membership.clone());
    Ok(membership)
}

/// An earlier run that was to end the cluster may have stopped etcd before it was killed, so no member responds.
fn continued<H: Place>(cx: &Run<Leaving<H>>, membership: EtcdMembership) -> Result<EtcdMembership> {
    let is_unknown = matches!(membership, EtcdMembership::Unknown(_));
    let continues = is_unknown && cx.work.end_cluster && reset_progress::read(cx)?.was_last;
    Ok(if continues { EtcdMembership::Last } else { membership })
}

fn query<H: Place>(cx: &mut Run<Leaving<H>>, local: Option<&Local>) -> Result<EtcdMembership> {
    let client = match client(cx, local) {
        Ok(client) => client,
        Err(failure) => {
            let why = match failure.downcast_ref() {
                Some(LeaveError::EtcdSilent { why }) => why.clone(),
                _ => failure.to_string(),
            };
            return Ok(EtcdMembership::Unknown(why));
        }
    };
    // If etcd is not running, the connection is refused immediately.
    if let Err(EtcdError::Transport(error)) = client.members()
        && error.before_sending()
        && let Err(again) = Wait::new("an etcd member", PATIENCE / 5)
            .until(&cx.host.clock, &cx.events, || Ok(Poll::Ready(client.members()?)))
    {
        return Ok(EtcdMembership::Unknown(again.to_string()));
    }
    let identity = MemberIdentity::of(cx, &client, local);
    let membership = Membership::new(&client, &cx.host.gate, &cx.host.clock, &cx.events, PATIENCE);
    match membership.foresee(&|member| identity.is(member)) {
        Ok((Departure::WasNoMember, members)) => Ok(match identity.ambiguous_match(&members, local) {
            None => EtcdMembership::None,
            Some(member) => EtcdMembership::Unknown(format!(
                "etcd has a member {} at {}, but no etcd on this host confirms that it belongs to this host",
                member.name,
                member.peer_urls.join(",")
            )),
        }),
        Ok((Departure::IsLast, _)) => Ok(EtcdMembership::Last),
        Ok((Departure::Removed, members)) => {
            let others =
                members.iter().filter(|member| !identity.is(member)).flat_map(|member| member.client_urls.clone());
            Ok(EtcdMembership::Member { others: others.collect() })
        }
        Err(failure) if matches!(failure.downcast_ref(), Some(EtcdError::NoQuorum { .. })) => {
            Err(LeaveError::of_etcd(failure))
        }
        Err(failure) => Ok(EtcdMembership::Unknown(failure.to_string())),
    }
}

/// Removes the member.
pub fn leave<H: Place>(cx: &mut Run<Leaving<H>>) -> Result<Departure> {
    let local = if cx.work.is_here() { local(cx)? } else { None };
    let client = client(cx, local.as_ref())?;
    let identity = MemberIdentity::of(cx, &client, local.as_ref());
    let limit = cx.timeouts().etcd_api_call;
    let membership = Membership::new(&client, &cx.host.gate, &cx.host.clock, &cx.events, limit);
    let departure = membership.leave(&|member| identity.is(member)).map_err(LeaveError::of_etcd)?;
    let leaving = &mut cx.work;
    // The other members may have been removed since this run first checked.
    if departure == Departure::IsLast && !leaving.end_cluster {
        return Err(LeaveError::LastMember { name: leaving.name.clone() }.into());
    }
    leaving.etcd_membership = Some(EtcdMembership::None);
    Ok(departure)
}

/// True if the member itself responds: then its host still runs.
pub fn is_alive<H: Place>(cx: &mut Run<Leaving<H>>) -> Result<bool> {
    let local = if cx.work.is_here() { local(cx)? } else { None };
    let client = client(cx, local.as_ref())?;
    let identity = MemberIdentity::of(cx, &client, local.as_ref());
    let members = client.members()?;
    Ok(members.iter().filter(|member| identity.is(member)).any(|member| {
        let answers = |url: &String| client.status(url.trim_end_matches('/')).is_ok_and(|it| it.member == member.id);
        member.client_urls.iter().any(answers)
    }))
}

/// The peer URLs of a node on another host, from its addresses in the cluster.
fn peer_urls_elsewhere<H: Place>(cx: &mut Run<Leaving<H>>) -> Vec<String> {
    let name = cx.work.name.clone();
    let Ok(Some(cluster)) = crate::state::api_health::api(cx) else { return Vec::new() };
    let node = cluster.find(&ObjectRef::global(&NODE, &name)).ok().flatten().unwrap_or_default();
    let addresses = node["status"]["addresses"].as_array();
    let internal = addresses.into_iter().flatten().filter(|address| address["type"] == "InternalIP");
    internal.filter_map(|address| Some(peer_url(address["address"].as_str()?.parse().ok()?))).collect()
}

/// A client with the endpoints of all known members: from the cluster, from this host, and from the progress file of
/// an earlier run.
pub(super) fn client<H: Place>(cx: &mut Run<Leaving<H>>, local: Option<&Local>) -> Result<etcd::Client> {
    let mut endpoints: Vec<String> = Vec::new();
    // The cluster is only used to find members here; why it does not respond is reported by the step that needs it.
    if let Ok(Some(cluster)) = crate::state::api_health::api(cx) {
        endpoints.extend(stacked_etcd::urls_from_pods(&cluster).unwrap_or_default());
    }
    match local {
        Some(local) => endpoints.extend(local.endpoints.iter().cloned()),
        // For a node on another host, any member known on this host can be used.
        None => endpoints.extend(self::local(cx)?.into_iter().flat_map(|local| local.endpoints)),
    }
    endpoints.extend(reset_progress::read(cx)?.endpoints);
    // When the API server of this host has been stopped, or counts as such in a plan, only these are left.
    if let Some(EtcdMembership::Member { others }) = &cx.work.etcd_membership {
        endpoints.extend(others.iter().cloned());
    }
    let mut known = Vec::new();
    for endpoint in endpoints {
        if !known.contains(&endpoint) {
            known.push(endpoint);
        }
    }
    let silent = |why: String| LeaveError::EtcdSilent { why }.into();
    if known.is_empty() {
        return Err(silent("no etcd member of this host is known".into()));
    }
    stacked_etcd::client(cx, known, &CLIENTS, |_, what| {
        silent(format!("{what} does not exist in the certificates directory"))
    })
}

/// The membership of the node, unless its removal is refused. Checked once, without changes.
pub fn guard<H: Place>(cx: &mut Run<Leaving<H>>) -> Result<EtcdMembership> {
    let has_data = may_have_data(cx)?;
    let membership = etcd_membership(cx)?;
    match refusal(cx, has_data, &membership) {
        Some(reason) => Err(reason.into()),
        None => Ok(membership),
    }
}

/// Why the removal is refused; None if it is not.
pub(crate) fn refusal<H: Place>(
    cx: &Run<Leaving<H>>,
    has_data: bool,
    membership: &EtcdMembership,
) -> Option<LeaveError> {
    let leaving = &cx.work;
    match membership {
        // Without data nothing can be lost: the host never was a member, or no longer is one.
        EtcdMembership::Last if !leaving.end_cluster => Some(LeaveError::LastMember { name: leaving.name.clone() }),
        EtcdMembership::Unknown(why) if has_data && !leaving.force && !leaving.accept_quorum_loss => {
            Some(LeaveError::EtcdSilent { why: why.clone() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::{TestCa, TestServer, dead_address};
    use crate::context::leaving::fixture;

    /// The plan of a reset asked this host's own etcd, which was down, for two minutes: the API server, which knows the other
    /// members, counts as stopped there.
    #[test]
    fn the_other_members_are_asked_when_the_etcd_of_this_host_is_down() {
        let root = tempfile::tempdir().unwrap();
        let mut cx = fixture(root.path());
        let ca = TestCa::new("etcd-ca");
        let leaf = ca.local_leaf();
        let pki = root.path().join("etc/kubernetes/pki/etcd");
        std::fs::create_dir_all(&pki).unwrap();
        std::fs::write(pki.join("ca.crt"), ca.pem()).unwrap();
        std::fs::write(pki.join("peer.crt"), &leaf.certificate).unwrap();
        std::fs::write(pki.join("peer.key"), &leaf.key).unwrap();
        let other = TestServer::start(&ca.local_leaf(), Some(&ca), |_| {
            (200, r#"{"members":[{"ID":"1","name":"n1"},{"ID":"2","name":"n2"}]}"#.into())
        });
        let down = Local { endpoints: vec![format!("https://{}", dead_address())], ..Local::default() };
        assert!(client(&mut cx, Some(&down)).unwrap().members().is_err());
        cx.work.etcd_membership = Some(EtcdMembership::Member { others: vec![other.url()] });
        assert_eq!(client(&mut cx, Some(&down)).unwrap().members().unwrap().len(), 2);
    }

    /// The error said twice that it is unknown whether etcd keeps its quorum.
    #[test]
    fn a_host_that_knows_no_member_says_so_once() {
        let root = tempfile::tempdir().unwrap();
        let mut cx = fixture(root.path());
        let known = query(&mut cx, Some(&Local::default())).unwrap();
        assert_eq!(known, EtcdMembership::Unknown("no etcd member of this host is known".into()));
    }

    fn member(id: u64, name: &str, url: &str) -> Member {
        Member { id, name: name.into(), peer_urls: vec![url.into()], ..Member::default() }
    }

    fn identity(id: Option<u64>, peer_urls: &[&str]) -> MemberIdentity {
        let peer_urls = peer_urls.iter().map(ToString::to_string).collect();
        MemberIdentity { id, peer_urls, name: "n1".into(), may_have_started: true, unnamed_at: Vec::new() }
    }

    #[test]
    fn a_member_is_identified_by_its_own_id_then_its_address_then_its_name() {
        let here = identity(None, &["https://a:2380"]);
        assert!(here.is(&member(1, "", "https://a:2380")) && !here.is(&member(1, "n1", "https://b:2380")));
        assert!(identity(None, &[]).is(&member(1, "n1", "https://b:2380")));
        let running = identity(Some(7), &["https://a:2380"]);
        assert!(running.is(&member(7, "n1", "https://moved:2380")) && !running.is(&member(8, "n1", "https://a:2380")));
    }

    #[test]
    fn a_member_that_never_started_is_identified_by_its_id_or_its_nodes_address() {
        let elsewhere = MemberIdentity { unnamed_at: vec!["https://a:2380".into()], ..identity(None, &[]) };
        assert!(elsewhere.is(&member(1, "", "https://a:2380")) && !elsewhere.is(&member(1, "", "https://b:2380")));
        assert!(!elsewhere.is(&member(1, "n4", "https://a:2380")), "another node has the address now");
        let by_id = MemberIdentity { name: "8e9e05c52164694d".into(), ..identity(None, &[]) };
        assert!(by_id.is(&member(0x8e9e_05c5_2164_694d, "", "https://a:2380")));
    }

    #[test]
    fn a_member_with_several_peer_urls_is_identified_by_any_of_them() {
        let here = identity(None, &["https://a:2380", "https://b:2380"]);
        assert!(here.is(&member(1, "x", "https://b:2380")) && !here.is(&member(1, "x", "https://c:2380")));
    }

    #[test]
    fn a_foreign_etcd_on_this_host_is_not_removed() {
        let here = MemberIdentity { may_have_started: false, ..identity(None, &["https://a:2380"]) };
        assert!(!here.is(&member(1, "infra1", "https://a:2380")));
        assert!(here.is(&member(1, "", "https://a:2380")), "an interrupted join");
        let members = [member(1, "infra1", "https://a:2380")];
        assert!(here.ambiguous_match(&members, Some(&Local::default())).is_some(), "it may belong to this host");
    }

    #[test]
    fn a_member_with_the_same_name_and_another_address_may_be_the_nodes() {
        let members = [member(1, "n1", "https://moved:2380"), member(2, "n2", "https://b:2380")];
        let here = identity(None, &["https://a:2380"]);
        let data = Local { has_data: true, ..Local::default() };
        assert_eq!(here.ambiguous_match(&members, Some(&data)).map(|member| member.id), Some(1));
        assert_eq!(here.ambiguous_match(&members, Some(&Local::default())), None, "without data nothing is lost");
        assert_eq!(here.ambiguous_match(&members, None), None);
        assert_eq!(identity(Some(9), &[]).ambiguous_match(&members, Some(&data)), None, "it reports another id itself");
    }
}
