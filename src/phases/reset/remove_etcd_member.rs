//! Removes this host's member from etcd, and only then its data from the disk.
//!
//! Reads: the etcd members, the manifests of this host. Writes: the kubelet's state (stopped), the containers of the
//! API server and other users of etcd, the membership, the progress file with the other members, the container of
//! etcd, its data and its manifest. Data of an external etcd stay.

use crate::base::fault::Result;
use crate::context::leaving::ApiHealth;
use crate::context::{Context, Reset, Run};
use crate::etcd::Departure;
use crate::host::held::is_held;
use crate::host::service::Services;
use crate::ops::containers::{self, Wanted};
use crate::ops::etcd_member::{self, EtcdMembership};
use crate::ops::reset_progress;
use crate::phases::reset::cleanup_node::{SERVICE, stop_kubelet};
use crate::phases::reset::discard::discard;
use crate::pipeline::{Phase, Target};
use crate::state::leave_error::LeaveError;
use crate::state::local_etcd::{Local, local};
use crate::state::static_pod::{self, StaticPod};
use std::path::Path;

pub struct RemoveEtcdMember;

impl Phase<Reset> for RemoveEtcdMember {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Reset>, _: &Target) -> Result<()> {
        let Some(local) = local(cx)? else {
            cx.events.message("this host has no etcd member: nothing to do");
            return Ok(());
        };
        // The state may have changed while Pods were evicted.
        cx.work.etcd_membership = None;
        let membership = etcd_member::guard(cx)?;
        // A removed member exits, and the kubelet would restart it while it is stopped and removed. A runtime that
        // loses its kubelet meanwhile may keep the name of the container reserved.
        if membership == EtcdMembership::Last {
            // From here on neither the API server nor etcd may respond to a run that continues this one.
            reset_progress::add(cx, |progress| {
                (progress.cluster_informed, progress.was_last) = (true, true);
                progress.data_dir.clone_from(&local.data_dir);
            })?;
        }
        let ran = stop_kubelet(cx)?;
        if let Err(failure) = stop_users(cx).and_then(|()| leave(cx, &local, membership)) {
            if ran {
                Services::of(&cx.host).start(SERVICE)?;
            }
            return Err(failure);
        }
        containers::remove(cx, Wanted::Etcd)?;
        report_log(cx)?;
        if let Some(directory) = &local.data_dir {
            // The only other file of etcd in that directory.
            let data = directory.join("member");
            must_be_free(cx, &data)?;
            discard(cx, &data)?;
        }
        discard(cx, &static_pod::path("etcd"))
    }
}

/// The API server would wait for a missing etcd. After it has stopped, the etcd members are known without it.
fn stop_users(cx: &mut Run<Reset>) -> Result<()> {
    containers::remove(cx, Wanted::UsersOfEtcd)?;
    cx.work.api_health = Some(ApiHealth::NotChecked);
    Ok(())
}

/// A log in a directory of its own may be next to other files.
fn report_log(cx: &mut Run<Reset>) -> Result<()> {
    let Some(pod) = StaticPod::read(&cx.host.files, "etcd")? else { return Ok(()) };
    if let Some(directory) = pod.flag("wal-dir").filter(|directory| !directory.is_empty()) {
        let directory = pod.on_host(Path::new(directory)).unwrap_or_else(|| directory.into());
        let note = format!(
            "{}, etcd's log according to its flag --wal-dir; remove it when it is no longer needed",
            directory.display()
        );
        cx.work.notes.push(note);
    }
    Ok(())
}

/// A last check before the data are removed: no process may be using them.
fn must_be_free(cx: &Context, data: &Path) -> Result<()> {
    let database = data.join("snap/db");
    // In a dry run etcd was not stopped.
    match cx.host.gate.effect(|| is_held(&cx.host, &database))? {
        Some(true) => Err(LeaveError::EtcdRuns { data: data.to_path_buf() }.into()),
        Some(false) | None => Ok(()),
    }
}

