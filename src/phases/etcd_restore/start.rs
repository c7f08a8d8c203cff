//! Starts etcd as a new cluster of this member with the restored data, then as usual.
//!
//! Reads: etcd. Writes: etcd's manifest, with the flags of a new cluster, then as it was with this member alone in
//! --initial-cluster; the progress of the run.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault, Result};
use crate::context::etcd_task::RestoreProgress;
use crate::context::{Context, Restoring, Run};
use crate::domain::paths::manifest;
use crate::etcd::Member;
use crate::ops::{etcd_recovery, etcd_restore};
use crate::pipeline::{Phase, Target};
use crate::state::etcd_restore::peer_urls;
use crate::state::static_pod::StaticPod;

/// etcd does not have the data that it was started with.
#[derive(Debug, thiserror::Error)]
#[error("etcd works, but not with the restored data: {why}")]
struct NotRestored {
    why: String,
}

impl Fault for NotRestored {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unhealthy
    }
    fn hint(&self) -> Option<String> {
        Some("read etcd's log: run 'crictl logs $(crictl ps -aq --name etcd)'".into())
    }
}

pub struct StartRestored;

impl Phase<Restoring> for StartRestored {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Restoring>, _: &Target) -> Result<()> {
        let found = cx.work.restorable()?.clone();
        let progress = found.progress;
        if progress.is_restored {
            return Ok(());
        }
        start(cx, &progress, &first(&progress)?)?;
        start(cx, &progress, &usual(&progress))?;
        if let Some(restoring) = cx.work.found.as_mut() {
            restoring.progress.is_restored = true;
        }
        etcd_restore::record(cx, &RestoreProgress { is_restored: true, ..progress })?;
        cx.events.message("etcd on this host works with the restored data");
        Ok(())
    }
}

/// The manifest with which etcd makes a new log. The token gives the cluster an id of its own: members of the old one are refused.
pub(super) fn first(progress: &RestoreProgress) -> Result<String> {
    let pod = StaticPod::parse(progress.etcd.as_bytes());
    let name = pod.flag("name").unwrap_or("default");
    let members: Vec<String> = peer_urls(&progress.etcd).iter().map(|url| format!("{name}={url}")).collect();
    let flags = [
        format!("--initial-cluster={}", members.join(",")),
        "--initial-cluster-state=new".to_owned(),
        format!("--initial-cluster-token={}", progress.token),
    ];
    etcd_recovery::with_flags(&progress.etcd, &flags)
}

pub(super) fn usual(progress: &RestoreProgress) -> String {
    etcd_recovery::of_one(&progress.etcd, &peer_urls(&progress.etcd))
}

/// Writes the manifest, waits until etcd works, and checks its members and its revision.
fn start(cx: &Context, progress: &RestoreProgress, text: &str) -> Result<()> {
    etcd_recovery::write(cx, text)?;
    let gate = cx.host.gate.clone();
    gate.effect(|| {
        let since = cx.host.files.modified(&manifest("etcd")).unwrap_or_default();
        let members = etcd_recovery::wait_for(cx, &progress.etcd, None, since)?;
        let revision = etcd_recovery::revision(cx, &progress.etcd)?;
        let why = if members.len() != 1 {
            let names: Vec<String> = members.iter().map(Member::shown).collect();
            format!("its members are {}", names.join(", "))
        } else if revision < progress.revision {
            format!("its revision is {revision}, and {} was expected", progress.revision)
        } else {
            return Ok::<_, Failure>(());
        };
        Err(NotRestored { why }.into())
    })?;
    Ok(())
}
