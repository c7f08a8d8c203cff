//! A member of etcd on this host.
//!
//! Reads: the etcd Pods of the other control planes or where their API servers are, etcd's members, this host's data folder.
//! Writes: the membership (as a learner first, then with a vote) and etcd's static Pod manifest; takes all of it back when
//! the member does not come up.

use super::error::JoinError;
use crate::actions::manifest;
use crate::actions::renewal::running::{Running, ThisHost};
use crate::actions::stacked_etcd;
use crate::actions::static_pod::StaticPod;
use crate::base::fault::{Failure, Result};
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::config::model::{Etcd, LocalEtcd};
use crate::context::Context;
use crate::context::access::ADMIN_CONF;
use crate::etcd::{self, EtcdError, LocalData, Membership};
use crate::kube::cluster::Cluster;
use crate::pipeline::{Action, Target};
use crate::render::pods::{EtcdMember, client_url, last_value, peer_url};
use std::path::{Path, PathBuf};
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
        let membership = etcd.membership(cx)?;
        let has_manifest = cx.files.exists(&manifest::path("etcd"));
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
            manifest::write_etcd(cx, &members)?;
        } else {
            cx.events.message("this host's etcd is a member already");
        }
        let is_ours = has_manifest || data != LocalData::Present;
        membership
            .establish(&admission, || have_it_serve(cx))
            .map_err(|failure| clear_away(cx, failure, &etcd.dirs, is_ours))
    }
}

/// The cluster's etcd as a host that joins sees it.
struct Stacked {
    client: etcd::Client,
    /// Where other members will reach this host's.
    peer_url: String,
    dirs: Dirs,
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
    let client = client(cx, endpoints(cx, &cluster, &client_url(address))?)?;
    Ok(Some(Stacked { client, peer_url: peer_url(address), dirs: Dirs::of(cx, &local)? }))
}

/// The folders of etcd's data in which there are files.
struct Dirs {
    log: PathBuf,
    snapshots: PathBuf,
}

impl Dirs {
    /// Those of the manifest that is here, which patches may have changed; else those of the configuration.
    fn of(cx: &Context, local: &LocalEtcd) -> Result<Self> {
        let pod = StaticPod::read(&cx.files, "etcd")?;
        let told = |flag: &str| match &pod {
            Some(pod) => pod.flag(flag).map(|path| pod.on_host_or_same(Path::new(path))),
            None => last_value(&local.component.extra_args, flag).map(PathBuf::from),
        };
        let data = told("data-dir").unwrap_or_else(|| local.data_dir.clone());
        Ok(Self {
            log: told("wal-dir").unwrap_or_else(|| data.join("member/wal")),
            snapshots: data.join("member/snap"),
        })
    }

    /// A member has data once it has begun its log. Before that it leaves folders and an empty database, which mean
    /// nothing.
    fn local_data(&self, cx: &Context) -> Result<LocalData> {
        Ok(if !cx.files.list(&self.log)?.is_empty() {
            LocalData::Present
        } else if cx.files.exists(&manifest::path("etcd")) {
            LocalData::Manifest
        } else {
            LocalData::Absent
        })
    }
}

/// How long a member that has joined may take until it serves.
const PATIENCE: Duration = Duration::from_secs(3);

