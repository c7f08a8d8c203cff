//! Components that were not changed, but exit while etcd or the API server is away, and are started again later and later.
//!
//! Reads: the container runtime, the components' ports. Writes: removes containers that have exited, so that the kubelet starts
//! the next one at once.

use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
use crate::context::{Run, Upgrading};
use crate::ops::running::{Running, end_exited};
use crate::phases::restart::RunningComponent;
use crate::state::consumers::Consumer;
use crate::state::ports;

/// Waits until the component is healthy with the files that it has.
pub fn recovered(cx: &mut Run<Upgrading>, consumer: &'static Consumer, host: &dyn Running) -> Result<()> {
    let name = consumer.component;
    let ports = ports::ports(&cx.host.files, &cx.cluster()?.certificates_dir)?;
    let ports = ports.into_iter().filter(|port| port.component == name).collect();
    let component = RunningComponent { consumer, ports, host };
    let what = format!("{name} to be ready again");
    let limit = cx.timeouts().upgrade_manifests;
    let mut is_ended = false;
    cx.host.gate.effect(|| {
        Wait::new(&what, limit).until(&cx.host.clock, &cx.events, || {
            is_ended = is_ended || end_exited(name, host)?;
            Ok(component.problem(cx)?.map_or(Poll::Ready(()), Poll::Pending))
        })
    })?;
    Ok(())
}
