//! The leaving node's place in etcd: which of the members is meant, and what follows when it goes.
//!
//! Reads: etcd on this host, the etcd Pods, etcd's members, what an earlier run noted. Writes: the membership.

use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
use crate::context::Context;
pub use crate::context::leaving::Place;
use crate::etcd::{self, Departure, EtcdError, Member, Membership};
use crate::kube::kind::{NODE, ObjectRef};
use crate::render::pods::peer_url;
use crate::state::leave_error::LeaveError;
use crate::state::local_etcd::may_have_data;
use crate::state::local_etcd::{Local, is_loopback, local};
use crate::state::reset_progress;
use crate::state::stacked_etcd;
use std::time::Duration;

/// How long it is tried to read the members: an election is over by then.
const PATIENCE: Duration = Duration::from_secs(10);
/// The client certificates that may be on a host, the one that is for this first.
const CLIENTS: [&str; 4] = ["etcd/healthcheck-client", "apiserver-etcd-client", "etcd/server", "etcd/peer"];

/// How the node's member is told from others.
struct Meant {
    /// Its id, as the etcd on this host tells it while it runs.
    id: Option<u64>,
    /// The addresses of its host for other members, where they are known.
    peer_urls: Vec<String>,
    /// The node's name, which is its member's.
    name: String,
    /// False where an etcd of this host that has started is none of ours.
    may_have_started: bool,
    /// Where a node elsewhere would have a member that has never started, and so has no name yet.
    unnamed_at: Vec<String>,
}

impl Meant {
    fn of(cx: &mut Context, client: &etcd::Client, local: Option<&Local>) -> Result<Self> {
        let unnamed_at = if cx.leaving()?.is_here() { Vec::new() } else { peer_urls_elsewhere(cx) };
        let running = local.filter(|local| local.data_dir.is_some()).and_then(|local| own_id(client, local));
        Ok(Self {
            id: running,
            peer_urls: local.map(|local| local.peer_urls.clone()).unwrap_or_default(),
            name: cx.leaving()?.name.clone(),
            may_have_started: local.is_none_or(|local| local.data_dir.is_some()),
            unnamed_at,
        })
    }

    /// The member itself knows best; an address decides before a name does, as names are made up by people.
    fn is(&self, member: &Member) -> bool {
        if member.has_started() && !self.may_have_started {
            return false;
        }
        match self.id {
            Some(id) => member.id == id,
            None if self.peer_urls.is_empty() => self.is_called(member),
            None => member.peer_urls.iter().any(|url| self.peer_urls.contains(url)),
        }
    }

    /// By its name, or as long as it has none by its id, as the user gave it, or by the address of its node.
    fn is_called(&self, member: &Member) -> bool {
        member.name == self.name
            || format!("{:x}", member.id) == self.name
            || (!member.has_started() && member.peer_urls.iter().any(|url| self.unnamed_at.contains(url)))
    }

    /// A member that may be the node's own, though nothing proves it: it has its name and other addresses, or its address
    /// while nothing on this host shows that the cluster's etcd has run here.
    fn alike<'m>(&self, members: &'m [Member], local: Option<&Local>) -> Option<&'m Member> {
        let named = self.id.is_none() && local.is_some_and(|local| local.has_data);
        let at_address = |member: &Member| member.peer_urls.iter().any(|url| self.peer_urls.contains(url));
        members.iter().find(|member| {
            named && member.name == self.name || !self.may_have_started && member.has_started() && at_address(member)
        })
    }
}

/// The id of the etcd that runs on this host. What answers at an address that members may share is another member's
/// etcd, unless the cluster has it at this host's address for peers. What answers at an address that only this host
/// reaches is this host's, also where the cluster knows it by another address.
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

/// The node's place as it was when this run first asked.
///
/// # Errors
/// When those who stay would have no majority.
pub fn place(cx: &mut Context) -> Result<Place> {
    match cx.leaving()?.place.clone() {
        Some(place) => Ok(place),
        None => find_place(cx),
    }
}

/// Finds out the node's place; nothing is changed. A cluster that may lose its majority, where that was accepted, is
/// as unknown as one that does not answer.
///
/// # Errors
/// When those who stay would have no majority.
pub fn find_place(cx: &mut Context) -> Result<Place> {
    let here = cx.leaving()?.is_here();
    let local = if here { local(cx)? } else { None };
    let place = if here && local.is_none() {
        Place::None
    } else {
        match look(cx, local.as_ref()) {
            Err(failure) if cx.leaving()?.accept_quorum_loss => {
                cx.events.warning(format!("as was asked for, the cluster may stop: {failure}"));
                Place::Unknown(failure.to_string())
            }
            other => continued(cx, other?)?,
        }
    };
    let leaving = cx.leaving_mut()?;
    leaving.taken_out = here && place == Place::None && local.is_some_and(|local| local.has_data);
    leaving.place = Some(place.clone());
    Ok(place)
}

