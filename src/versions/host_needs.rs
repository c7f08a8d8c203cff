//! What the kubelet of a minor version needs of its host: the container runtime and control groups.

/// The oldest containerd, by the first minor version that needs it: the kubelet uses only CRI v1 since v1.26, which containerd has
/// since 1.6, and support for containerd 1.7 ends with v1.36 (release notes of v1.26 and v1.36, kubernetes/kubernetes#136846).
const CONTAINERD: &[(u16, (u16, u16))] = &[(26, (1, 6)), (37, (2, 0))];

/// The first minor version whose kubelet does not start on a host with cgroup v1, because the default of `failCgroupV1` became true
/// (release notes of v1.35).
const NO_CGROUP_V1: u16 = 35;

/// The first minor version in which an upgrade sets the kubelet's `cgroupDriver` to systemd if it is unset
/// (kubernetes/kubernetes#102133); before, only new clusters got it.
const UPGRADE_SETS_CGROUP_DRIVER: u16 = 22;

/// The first minor version whose kubelet takes its cgroup driver from a container runtime that reports it (KEP-4033, on by default).
const DRIVER_FROM_RUNTIME: u16 = 31;

/// True if the kubelet of v1.`minor` takes its cgroup driver from the runtime, where that reports it.
pub fn takes_driver_from_runtime(minor: u16) -> bool {
    minor >= DRIVER_FROM_RUNTIME
}

/// True if an upgrade to v1.`minor` sets an unset `cgroupDriver`.
pub fn upgrade_sets_cgroup_driver(minor: u16) -> bool {
    minor >= UPGRADE_SETS_CGROUP_DRIVER
}

/// The oldest containerd that the kubelet of v1.`minor` works with; None if any does.
pub fn oldest_containerd(minor: u16) -> Option<(u16, u16)> {
    CONTAINERD.iter().rev().find(|(first, _)| *first <= minor).map(|(_, oldest)| *oldest)
}

/// True if the kubelet of v1.`minor` refuses cgroup v1 unless `failCgroupV1` is false.
pub fn refuses_cgroup_v1(minor: u16) -> bool {
    minor >= NO_CGROUP_V1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_grow_with_the_minor() {
        assert_eq!([25, 26, 36, 37].map(oldest_containerd), [None, Some((1, 6)), Some((1, 6)), Some((2, 0))]);
        assert!(!refuses_cgroup_v1(34) && refuses_cgroup_v1(35) && refuses_cgroup_v1(36));
        assert!(!upgrade_sets_cgroup_driver(21) && upgrade_sets_cgroup_driver(22));
        assert!(!takes_driver_from_runtime(30) && takes_driver_from_runtime(31));
        assert!(CONTAINERD.is_sorted());
    }
}
