//! Starts the API server, and proves that it answers and the objects are there.
//!
//! Reads: the API server's readiness, the number of keys in etcd. Writes: the API server's manifest; ends the containers of the
//! components that know the objects of before; removes the progress of the run.

use crate::base::fault::{Failure, Result};
use crate::context::{Restoring, Run};
use crate::domain::paths::ADMIN_CONF;
use crate::ops::running::{Running, ThisHost};
use crate::ops::{etcd_recovery, etcd_restore};
use crate::pipeline::{Phase, Target};
use std::path::Path;

/// They keep objects in memory, and compare them with what they read.
const REMEMBER: [&str; 2] = ["kube-controller-manager", "kube-scheduler"];

pub struct ProveRestore;

impl Phase<Restoring> for ProveRestore {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Restoring>, _: &Target) -> Result<()> {
        let found = cx.work.restorable()?.clone();
        etcd_restore::start_api_server(cx, &found.progress)?;
        let gate = cx.host.gate.clone();
        let keys = gate.effect(|| {
            let client = etcd_recovery::client(cx, &found.progress.etcd)?;
            let keys = client.count("")?;
            cx.events.message(format!("etcd has {keys} keys"));
            if cx.host.files.exists(Path::new(ADMIN_CONF)) {
                let host = ThisHost::find(cx)?;
                host.verify_admin_access(cx)?;
                for component in REMEMBER {
                    for container in host.containers(component)? {
                        host.end(&container)?;
                    }
                }
            }
            Ok::<_, Failure>(keys)
        })?;
        cx.work.keys = keys;
        etcd_restore::finish(cx, &found.progress)
    }
}
