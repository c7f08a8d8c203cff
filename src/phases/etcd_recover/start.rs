//! Starts etcd on this host as usual again.
//!
//! Reads: etcd. Writes: etcd's manifest as it was, with this member alone in --initial-cluster.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault, Result};
use crate::context::{Recovery, Run};
use crate::domain::paths::manifest;
use crate::ops::etcd_recovery;
use crate::pipeline::{Phase, Target};

/// etcd still lists other members.
#[derive(Debug, thiserror::Error)]
#[error("etcd still lists other members: {}", others.join(", "))]
struct StillOthers {
    others: Vec<String>,
}

impl Fault for StillOthers {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unhealthy
    }
    fn hint(&self) -> Option<String> {
        Some("run the same command again: it continues".into())
    }
}

pub struct StartEtcd;

impl Phase<Recovery> for StartEtcd {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Recovery>, _: &Target) -> Result<()> {
        let found = cx.work.found()?.clone();
        etcd_recovery::write(cx, &etcd_recovery::alone(&found.manifest, &found))?;
        let gate = cx.host.gate.clone();
        gate.effect(|| {
            let since = cx.host.files.modified(&manifest("etcd")).unwrap_or_default();
            let members = etcd_recovery::wait(cx, &found, since)?;
            let others: Vec<String> =
                members.iter().filter(|member| member.id != found.id).map(crate::etcd::Member::shown).collect();
            if others.is_empty() { Ok(()) } else { Err(Failure::from(StillOthers { others })) }
        })?;
        cx.events.message("etcd on this host runs as usual");
        Ok(())
    }
}
