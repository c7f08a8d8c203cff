//! Takes this host's member out of etcd, and only then its data from the disk.
//!
//! Reads: etcd's members, the manifests of this host. Writes: the membership, a note of the other members, the
//! kubelet's state (stopped), the container of etcd, its data and its manifest.

use super::cleanup::{discard, stop_kubelet};
use super::containers::{self, Wanted};
use crate::actions::leave::error::LeaveError;
use crate::actions::leave::etcd::{self, Local, Meant, Place};
use crate::actions::static_pod;
use crate::base::fault::Result;
use crate::context::Context;
use crate::etcd::Departure;
use crate::pipeline::{Action, Target};

/// See the module's text.
pub struct RemoveEtcdMember;

impl Action for RemoveEtcdMember {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let Some(local) = etcd::local(cx)? else {
            cx.events.message("this host has no member of etcd: nothing to do");
            return Ok(());
        };
        let place = find_place(cx, &local)?;
        if let Some(reason) = refusal(cx, &local, &place)? {
            return Err(reason.into());
        }
        leave(cx, &local, place)?;
        // As long as etcd or a kubelet that starts it again runs, its data is not taken away.
        stop_kubelet(cx)?;
        containers::remove(cx, Wanted::Etcd)?;
        // The only thing that etcd makes there.
        discard(cx, &local.data_dir.join("member"))?;
        discard(cx, &static_pod::path("etcd"))
    }
}

/// The member's place. A cluster that may lose its majority is as unknown as one that does not answer.
pub(super) fn find_place(cx: &mut Context, local: &Local) -> Result<Place> {
    let (name, accepted) = (cx.leaving()?.name.clone(), cx.leaving()?.accept_quorum_loss);
    match etcd::place(cx, &Meant { peer_url: local.peer_url.as_deref(), name: &name }) {
        Err(failure) if accepted => {
            cx.events.warning(format!("as was asked for, the cluster may stop: {failure}"));
            Ok(Place::Unknown(failure))
        }
        other => other,
    }
}

/// Why the host must not leave etcd; None when it may.
pub(super) fn refusal(cx: &Context, local: &Local, place: &Place) -> Result<Option<LeaveError>> {
    let leaving = cx.leaving()?;
    Ok(match place {
        // Without data there is nothing to lose: it never was a member, or is one no more.
        Place::Last if !leaving.force => Some(LeaveError::LastMember { name: leaving.name.clone() }),
        Place::Unknown(failure) if local.has_data && !leaving.force && !leaving.accept_quorum_loss => {
            Some(LeaveError::EtcdSilent { why: failure.to_string() })
        }
        _ => None,
    })
}

fn leave(cx: &mut Context, local: &Local, place: Place) -> Result<()> {
    let name = cx.leaving()?.name.clone();
    match place {
        Place::None => cx.events.message("this host is no member of etcd any more"),
        Place::Last => cx.events.message("this was the last member of etcd: the cluster ends here"),
        Place::Unknown(_) if !local.has_data => cx.events.message("etcd has not run on this host"),
        Place::Unknown(failure) => {
            cx.events.warning(format!("etcd was not told that this member leaves: {failure}"));
            let note = format!(
                "if other members of etcd live on, they count this one still: run 'kubewright node remove {name} --dead' on one of their hosts"
            );
            cx.leaving_mut()?.notes.push(note);
        }
        Place::Member { others } => {
            etcd::write_note(cx, local, &others)?;
            let meant = Meant { peer_url: local.peer_url.as_deref(), name: &name };
            if etcd::leave(cx, &meant)? == Departure::Removed {
                cx.events.message("took this host's member out of etcd");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::preflight::fixture;
    use super::*;

    fn unknown() -> Place {
        Place::Unknown(LeaveError::EtcdSilent { why: "nobody answers".into() }.into())
    }

    fn refused(change: impl FnOnce(&mut crate::context::leaving::Leaving), place: &Place, has_data: bool) -> bool {
        let root = tempfile::tempdir().unwrap();
        let mut cx = fixture(root.path());
        change(cx.leaving_mut().unwrap());
        refusal(&cx, &Local { has_data, ..Local::default() }, place).unwrap().is_some()
    }

    #[test]
    fn the_last_member_goes_only_with_force() {
        assert!(refused(|_| {}, &Place::Last, true));
        assert!(!refused(|leaving| leaving.force = true, &Place::Last, true));
    }

    #[test]
    fn data_of_an_etcd_that_nobody_can_ask_is_not_lost_by_chance() {
        assert!(refused(|_| {}, &unknown(), true));
        assert!(!refused(|leaving| leaving.force = true, &unknown(), true));
        assert!(!refused(|leaving| leaving.accept_quorum_loss = true, &unknown(), true));
        assert!(!refused(|_| {}, &unknown(), false), "a host on which etcd never ran");
    }

    #[test]
    fn a_member_that_the_others_can_do_without_goes() {
        assert!(!refused(|_| {}, &Place::Member { others: Vec::new() }, true));
        assert!(!refused(|_| {}, &Place::None, true));
    }
}
