//! What differs from one Kubernetes minor to the next, as data: one [`Minor`] per minor.
//!
//! A fact says what kubeadm of that minor writes or expects, so that both tools can take over
//! clusters from each other. No other module asks "is the minor at least 24?"; it reads a field.

use super::api_version::ApiVersion;
use super::fact::{Cri, FeatureGate, PauseImageFlag, PerPatch, PodProbes, Stage};
use super::minors;
use super::version::Version;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;

/// The oldest minor that can be installed.
pub const OLDEST: u16 = 20;

/// Everything that this tool knows about one minor.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, read by its name")]
pub struct Minor {
    /// The 36 of v1.36.
    pub minor: u16,

    // Images.
    /// The registry that kubeadm uses when none is given.
    pub image_repository: PerPatch,
    /// The tag of the `etcd` image.
    pub etcd_tag: PerPatch,
    /// The tag of the `coredns` image.
    pub coredns_tag: PerPatch,
    /// True when `CoreDNS` lies one folder deeper, as `coredns/coredns`, in the default registry; never in others.
    pub coredns_subpath: bool,
    /// The tag of the `pause` image.
    pub pause_tag: &'static str,
    /// True when `config images list` has `CoreDNS` before pause and etcd; else it comes last.
    pub images_dns_before_pause: bool,

    // kubeadm's configuration API.
    /// The version written into the cluster and printed by `config print`.
    pub api_version: ApiVersion,
    /// The versions that can be read, oldest first.
    pub api_versions_read: &'static [ApiVersion],
    /// True when the kubeadm-config `ConfigMap` also has a `ClusterStatus`.
    pub cluster_status: bool,
    /// True when the uploaded `ClusterConfiguration` has the API server's `authorization-mode` among its extra
    /// arguments, where the control-plane phase leaves it behind.
    pub uploads_authorization_mode: bool,
    /// True when an external etcd in a v1beta4 document also has `httpEndpoints`.
    pub etcd_http_endpoints: bool,
    /// True when the upgrade plan of a v1beta4 document has `etcdUpgrade`.
    pub plan_etcd_upgrade: bool,
    /// kubeadm's own feature gates, sorted by name.
    pub feature_gates: &'static [FeatureGate],

    // Certificates and kubeconfigs.
    /// True when `admin.conf` is in the group `kubeadm:cluster-admins`, bound by a `ClusterRoleBinding` of that name,
    /// and `super-admin.conf` has `system:masters`; else `admin.conf` has `system:masters` itself.
    pub super_admin_conf: bool,
    /// True when the API server's kubelet and etcd clients and the etcd health-check client are in `system:masters`.
    /// After that the etcd clients have no group; for the kubelet client see `kubelet_api_binding`.
    pub clients_in_system_masters: bool,
    /// True when the API server's kubelet client has no group and needs the `ClusterRoleBinding`
    /// `kubeadm:apiserver-kubelet-client` to `system:kubelet-api-admin`; before it was in `kubeadm:cluster-admins`.
    pub kubelet_api_binding: bool,
    /// True when a CA certificate carries its common name as a DNS name too.
    pub ca_dns_name: bool,
    /// True when leaf certificates carry critical basic constraints with `CA:FALSE`.
    pub leaf_basic_constraints: bool,
    /// How long before now a certificate starts to be valid, in minutes.
    pub certificate_backdate_minutes: u16,
    /// True when a leaf certificate starts to be valid when its CA does, whenever it is issued.
    pub leaf_starts_with_ca: bool,
    /// True when keys may also be ECDSA P-384.
    pub ecdsa_p384: bool,

