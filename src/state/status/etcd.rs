//! The members of etcd, asked directly with the client certificates of this host.
//!
//! Reads: the manifests of etcd and the API server, the members. Writes: nothing.

use super::view::{Etcd, Member};
use crate::base::fault::Result;
use crate::base::parallel::for_each;
use crate::context::Context;
use crate::etcd::{self, Client};
use crate::state::static_pod::StaticPod;
use crate::state::{local_etcd, own_etcd};

/// etcd's default for `--quota-backend-bytes`.
const QUOTA: u64 = 2 << 30;

/// The members; None on a host that does not know them.
pub(super) fn read(cx: &Context) -> Result<Option<Etcd>> {
    let own = StaticPod::read_or_empty(&cx.host.files, "etcd")?;
    if own.is_none() && StaticPod::read_or_empty(&cx.host.files, "kube-apiserver")?.is_none() {
        return Ok(None);
    }
    let initial = own.as_ref().map(local_etcd::initial_members).unwrap_or_default();
    let (client, mut endpoints) = own_etcd::client(cx)?;
    endpoints.extend(initial.iter().flat_map(|member| member.client_urls.clone()));
    endpoints.dedup();
    let quota =
        own.as_ref().map(|pod| pod.flag("quota-backend-bytes").and_then(|text| text.parse().ok()).unwrap_or(QUOTA));
    let why = match ask(&client, &endpoints) {
        Ok(members) => return Ok(Some(Etcd { quota, ..of(&client, &members) })),
        Err(why) => why,
    };
    // No member answers that is known from the manifest, which lists those of this host's join. The data list all.
    let stored = own.as_ref().map(|own| local_etcd::stored_members(cx, own)).unwrap_or_default();
    let mut others: Vec<String> = stored.iter().flat_map(|member| member.client_urls.clone()).collect();
    others.retain(|url| !endpoints.contains(url));
    if let Ok(members) = ask(&client, &others) {
        return Ok(Some(Etcd { quota, ..of(&client, &members) }));
    }
    let members = [stored, initial].into_iter().find(|members| !members.is_empty()).unwrap_or_else(|| vec![alone(cx)]);
    let silent =
        |member: &etcd::Member| Member { name: member.name.clone(), problem: Some(why.clone()), ..Member::default() };
    Ok(Some(counted(Etcd { quota, members: members.iter().map(silent).collect(), ..Etcd::default() })))
}

/// The members as the first of these reports them that answers; it does so without a majority too. Otherwise why the first
/// does not.
fn ask(client: &Client, endpoints: &[String]) -> std::result::Result<Vec<etcd::Member>, String> {
    let mut why = String::new();
    for list in for_each(endpoints, |endpoint| client.members_known_at(endpoint)) {
        match list {
            Ok(members) if !members.is_empty() => return Ok(members),
            Err(error) if why.is_empty() => why = error.to_string(),
            Ok(_) | Err(_) => {}
        }
    }
    Err(why)
}

fn alone(cx: &Context) -> etcd::Member {
    etcd::Member { name: cx.node().map(|node| node.name.clone()).unwrap_or_default(), ..etcd::Member::default() }
}

fn of(client: &Client, members: &[etcd::Member]) -> Etcd {
    let mut seen = for_each(members, |member| look(client, member));
    let leader = seen.iter().find_map(|(_, leader)| leader.filter(|leader| *leader != 0));
    for ((view, _), member) in seen.iter_mut().zip(members) {
        view.leader = leader == Some(member.id);
    }
    counted(Etcd { members: seen.into_iter().map(|(view, _)| view).collect(), ..Etcd::default() })
}

/// A member, and whom it takes for the leader.
fn look(client: &Client, member: &etcd::Member) -> (Member, Option<u64>) {
    let never_started = !member.has_started();
    let name = if never_started { format!("{:x}", member.id) } else { member.name.clone() };
    let mut view = Member { name, never_started, learner: member.learner, ..Member::default() };
    view.problem = Some(format!("it was added for {} and has never started", member.peer_urls.join(", ")));
    for url in &member.client_urls {
        match client.status(url.trim_end_matches('/')) {
            Ok(status) if status.member == member.id => {
                view.problem = (status.leader == 0 && !member.learner).then(|| "it has no leader".into());
                view.alarms = status.errors.into_iter().filter(|error| error.contains("alarm")).collect();
                (view.version, view.size) = (status.version, status.db_size);
                return (view, Some(status.leader));
            }
            Ok(_) => view.problem = Some(format!("another member answers at {url}")),
            Err(error) => view.problem = Some(error.to_string()),
        }
    }
    (view, None)
}

impl Etcd {
    /// The same, with what this host found of its members.
    pub(super) fn with_problems_of(mut self, found: &Self) -> Self {
        for member in &mut self.members {
            let own = found.members.iter().find(|one| one.name == member.name);
            member.problem = own.and_then(|own| own.problem.clone()).or_else(|| member.problem.take());
        }
        counted(self)
    }
}

/// With the votes.
pub(super) fn counted(mut etcd: Etcd) -> Etcd {
    let voters = || etcd.members.iter().filter(|member| !member.learner);
    let (all, responding) = (voters().count(), voters().filter(|member| member.problem.is_none()).count());
    (etcd.voters, etcd.responding, etcd.needed) = (all, responding, all / 2 + 1);
    etcd
}
