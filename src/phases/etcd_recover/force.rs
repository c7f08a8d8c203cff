//! Starts etcd on this host as a new cluster of one member, with the data of this host.
//!
//! Reads: etcd. Writes: the progress of the run; etcd's manifest, with the flag --force-new-cluster; removes members that etcd kept
//! all the same.

use crate::base::fault::Result;
use crate::context::{Recovery, Run};
use crate::domain::paths::manifest;
use crate::etcd::Membership;
use crate::ops::etcd_recovery;
use crate::pipeline::{Phase, Target};
use crate::state::etcd_recovery::progress;

pub struct ForceCluster;

impl Phase<Recovery> for ForceCluster {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Recovery>, _: &Target) -> Result<()> {
        let found = cx.work.found()?.clone();
        // An interrupted run came further than this.
        let usual = etcd_recovery::alone(&found.manifest, &found);
        if found.is_forced && cx.host.files.read_text(&manifest("etcd"))?.as_ref() == Some(&usual) {
            return Ok(());
        }
        if let Some(progress) = progress(cx)? {
            let is_forced = true;
            etcd_recovery::record(cx, &crate::state::etcd_recovery::Progress { is_forced, ..progress })?;
        }
        etcd_recovery::write(cx, &etcd_recovery::forced(&found.manifest)?)?;
        let gate = cx.host.gate.clone();
        gate.effect(|| {
            let since = cx.host.files.modified(&manifest("etcd")).unwrap_or_default();
            let members = etcd_recovery::wait(cx, &found, since)?;
            let client = etcd_recovery::client(cx, &found.manifest)?;
            // Some versions keep learners.
            let limit = cx.timeouts().etcd_api_call;
            let membership = Membership::new(&client, &cx.host.gate, &cx.host.clock, &cx.events, limit);
            for other in members.iter().filter(|member| member.id != found.id) {
                membership.leave(&|member| member.id == other.id)?;
            }
            Ok::<_, crate::base::fault::Failure>(())
        })?;
        cx.events.message("etcd on this host is a cluster of one member");
        Ok(())
    }
}
