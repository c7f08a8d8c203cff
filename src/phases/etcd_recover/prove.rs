//! Proves that the cluster is back: the API server answers, and the objects are there.
//!
//! Reads: the API server's readiness, the number of keys in etcd. Writes: restarts the API server of this host if it does not
//! answer; removes the progress of the run.

use crate::base::fault::Result;
use crate::context::{Context, Recovery, Run};
use crate::domain::paths::ADMIN_CONF;
use crate::ops::etcd_recovery;
use crate::ops::running::{Running, ThisHost};
use crate::pipeline::{Phase, Target};
use std::path::Path;
use std::time::Duration;

/// How long an API server that runs takes to notice that etcd is back.
const NOTICE: Duration = Duration::from_secs(5);

pub struct ProveRecovery;

impl Phase<Recovery> for ProveRecovery {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Recovery>, _: &Target) -> Result<()> {
        let found = cx.work.found()?.clone();
        let gate = cx.host.gate.clone();
        let keys = gate.effect(|| {
            let client = etcd_recovery::client(cx, &found.manifest)?;
            let keys = client.count("")?;
            cx.events.message(format!("etcd has {keys} keys"));
            if cx.host.files.exists(Path::new(ADMIN_CONF)) {
                let own = cx.hasty_cluster(Path::new(ADMIN_CONF))?;
                if own.wait_until_ready("/readyz", "a ready API server", NOTICE, &cx.events).is_err() {
                    restart_api_server(cx)?;
                }
                ThisHost::find(cx)?.verify_admin_access(cx)?;
            }
            Ok::<_, crate::base::fault::Failure>(keys)
        })?;
        cx.work.keys = keys;
        etcd_recovery::forget(cx)
    }
}

/// The kubelet would wait up to five minutes before it starts one again that has failed without etcd.
fn restart_api_server(cx: &Context) -> Result<()> {
    let host = ThisHost::find(cx)?;
    for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        for container in host.containers(component)? {
            host.end(&container)?;
        }
    }
    Ok(())
}