fn leave(cx: &mut Run<Reset>, local: &Local, membership: EtcdMembership) -> Result<()> {
    let name = cx.work.name.clone();
    match membership {
        EtcdMembership::None => cx.events.message("this host is no longer an etcd member"),
        EtcdMembership::Last => cx.events.message("this was the last etcd member: the cluster no longer exists"),
        EtcdMembership::Unknown(why) if !local.has_data => {
            cx.events.message(format!("this host has no data of the cluster's etcd, so no member is removed: {why}"));
        }
        EtcdMembership::Unknown(why) => {
            cx.events.warning(format!("the etcd member was not removed from the cluster: {why}"));
            let note = format!(
                "if other etcd members still run, they still count this one: \
                 run 'kubewright node remove {name} --dead' on one of their hosts"
            );
            cx.work.notes.push(note);
        }
        EtcdMembership::Member { others } => {
            // After the removal, an interrupted run could no longer query any member.
            reset_progress::add(cx, |progress| {
                progress.endpoints = others;
                progress.peer_urls.clone_from(&local.peer_urls);
                progress.data_dir.clone_from(&local.data_dir);
            })?;
            if etcd_member::leave(cx)? == Departure::Removed {
                cx.events.message("removed this host's member from etcd");
            }
        }
    }
    // In any case it no longer exists.
    cx.work.etcd_membership = Some(EtcdMembership::None);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::leaving::fixture;
    use crate::ops::etcd_member::refusal;
    use crate::state::quorum_fixture::Voters;

    fn unknown() -> EtcdMembership {
        EtcdMembership::Unknown("no response".into())
    }

    fn refused(change: impl FnOnce(&mut Reset), membership: &EtcdMembership, has_data: bool) -> bool {
        let root = tempfile::tempdir().unwrap();
        let mut cx = fixture(root.path());
        change(&mut cx.work);
        refusal(&cx, has_data, membership).is_some()
    }

    #[test]
    fn the_last_member_is_removed_only_with_end_cluster() {
        assert!(refused(|_| {}, &EtcdMembership::Last, true));
        // Typed out of habit on the wrong host, it ended a cluster.
        assert!(refused(|leaving| leaving.force = true, &EtcdMembership::Last, true));
        assert!(!refused(|leaving| leaving.end_cluster = true, &EtcdMembership::Last, true));
    }

    #[test]
    fn data_of_an_unreachable_etcd_are_not_lost_by_accident() {
        assert!(refused(|_| {}, &unknown(), true));
        assert!(!refused(|leaving| leaving.force = true, &unknown(), true));
        assert!(!refused(|leaving| leaving.accept_quorum_loss = true, &unknown(), true));
        assert!(!refused(|_| {}, &unknown(), false), "a host on which etcd never ran");
    }

    #[test]
    fn data_in_use_by_an_etcd_are_never_removed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("var/lib/etcd/member/snap/db");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "x").unwrap();
        let mut cx = fixture(root.path());
        cx.work.force = true;
        let data = Path::new("/var/lib/etcd/member");
        must_be_free(&cx, data).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(must_be_free(&cx, data).unwrap_err().hint().unwrap().contains("fuser"));
        cx.host.gate = crate::base::gate::Gate::recording();
        must_be_free(&cx, data).unwrap();
    }

    #[test]
    fn a_member_that_is_not_needed_for_quorum_is_removed() {
        assert!(!refused(|_| {}, &EtcdMembership::Member { others: Vec::new() }, true));
        assert!(!refused(|_| {}, &EtcdMembership::None, true));
    }

    /// Other hosts were lost while Pods were evicted.
    #[test]
    fn a_reset_changes_nothing_on_a_member_after_the_majority_of_etcd_was_lost() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("var/lib/etcd/member")).unwrap();
        let mut cx = fixture(root.path());
        let voters = Voters::start(root.path());
        Voters::attach(&mut cx);
        let name = cx.work.name.clone();
        assert!(matches!(etcd_member::guard(&mut cx).unwrap(), EtcdMembership::Member { .. }), "{name}");
        voters.lose_majority();
        let target = Target { path: "remove-etcd-member".into(), item: None };
        let failure = RemoveEtcdMember.run(&mut cx, &target).unwrap_err();
        assert!(matches!(failure.downcast_ref(), Some(LeaveError::Quorum(_))), "{failure}");
        assert_eq!(cx.host.gate.count(), 0);
    }
}
