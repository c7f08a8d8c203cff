//! The cgroup driver that an upgrade sets where the configuration of all kubelets has none.
//!
//! Reads: the container runtime. Writes: nothing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::host::cri::CgroupDriver;
use crate::versions::host_needs::upgrade_sets_cgroup_driver;

/// The field of the kubelet's configuration.
pub const CGROUP_DRIVER: &str = "cgroupDriver";

/// The driver of this host's container runtime, with which its kubelet works. None if the upgrade sets none, or the runtime does not
/// report its driver.
pub fn to_set(cx: &Context) -> Result<Option<CgroupDriver>> {
    if !upgrade_sets_cgroup_driver(cx.facts()?.minor) || !cx.host.is_live() {
        return Ok(None);
    }
    Ok(cx.runtime().ok().and_then(|runtime| runtime.cgroup_driver().ok().flatten()))
}
