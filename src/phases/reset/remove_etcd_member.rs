//! Takes this host's member out of etcd, and only then its data from the disk.
//!
//! Reads: etcd's members, the manifests of this host. Writes: the kubelet's state (stopped), the containers of the API
//! server and the others that use etcd, the membership, a note of the other members, the container of etcd, its data and
//! its manifest. Data of an etcd that others run stays.

use crate::base::fault::Result;
use crate::context::Context;
use crate::context::leaving::Answer;
use crate::etcd::Departure;
use crate::host::held::is_held;
use crate::host::service::Services;
use crate::ops::containers::{self, Wanted};
use crate::ops::etcd_member::{self, Place};
use crate::ops::reset_progress;
use crate::phases::reset::cleanup_node::{SERVICE, stop_kubelet};
use crate::phases::reset::discard::discard;
use crate::pipeline::{Action, Target};
use crate::state::leave_error::LeaveError;
use crate::state::local_etcd::{Local, local};
use crate::state::static_pod::{self, StaticPod};
use std::path::Path;

/// See the module's text.
pub struct RemoveEtcdMember;

impl Action for RemoveEtcdMember {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let Some(local) = local(cx)? else {
            cx.events.message("this host has no member of etcd of a cluster: nothing to do");
            return Ok(());
        };
        // Much may have happened while the Pods moved away.
        cx.leaving_mut()?.place = None;
        let place = etcd_member::guard(cx)?;
        // A member that was taken out ends by itself, and a kubelet would start it again, while it is stopped and removed.
        // A runtime that loses its kubelet in the middle of that may keep the container's name taken.
        if place == Place::Last {
            // From here on neither the API server nor etcd may answer the run that continues this one.
            reset_progress::add(cx, |note| {
                (note.told, note.was_last) = (true, true);
                note.data_dir.clone_from(&local.data_dir);
            })?;
        }
        let ran = stop_kubelet(cx)?;
        if let Err(failure) = stop_users(cx).and_then(|()| leave(cx, &local, place)) {
            if ran {
                Services::of(&cx.host).start(SERVICE)?;
            }
            return Err(failure);
        }
        containers::remove(cx, Wanted::Etcd)?;
        note_log(cx)?;
        if let Some(folder) = &local.data_dir {
            // The only thing that etcd makes there.
            let data = folder.join("member");
            must_be_free(cx, &data)?;
            discard(cx, &data)?;
        }
        discard(cx, &static_pod::path("etcd"))
    }
}

/// The API server would wait for an etcd that is gone. After it has ended, etcd's members are known without it.
fn stop_users(cx: &mut Context) -> Result<()> {
    containers::remove(cx, Wanted::UsersOfEtcd)?;
    cx.leaving_mut()?.answers = Some(Answer::NotAsked);
    Ok(())
}

/// A log that was given a folder of its own is no name in a folder of etcd, so nobody knows what else is there.
fn note_log(cx: &mut Context) -> Result<()> {
    let Some(pod) = StaticPod::read(&cx.files, "etcd")? else { return Ok(()) };
    if let Some(folder) = pod.flag("wal-dir").filter(|folder| !folder.is_empty()) {
        let folder = pod.on_host(Path::new(folder)).unwrap_or_else(|| folder.into());
        let note =
            format!("{}, etcd's log by its flag --wal-dir; remove it when nobody needs it any more", folder.display());
        cx.leaving_mut()?.notes.push(note);
    }
    Ok(())
}

/// Before the data goes, whatever the manifests, the user and etcd itself said: nobody may be at work on it.
fn must_be_free(cx: &Context, data: &Path) -> Result<()> {
    let database = data.join("snap/db");
    // In a dry run etcd was not stopped.
    match cx.gate.effect(|| is_held(&cx.host, &database))? {
        Some(true) => Err(LeaveError::EtcdRuns { data: data.to_path_buf() }.into()),
        Some(false) | None => Ok(()),
    }
}

fn leave(cx: &mut Context, local: &Local, place: Place) -> Result<()> {
    let name = cx.leaving()?.name.clone();
    match place {
        Place::None => cx.events.message("this host is no member of etcd any more"),
        Place::Last => cx.events.message("this was the last member of etcd: the cluster ends here"),
        Place::Unknown(why) if !local.has_data => {
            cx.events.message(format!("this host has no data of the cluster's etcd, which is not told: {why}"));
        }
        Place::Unknown(why) => {
            cx.events.warning(format!("etcd was not told that this member leaves: {why}"));
            let note = format!(
                "if other members of etcd live on, they count this one still: run 'kubewright node remove {name} --dead' on one of their hosts"
            );
            cx.leaving_mut()?.notes.push(note);
        }
        Place::Member { others } => {
            // After it has left, a run that was cut short could not ask anybody any more.
            reset_progress::add(cx, |note| {
                note.endpoints = others;
                note.peer_urls.clone_from(&local.peer_urls);
                note.data_dir.clone_from(&local.data_dir);
            })?;
            if etcd_member::leave(cx)? == Departure::Removed {
                cx.events.message("took this host's member out of etcd");
            }
        }
    }
    // Whatever it was, it has come to its end.
    cx.leaving_mut()?.place = Some(Place::None);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::leaving::fixture;
    use crate::ops::etcd_member::refusal;

    fn unknown() -> Place {
        Place::Unknown("nobody answers".into())
    }

    fn refused(change: impl FnOnce(&mut crate::context::leaving::Leaving), place: &Place, has_data: bool) -> bool {
        let root = tempfile::tempdir().unwrap();
        let mut cx = fixture(root.path());
        change(cx.leaving_mut().unwrap());
        refusal(&cx, has_data, place).unwrap().is_some()
    }

    #[test]
    fn the_last_member_goes_only_when_the_cluster_is_to_end() {
        assert!(refused(|_| {}, &Place::Last, true));
        // Typed by habit, on the wrong host, it ended a cluster.
        assert!(refused(|leaving| leaving.force = true, &Place::Last, true));
        assert!(!refused(|leaving| leaving.end_cluster = true, &Place::Last, true));
    }

    #[test]
    fn data_of_an_etcd_that_nobody_can_ask_is_not_lost_by_chance() {
        assert!(refused(|_| {}, &unknown(), true));
        assert!(!refused(|leaving| leaving.force = true, &unknown(), true));
        assert!(!refused(|leaving| leaving.accept_quorum_loss = true, &unknown(), true));
        assert!(!refused(|_| {}, &unknown(), false), "a host on which etcd never ran");
    }

    #[test]
    fn data_that_an_etcd_is_at_work_on_is_never_removed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("var/lib/etcd/member/snap/db");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "x").unwrap();
        let mut cx = fixture(root.path());
        cx.leaving_mut().unwrap().force = true;
        let data = Path::new("/var/lib/etcd/member");
        must_be_free(&cx, data).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(must_be_free(&cx, data).unwrap_err().hint().unwrap().contains("fuser"));
        cx.gate = crate::base::gate::Gate::recording();
        must_be_free(&cx, data).unwrap();
    }

    #[test]
    fn a_member_that_the_others_can_do_without_goes() {
        assert!(!refused(|_| {}, &Place::Member { others: Vec::new() }, true));
        assert!(!refused(|_| {}, &Place::None, true));
    }
}
