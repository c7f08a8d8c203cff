//! Flags that components no longer know, by the first minor version without them.
//!
//! A component does not start with an unknown flag. Source: the release notes of each minor version. The list is a start and not
//! complete.

/// Components whose flags are listed.
pub const API_SERVER: &str = "kube-apiserver";
pub const CONTROLLER_MANAGER: &str = "kube-controller-manager";
pub const SCHEDULER: &str = "kube-scheduler";
pub const KUBELET: &str = "kubelet";
pub const KUBE_PROXY: &str = "kube-proxy";

/// The first minor version without the flags, the component, and the flags without dashes.
const ROWS: &[(u16, &str, &[&str])] = &[
    (21, KUBE_PROXY, &["cleanup-ipvs"]),
    (22, API_SERVER, &["ssh-keyfile", "ssh-user"]),
    (22, SCHEDULER, &["algorithm-provider", "hard-pod-affinity-symmetric-weight", "scheduler-name"]),
    (22, KUBELET, &["chaos-chance"]),
    (
        23,
        SCHEDULER,
        &["policy-config-file", "policy-configmap", "policy-configmap-namespace", "use-legacy-policy-config"],
    ),
    (23, KUBELET, &["experimental-bootstrap-kubeconfig", "seccomp-profile-root"]),
    (
        24,
        API_SERVER,
        &[
            "address",
            "deserialization-cache-size",
            "experimental-encryption-provider-config",
            "insecure-bind-address",
            "insecure-port",
            "port",
            "target-ram-mb",
        ],
    ),
    (24, CONTROLLER_MANAGER, &["address", "deployment-controller-sync-period", "port"]),
    (24, SCHEDULER, &["address", "port"]),
    (
        24,
        KUBELET,
        &[
            "cni-bin-dir",
            "cni-cache-dir",
            "cni-conf-dir",
            "docker-endpoint",
            "experimental-dockershim-root-directory",
            "image-pull-progress-deadline",
            "network-plugin",
            "network-plugin-mtu",
            "non-masquerade-cidr",
        ],
    ),
    (25, API_SERVER, &["service-account-api-audiences"]),
    (
        25,
        CONTROLLER_MANAGER,
        &["deleting-pods-burst", "deleting-pods-qps", "experimental-cluster-signing-duration", "register-retry-count"],
    ),
    (25, KUBELET, &["experimental-kernel-memcg-notification"]),
    (27, API_SERVER, &["master-service-namespace"]),
    (27, CONTROLLER_MANAGER, &["enable-taint-manager", "pod-eviction-timeout"]),
    (27, KUBELET, &["container-runtime", "master-service-namespace"]),
    (28, SCHEDULER, &["lock-object-name", "lock-object-namespace"]),
    (
        31,
        CONTROLLER_MANAGER,
        &[
            "horizontal-pod-autoscaler-downscale-delay",
            "horizontal-pod-autoscaler-upscale-delay",
            "volume-host-allow-local-loopback",
            "volume-host-cidr-denylist",
        ],
    ),
    (31, KUBELET, &["iptables-drop-bit", "iptables-masquerade-bit"]),
    (31, KUBE_PROXY, &["proxy-port-range"]),
    (32, KUBELET, &["runonce"]),
    (33, API_SERVER, &["cloud-config", "cloud-provider"]),
    (34, KUBELET, &["cloud-config", "register-schedulable"]),
    (35, KUBELET, &["pod-infra-container-image"]),
];

/// The first minor version whose components only know `-v` and `--vmodule` of klog's flags (kubernetes/kubernetes#112120).
const KLOG_GONE: u16 = 26;
/// klog's flags that were removed.
const KLOG: &[&str] = &[
    "add-dir-header",
    "alsologtostderr",
    "log-backtrace-at",
    "log-dir",
    "log-file",
    "log-file-max-size",
    "logtostderr",
    "one-output",
    "skip-headers",
    "skip-log-headers",
    "stderrthreshold",
];

/// The first minor version in which `component` does not know the flag, if it is v1.`target` or an earlier one.
pub fn flag_gone_since(component: &str, flag: &str, target: u16) -> Option<u16> {
    // Underscores are accepted everywhere.
    let flag = flag.replace('_', "-");
    let klog = KLOG.contains(&flag.as_str()).then_some(KLOG_GONE);
    let own = ROWS.iter().find(|(_, of, flags)| *of == component && flags.contains(&flag.as_str()));
    own.map(|(minor, ..)| *minor).or(klog).filter(|minor| *minor <= target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_no_component_loses_a_flag_twice() {
        assert!(ROWS.is_sorted_by_key(|(minor, ..)| *minor));
        let mut all: Vec<(&str, &str)> =
            ROWS.iter().flat_map(|(_, of, flags)| flags.iter().map(|flag| (*of, *flag))).collect();
        assert!(ROWS.iter().all(|(.., flags)| flags.is_sorted()) && KLOG.is_sorted());
        let listed = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), listed);
        assert!(all.iter().all(|(_, flag)| !flag.starts_with('-') && !KLOG.contains(flag)));
    }

    #[test]
    fn a_flag_is_gone_in_its_component_only() {
        for (component, flag, target, gone) in [
            (API_SERVER, "insecure-port", 23, None),
            (API_SERVER, "insecure-port", 24, Some(24)),
            (KUBELET, "pod-infra-container-image", 36, Some(35)),
            (KUBELET, "pod_infra_container_image", 35, Some(35)),
            (API_SERVER, "cloud-config", 33, Some(33)),
            (KUBELET, "cloud-config", 33, None),
            (CONTROLLER_MANAGER, "cloud-config", 36, None),
            (SCHEDULER, "logtostderr", 26, Some(26)),
            (SCHEDULER, "logtostderr", 25, None),
            (API_SERVER, "v", 36, None),
        ] {
            assert_eq!(flag_gone_since(component, flag, target), gone, "{component} --{flag} at v1.{target}");
        }
    }
}