/// An earlier run that was to end the cluster may have stopped etcd before it was killed: nobody can be asked then.
fn continued(cx: &Context, place: Place) -> Result<Place> {
    let is_unknown = matches!(place, Place::Unknown(_));
    let continues = is_unknown && cx.leaving()?.end_cluster && reset_progress::read(cx)?.was_last;
    Ok(if continues { Place::Last } else { place })
}

fn look(cx: &mut Context, local: Option<&Local>) -> Result<Place> {
    let client = match client(cx, local) {
        Ok(client) => client,
        Err(failure) => return Ok(Place::Unknown(failure.to_string())),
    };
    // Nobody listens as long as etcd does not run: that is known at once.
    if let Err(EtcdError::Transport(error)) = client.members()
        && error.before_sending()
        && let Err(again) = Wait::new("an etcd member", PATIENCE / 5)
            .until(&cx.clock, &cx.events, || Ok(Poll::Ready(client.members()?)))
    {
        return Ok(Place::Unknown(again.to_string()));
    }
    let meant = Meant::of(cx, &client, local)?;
    let membership = Membership::new(&client, &cx.gate, &cx.clock, &cx.events, PATIENCE);
    match membership.foresee(&|member| meant.is(member)) {
        Ok((Departure::WasNoMember, members)) => Ok(match meant.alike(&members, local) {
            None => Place::None,
            Some(member) => Place::Unknown(format!(
                "etcd has a member {} at {}, and no etcd that runs here says whether it is this host's",
                member.name,
                member.peer_urls.join(",")
            )),
        }),
        Ok((Departure::IsLast, _)) => Ok(Place::Last),
        Ok((Departure::Removed, members)) => {
            let others =
                members.iter().filter(|member| !meant.is(member)).flat_map(|member| member.client_urls.clone());
            Ok(Place::Member { others: others.collect() })
        }
        Err(failure) if matches!(failure.downcast_ref(), Some(EtcdError::NoQuorum { .. })) => {
            Err(LeaveError::of_etcd(failure))
        }
        Err(failure) => Ok(Place::Unknown(failure.to_string())),
    }
}

/// Takes the member out.
///
/// # Errors
/// When those who stay would have no majority, nobody would stay (without `--end-cluster`), or etcd refuses.
pub fn leave(cx: &mut Context) -> Result<Departure> {
    let local = if cx.leaving()?.is_here() { local(cx)? } else { None };
    let client = client(cx, local.as_ref())?;
    let meant = Meant::of(cx, &client, local.as_ref())?;
    let limit = cx.timeouts().etcd_api_call;
    let membership = Membership::new(&client, &cx.gate, &cx.clock, &cx.events, limit);
    let departure = membership.leave(&|member| meant.is(member)).map_err(LeaveError::of_etcd)?;
    let leaving = cx.leaving_mut()?;
    // The others may have left since this run first asked.
    if departure == Departure::IsLast && !leaving.end_cluster {
        return Err(LeaveError::LastMember { name: leaving.name.clone() }.into());
    }
    leaving.place = Some(Place::None);
    Ok(departure)
}

/// True when the member itself answers: then its host is not gone.
///
/// # Errors
/// When no member can be asked.
pub fn is_alive(cx: &mut Context) -> Result<bool> {
    let local = if cx.leaving()?.is_here() { local(cx)? } else { None };
    let client = client(cx, local.as_ref())?;
    let meant = Meant::of(cx, &client, local.as_ref())?;
    let members = client.members()?;
    Ok(members.iter().filter(|member| meant.is(member)).any(|member| {
        let answers = |url: &String| client.status(url.trim_end_matches('/')).is_ok_and(|it| it.member == member.id);
        member.client_urls.iter().any(answers)
    }))
}

/// Where the node on another host has its peers' address, by what the cluster knows of it.
fn peer_urls_elsewhere(cx: &mut Context) -> Vec<String> {
    let Ok(name) = cx.leaving().map(|leaving| leaving.name.clone()) else { return Vec::new() };
    let Ok(Some(cluster)) = crate::state::api_health::api(cx) else { return Vec::new() };
    let node = cluster.find(&ObjectRef::global(&NODE, &name)).ok().flatten().unwrap_or_default();
    let addresses = node["status"]["addresses"].as_array();
    let internal = addresses.into_iter().flatten().filter(|address| address["type"] == "InternalIP");
    internal.filter_map(|address| Some(peer_url(address["address"].as_str()?.parse().ok()?))).collect()
}

