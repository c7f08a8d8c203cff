//! Whether the condition of a phase is met.
//!
//! Reads: the configuration and the options. Writes: nothing.

use crate::config::model::Etcd;
use crate::context::upgrading::Scope;
use crate::context::{Context, Task};
use crate::pipeline::When;

/// True when the phase applies to this run.
pub fn holds(when: When, cx: &Context) -> bool {
    let cluster = cx.cluster().ok();
    let joins = matches!(cx.task, Task::Join(..));
    match when {
        When::Always => true,
        When::LocalEtcd => cluster.is_some_and(|c| matches!(c.etcd, Etcd::Local(_))),
        When::ControlPlane => {
            cx.control_plane_join().is_some() || cx.upgrade().is_ok_and(|upgrade| upgrade.scope != Scope::Worker)
        }
        When::Worker => joins && cx.control_plane_join().is_none(),
        When::UploadCerts => matches!(&cx.task, Task::Init(_, options) if options.upload_certs),
        When::DnsWanted => cluster.is_some_and(|c| !c.dns.disabled),
        When::NetworkChosen => matches!(&cx.task, Task::Init(init, _) if init.pod_network.is_some()),
        When::Finishes => cx.upgrade().is_ok_and(|upgrade| upgrade.finish.is_some()),
        When::ProxyWanted => cluster.is_some_and(|c| !c.proxy.disabled),
    }
}
