//! Whether processes of Pods run on this host, of any runtime, even if it does not respond.
//!
//! Reads: the control groups of processes below /proc.

use super::command::Host;
use super::error::HostError;
use std::path::Path;

/// The kubelet keeps all Pods below a control group of this name (`kubepods`, `kubepods.slice`).
const GROUP: &str = "/kubepods";

/// True when at least one process belongs to a Pod.
pub fn exist(host: &Host) -> Result<bool, HostError> {
    let proc = Path::new("/proc");
    let is_pid = |name: &&String| name.bytes().all(|byte| byte.is_ascii_digit());
    let names = host.files.list(proc)?;
    // A process may have exited meanwhile.
    let groups = |pid: &String| host.files.read_text(&proc.join(pid).join("cgroup")).ok().flatten();
    Ok(names.iter().filter(is_pid).filter_map(groups).any(|text| text.lines().any(|line| line.contains(GROUP))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn pods_are_found_in_cgroup_v1_and_v2_and_with_both_drivers() {
        for (groups, expected) in [
            (
                "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-2.scope\n",
                true,
            ),
            ("12:pids:/user.slice\n11:memory:/kubepods/besteffort/pod1/2\n1:name=systemd:/x\n", true),
            ("0::/../kubepods/burstable/pod1/2\n", true),
            ("0::/system.slice/kubelet.service\n", false),
            ("0::/system.slice/containerd.service\n", false),
        ] {
            let fake = FakeHost::new().file("/proc/1/cgroup", "0::/init.scope\n").file("/proc/77/cgroup", groups);
            assert_eq!(exist(&fake.file("/proc/self/x", "").live()).unwrap(), expected, "{groups}");
        }
        assert!(!exist(&FakeHost::new().live()).unwrap());
    }
}