/// A client of all members that are known: from the cluster, from this host, from the note of an earlier run.
pub(super) fn client(cx: &mut Context, local: Option<&Local>) -> Result<etcd::Client> {
    let mut endpoints: Vec<String> = Vec::new();
    // The cluster only helps to find them; whoever has to tell it something hears why it does not answer.
    if let Ok(Some(cluster)) = crate::state::api_health::api(cx) {
        endpoints.extend(stacked_etcd::told_by_pods(&cluster).unwrap_or_default());
    }
    match local {
        Some(local) => endpoints.extend(local.endpoints.iter().cloned()),
        // For a node elsewhere, the members on this host and those it knows are as good as any.
        None => endpoints.extend(self::local(cx)?.into_iter().flat_map(|local| local.endpoints)),
    }
    endpoints.extend(reset_progress::read(cx)?.endpoints);
    let mut known = Vec::new();
    for endpoint in endpoints {
        if !known.contains(&endpoint) {
            known.push(endpoint);
        }
    }
    let silent = |why: String| LeaveError::EtcdSilent { why }.into();
    if known.is_empty() {
        return Err(silent("no etcd member is known to this host".into()));
    }
    stacked_etcd::client(cx, known, &CLIENTS, |_, what| {
        silent(format!("there is no {what} in the certificates folder"))
    })
}

/// The member's place, unless the host must not leave etcd. Asked once; nothing is changed.
///
/// # Errors
/// When it must not.
pub fn guard(cx: &mut Context) -> Result<Place> {
    let has_data = may_have_data(cx)?;
    let place = place(cx)?;
    match refusal(cx, has_data, &place)? {
        Some(reason) => Err(reason.into()),
        None => Ok(place),
    }
}

/// Why the host must not leave etcd; None when it may.
pub(crate) fn refusal(cx: &Context, has_data: bool, place: &Place) -> Result<Option<LeaveError>> {
    let leaving = cx.leaving()?;
    Ok(match place {
        // Without data there is nothing to lose: it never was a member, or is one no more.
        Place::Last if !leaving.end_cluster => Some(LeaveError::LastMember { name: leaving.name.clone() }),
        Place::Unknown(why) if has_data && !leaving.force && !leaving.accept_quorum_loss => {
            Some(LeaveError::EtcdSilent { why: why.clone() })
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64, name: &str, url: &str) -> Member {
        Member { id, name: name.into(), peer_urls: vec![url.into()], ..Member::default() }
    }

    fn meant(id: Option<u64>, peer_urls: &[&str]) -> Meant {
        let peer_urls = peer_urls.iter().map(ToString::to_string).collect();
        Meant { id, peer_urls, name: "n1".into(), may_have_started: true, unnamed_at: Vec::new() }
    }

    #[test]
    fn what_the_member_says_decides_then_its_address_and_then_its_name() {
        let here = meant(None, &["https://a:2380"]);
        assert!(here.is(&member(1, "", "https://a:2380")) && !here.is(&member(1, "n1", "https://b:2380")));
        assert!(meant(None, &[]).is(&member(1, "n1", "https://b:2380")));
        let running = meant(Some(7), &["https://a:2380"]);
        assert!(running.is(&member(7, "n1", "https://moved:2380")) && !running.is(&member(8, "n1", "https://a:2380")));
    }

    #[test]
    fn a_member_that_never_started_has_no_name_and_is_known_by_its_id_or_its_nodes_address() {
        let elsewhere = Meant { unnamed_at: vec!["https://a:2380".into()], ..meant(None, &[]) };
        assert!(elsewhere.is(&member(1, "", "https://a:2380")) && !elsewhere.is(&member(1, "", "https://b:2380")));
        assert!(!elsewhere.is(&member(1, "n4", "https://a:2380")), "another node has the address now");
        let by_id = Meant { name: "8e9e05c52164694d".into(), ..meant(None, &[]) };
        assert!(by_id.is(&member(0x8e9e_05c5_2164_694d, "", "https://a:2380")));
    }

    #[test]
    fn a_member_with_several_addresses_is_known_by_any_of_them() {
        let here = meant(None, &["https://a:2380", "https://b:2380"]);
        assert!(here.is(&member(1, "x", "https://b:2380")) && !here.is(&member(1, "x", "https://c:2380")));
    }

    #[test]
    fn an_etcd_on_this_host_that_is_not_ours_is_not_taken_out() {
        let here = Meant { may_have_started: false, ..meant(None, &["https://a:2380"]) };
        assert!(!here.is(&member(1, "infra1", "https://a:2380")));
        assert!(here.is(&member(1, "", "https://a:2380")), "a join that was cut short");
        let members = [member(1, "infra1", "https://a:2380")];
        assert!(here.alike(&members, Some(&Local::default())).is_some(), "nor is it taken for nobody");
    }

    #[test]
    fn a_member_of_the_same_name_with_another_address_may_be_this_one() {
        let members = [member(1, "n1", "https://moved:2380"), member(2, "n2", "https://b:2380")];
        let here = meant(None, &["https://a:2380"]);
        let data = Local { has_data: true, ..Local::default() };
        assert_eq!(here.alike(&members, Some(&data)).map(|member| member.id), Some(1));
        assert_eq!(here.alike(&members, Some(&Local::default())), None, "without data nothing is lost");
        assert_eq!(here.alike(&members, None), None);
        assert_eq!(meant(Some(9), &[]).alike(&members, Some(&data)), None, "it says itself that it is another");
    }
}