/// A member may wait in vain for word of its own name, which has come with the others' data already, and serves nobody
/// meanwhile; etcd 3.6 gives up after 27 seconds. Started anew it serves at once, and before it votes nobody misses it.
fn have_it_serve(cx: &Context) -> Result<()> {
    let pod = StaticPod::read(&cx.files, "etcd")?.unwrap_or_default();
    let told = pod.flag("advertise-client-urls").and_then(|urls| urls.split(',').next());
    let default = client_url(cx.node()?.local_endpoint.advertise_address);
    let own = told.map_or(default, str::to_owned);
    let client = client(cx, vec![own.clone()])?;
    let serves = |limit| {
        Wait::new("etcd on this host to serve", limit).until(&cx.clock, &cx.events, || {
            Ok(client.status(&own).map_or_else(|error| Poll::Pending(error.to_string()), |_| Poll::Ready(())))
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

/// What is to be told of a member that did not come up. When its place was given up, its manifest and its data, which
/// no cluster will ever take, go too, so that the next run begins anew. Data that were there before us (not `is_ours`)
/// stay.
fn clear_away(cx: &Context, failure: Failure, dirs: &Dirs, is_ours: bool) -> Failure {
    let Some(EtcdError::NeverStarted { limit, rolled_back }) = failure.downcast_ref() else { return failure };
    cx.events.warning(failure.to_string());
    // The logs are read before the manifest goes, and the containers with it.
    let why = cx.diagnosed("the start of etcd on this host", *limit, None);
    if *rolled_back
        && is_ours
        && let Err(error) = remove_member(cx, dirs)
    {
        cx.events.warning(format!("what the member left on this host could not be removed: {error}"));
    }
    why.unwrap_or(failure)
}

fn remove_member(cx: &Context, dirs: &Dirs) -> Result<()> {
    cx.files.remove(&manifest::path("etcd"))?;
    for folder in [&dirs.log, &dirs.snapshots] {
        for name in cx.files.list(folder)? {
            cx.files.remove(&folder.join(name))?;
        }
    }
    Ok(())
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
    use crate::config::model::Arg;
    use crate::config::print;
    use crate::versions::{Version, table};

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
            let dirs = Dirs::of(&cx, &local_etcd(&[])).unwrap();
            assert_eq!(dirs.local_data(&cx).unwrap(), LocalData::Present);
            let failure = EtcdError::NeverStarted { limit: Duration::from_secs(9), rolled_back };
            assert!(clear_away(&cx, failure.into(), &dirs, is_ours).hint().is_some());
            for file in files {
                assert_eq!(root.path().join(file).exists(), !goes, "{file}");
            }
            assert_eq!(dirs.local_data(&cx).unwrap() == LocalData::Present, !goes);
        }
    }

    /// They were looked for below the configured folder only, so that a healthy member seemed to have lost them.
    #[test]
    fn data_is_looked_for_where_the_manifest_or_the_extra_arguments_put_it() {
        let root = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            std::fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(root.path().join(path), text).unwrap();
        };
        let cx = Context::for_tests(root.path().to_str().unwrap());
        let data = |args: &[(&str, &str)]| Dirs::of(&cx, &local_etcd(args)).unwrap().local_data(&cx).unwrap();
        file("log/0.wal", "x");
        assert_eq!(data(&[]), LocalData::Absent);
        assert_eq!(data(&[("wal-dir", "/log")]), LocalData::Present);
        file("data/member/wal/0.wal", "x");
        assert_eq!(data(&[("data-dir", "/data")]), LocalData::Present);
        let manifest = |flags: &str| {
            let text = format!("spec: {{containers: [{{command: [etcd, {flags}]}}]}}");
            file("etc/kubernetes/manifests/etcd.yaml", &text);
        };
        manifest("--data-dir=/var/lib/etcd");
        assert_eq!(data(&[("wal-dir", "/log")]), LocalData::Manifest);
        manifest("--data-dir=/data");
        assert_eq!(data(&[]), LocalData::Present);
        manifest("--data-dir=/var/lib/etcd, --wal-dir=/log");
        assert_eq!(data(&[]), LocalData::Present);
    }

    fn local_etcd(args: &[(&str, &str)]) -> LocalEtcd {
        let cluster = print::default_cluster(Version::new(20, 2), table::facts(20).unwrap());
        let Etcd::Local(mut local) = cluster.etcd else { panic!("the default is an etcd of our own") };
        let arg = |(name, value): &(&str, &str)| Arg { name: (*name).into(), value: (*value).into() };
        local.component.extra_args = args.iter().map(arg).collect();
        local
    }

    #[test]
    fn the_members_of_others_are_asked_and_not_our_own() {
        let urls = ["https://10.0.0.1:2379", "https://10.0.0.2:2379", "https://[fd00::2]:2379"].map(str::to_owned);
        assert_eq!(others(urls.to_vec(), "https://10.0.0.1:2379"), urls[1..]);
        assert!(others(urls[..1].to_vec(), "https://10.0.0.1:2379").is_empty());
    }
}