    // Nodes.
    /// Labels of control planes, with empty values.
    pub control_plane_labels: &'static [&'static str],
    /// Keys of the `NoSchedule` taints of control planes.
    pub control_plane_taints: &'static [&'static str],

    // The kubelet.
    /// True when the kubelet `ConfigMap` and its Role are `kubelet-config-1.X` and `kubeadm:kubelet-config-1.X`; else
    /// there is no suffix.
    pub kubelet_config_has_minor: bool,
    /// Which runtimes the kubelet can be given, and how.
    pub cri: Cri,
    /// True when the kubelet, wherever it runs, waits for credentials of AWS before it starts anything.
    pub kubelet_asks_aws: bool,
    /// The runtime socket that is assumed when none is found.
    pub default_cri_socket: &'static str,
    /// True when the socket is written with `unix://` in front.
    pub cri_socket_scheme: bool,
    /// When the kubelet gets `--pod-infra-container-image`.
    pub pause_image_flag: PauseImageFlag,
    /// What `cgroupDriver` is set to when the user leaves it open; None: left to the kubelet (cgroupfs).
    pub default_cgroup_driver: Option<&'static str>,
    /// True when the `resolvConf` that init finds is in the `ConfigMap`, too; else only in each node's own file.
    pub uploads_resolv_conf: bool,
    /// True when the socket lives in `/var/lib/kubelet/instance-config.yaml` instead of a flag and a node annotation.
    pub kubelet_instance_config: bool,
    /// True when a joining control plane's kubelet talks to the API server of its own host.
    pub kubelet_local_api_server: bool,
    /// By how many minors a kubelet may be older than its control plane, as kubeadm's preflight checks have it.
    pub kubelet_skew: u16,

    // Static Pods.
    /// True when manifests carry `creationTimestamp: null`.
    pub null_creation_timestamp: bool,
    /// The numeric priority that goes with `system-node-critical`, where the manifests have it.
    pub pod_priority: Option<i32>,
    /// True when the Pods ask for the `RuntimeDefault` seccomp profile.
    pub seccomp_runtime_default: bool,
    /// True when all flags are sorted by name; else only the defaults are, and the user's follow in the order given.
    pub sorts_extra_args: bool,
    /// True when probes name the port `probe-port` and the container declares it; else they have its number.
    pub named_probe_port: bool,
    /// kube-apiserver's probes.
    pub api_server_probes: PodProbes,
    /// kube-controller-manager's probes.
    pub controller_manager_probes: PodProbes,
    /// kube-scheduler's probes.
    pub scheduler_probes: PodProbes,
    /// etcd's probes.
    pub etcd_probes: PodProbes,
    /// True when the API server gets `--insecure-port=0`.
    pub api_server_insecure_port_flag: bool,
    /// True when the controller manager and the scheduler get `--port=0`.
    pub component_port_flag: bool,
    /// Flags that etcd gets on top of the ones that never changed.
    pub etcd_args: &'static [(&'static str, &'static str)],
    /// Resource requests of etcd on top of CPU.
    pub etcd_requests: &'static [(&'static str, &'static str)],
    /// The oldest etcd whose data this minor's etcd may take over, where etcd's upgrade guide names one.
    pub etcd_upgrades_from: Option<&'static str>,
    /// True when a new etcd member joins as a learner first.
    pub etcd_learner: bool,
    /// True when the controller manager mounts the flexvolume folder.
    pub flexvolume_mount: bool,
    /// Host folders with CA certificates that are mounted where they exist, besides `/etc/ssl/certs`.
    pub ca_certificate_dirs: &'static [&'static str],

    // Addons.
    /// kube-proxy's mode when the user leaves it open: written out from v1.37 on, empty before.
    pub proxy_mode: &'static str,
}

impl Minor {
    /// The name of the `ConfigMap` with the kubelet's configuration.
    pub fn kubelet_config_map(&self) -> String {
        if self.kubelet_config_has_minor { format!("kubelet-config-1.{}", self.minor) } else { "kubelet-config".into() }
    }

    /// The name of the Role and `RoleBinding` through which nodes read that `ConfigMap`.
    pub fn kubelet_config_role(&self) -> String {
        format!("kubeadm:{}", self.kubelet_config_map())
    }

    /// kubeadm's feature gate of this name.
    pub fn feature_gate(&self, name: &str) -> Option<&'static FeatureGate> {
        self.feature_gates.iter().find(|gate| gate.name == name)
    }

    /// True when a feature gate is on, given what the user asked for. Unknown gates are off.
    pub fn feature_enabled(&self, name: &str, asked: Option<bool>) -> bool {
        match self.feature_gate(name) {
            None => false,
            Some(gate) if gate.stage == Stage::Ga => gate.default,
            Some(gate) => asked.unwrap_or(gate.default),
        }
    }
}

/// What is known about v1.`minor`; None outside of the window.
pub fn facts(minor: u16) -> Option<&'static Minor> {
    minors::ALL.iter().find(|m| m.minor == minor)
}

/// The version is of a minor that this tool does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Kubernetes {version} is outside of what can be installed: {}", window())]
pub struct OutsideWindow {
    /// What was asked for.
    pub version: Version,
}

impl Fault for OutsideWindow {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(if self.version.minor < OLDEST {
            format!("choose v1.{OLDEST} or newer; older clusters have to be upgraded to it first")
        } else {
            format!("choose v1.{} or older, or get a newer kubewright", newest())
        })
    }
}

/// What is known about the minor of this version.
///
/// # Errors
/// When the minor is outside of the window.
pub fn facts_of(version: &Version) -> Result<&'static Minor, OutsideWindow> {
    let known = if version.major == 1 { facts(version.minor) } else { None };
    known.ok_or_else(|| OutsideWindow { version: version.clone() })
}

/// The newest minor that can be installed.
pub fn newest() -> u16 {
    minors::NEWEST.minor
}

/// The window for people: `v1.20 to v1.37`.
pub fn window() -> String {
    format!("v1.{OLDEST} to v1.{}", newest())
}

#[cfg(test)]
mod tests;
