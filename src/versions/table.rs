//! The differences between Kubernetes minor versions as data: one [`Minor`] each.
//!
//! A fact describes what the kubeadm of that minor version writes or expects, so that both tools can manage each
//! other's clusters. No other module compares minor versions; it reads a field.

use super::api_version::ApiVersion;
use super::fact::{Cri, FeatureGate, PauseImageFlag, PerPatch, PodProbes, Stage};
use super::minors;
use super::version::Version;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;

/// The oldest supported minor version.
pub const OLDEST: u16 = 20;

/// Everything that is specific to a minor version.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, read by its name")]
pub struct Minor {
    /// The 36 of v1.36.
    pub minor: u16,

    // Images.
    /// kubeadm's default registry.
    pub image_repository: PerPatch,
    /// The tag of the `etcd` image.
    pub etcd_tag: PerPatch,
    /// The tag of the `coredns` image.
    pub coredns_tag: PerPatch,
    /// True if `CoreDNS` is in a subdirectory (`coredns/coredns`) of the default registry; never in others.
    pub coredns_subpath: bool,
    /// The tag of the `pause` image.
    pub pause_tag: &'static str,
    /// True if `config images list` lists `CoreDNS` before pause and etcd, instead of last.
    pub images_dns_before_pause: bool,

    // kubeadm's configuration API.
    /// The version that is stored in the cluster and printed by `config print`.
    pub api_version: ApiVersion,
    /// The versions that can be read, oldest first.
    pub api_versions_read: &'static [ApiVersion],
    /// True if the kubeadm-config ConfigMap also has a `ClusterStatus`.
    pub cluster_status: bool,
    /// True if the uploaded `ClusterConfiguration` has the API server's `authorization-mode` in its extra arguments,
    /// where the control-plane phase leaves it.
    pub uploads_authorization_mode: bool,
    /// True if an external etcd in a v1beta4 document also has `httpEndpoints`.
    pub etcd_http_endpoints: bool,
    /// True if the upgrade plan of a v1beta4 document has `etcdUpgrade`.
    pub plan_etcd_upgrade: bool,
    /// kubeadm's feature gates, sorted by name.
    pub feature_gates: &'static [FeatureGate],

    // Certificates and kubeconfigs.
    /// True if `admin.conf` is in the group `kubeadm:cluster-admins`, bound by a ClusterRoleBinding of that name, and
    /// `super-admin.conf` in `system:masters`; else `admin.conf` is in `system:masters`.
    pub super_admin_conf: bool,
    /// True if the API server's kubelet and etcd clients and the etcd health-check client are in `system:masters`.
    /// Later the etcd clients have no group; for the kubelet client see `kubelet_api_binding`.
    pub clients_in_system_masters: bool,
    /// True if the API server's kubelet client has no group and needs the ClusterRoleBinding
    /// `kubeadm:apiserver-kubelet-client` to `system:kubelet-api-admin`; before, it was in `kubeadm:cluster-admins`.
    pub kubelet_api_binding: bool,
    /// True if a CA certificate also has its common name as a DNS SAN.
    pub ca_dns_name: bool,
    /// True if leaf certificates have critical basic constraints with `CA:FALSE`.
    pub leaf_basic_constraints: bool,
    /// How many minutes before now a certificate becomes valid.
    pub certificate_backdate_minutes: u16,
    /// True if a leaf certificate becomes valid together with its CA, whenever it is issued.
    pub leaf_starts_with_ca: bool,
    /// True if ECDSA P-384 keys are supported.
    pub ecdsa_p384: bool,

    // Nodes.
    /// The labels of control planes, with empty values.
    pub control_plane_labels: &'static [&'static str],
    /// The keys of the `NoSchedule` taints of control planes.
    pub control_plane_taints: &'static [&'static str],

    // The kubelet.
    /// True if the kubelet ConfigMap and its Role are `kubelet-config-1.X` and `kubeadm:kubelet-config-1.X`, instead of
    /// names without a suffix.
    pub kubelet_config_has_minor: bool,
    /// Which runtimes the kubelet supports, and how they are set.
    pub cri: Cri,
    /// True if the kubelet waits for AWS credentials before it starts anything, on any machine.
    pub kubelet_asks_aws: bool,
    /// The CRI socket that is assumed if none is found.
    pub default_cri_socket: &'static str,
    /// True if the socket is written with the prefix `unix://`.
    pub cri_socket_scheme: bool,
    /// When the kubelet gets `--pod-infra-container-image`.
    pub pause_image_flag: PauseImageFlag,
    /// The default of `cgroupDriver`; None: left to the kubelet (cgroupfs).
    pub default_cgroup_driver: Option<&'static str>,
    /// True if the `resolvConf` detected by init is in the ConfigMap as well, not only in each node's own file.
    pub uploads_resolv_conf: bool,
    /// True if the socket is in `/var/lib/kubelet/instance-config.yaml` instead of a flag and a node annotation.
    pub kubelet_instance_config: bool,
    /// True if the kubelet of a joining control plane uses the API server of its own host.
    pub kubelet_local_api_server: bool,
    /// By how many minor versions a kubelet may be older than its control plane, in kubeadm's preflight checks.
    pub kubelet_skew: u16,

    // Static Pods.
    /// True if manifests contain `creationTimestamp: null`.
    pub null_creation_timestamp: bool,
    /// The numeric priority of `system-node-critical`, if the manifests have it.
    pub pod_priority: Option<i32>,
    /// True if the Pods use the `RuntimeDefault` seccomp profile.
    pub seccomp_runtime_default: bool,
    /// True if all flags are sorted by name, instead of only the defaults with the user's after them in the given
    /// order.
    pub sorts_extra_args: bool,
    /// True if probes use the name `probe-port`, which the container declares, instead of its number.
    pub named_probe_port: bool,
    pub api_server_probes: PodProbes,
    pub controller_manager_probes: PodProbes,
    pub scheduler_probes: PodProbes,
    pub etcd_probes: PodProbes,
    /// True if the API server gets `--insecure-port=0`.
    pub api_server_insecure_port_flag: bool,
    /// True if the controller manager and the scheduler get `--port=0`.
    pub component_port_flag: bool,
    /// Flags of etcd in addition to those that never changed.
    pub etcd_args: &'static [(&'static str, &'static str)],
    /// Resource requests of etcd in addition to CPU.
    pub etcd_requests: &'static [(&'static str, &'static str)],
    /// The oldest etcd whose data this minor version's etcd can use, if etcd's upgrade guide names one.
    pub etcd_upgrades_from: Option<&'static str>,
    /// True if a new etcd member joins as a learner first.
    pub etcd_learner: bool,
    /// True if the controller manager mounts the flexvolume directory.
    pub flexvolume_mount: bool,
    /// Host directories with CA certificates that are mounted if they exist, in addition to `/etc/ssl/certs`.
    pub ca_certificate_dirs: &'static [&'static str],

    // Addons.
    /// The default of kube-proxy's mode: explicit since v1.37, empty before.
    pub proxy_mode: &'static str,
}

impl Minor {
    /// The name of the ConfigMap with the kubelet configuration.
    pub fn kubelet_config_map(&self) -> String {
        if self.kubelet_config_has_minor { format!("kubelet-config-1.{}", self.minor) } else { "kubelet-config".into() }
    }

    /// The name of the Role and RoleBinding with which nodes read that ConfigMap.
    pub fn kubelet_config_role(&self) -> String {
        format!("kubeadm:{}", self.kubelet_config_map())
    }

    /// kubeadm's feature gate of this name.
    pub fn feature_gate(&self, name: &str) -> Option<&'static FeatureGate> {
        self.feature_gates.iter().find(|gate| gate.name == name)
    }

    /// True if a feature gate is on, given the user's settings. Unknown gates are off.
    pub fn feature_enabled(&self, name: &str, asked: Option<bool>) -> bool {
        match self.feature_gate(name) {
            None => false,
            Some(gate) if gate.stage == Stage::Ga => gate.default,
            Some(gate) => asked.unwrap_or(gate.default),
        }
    }
}

/// The facts of v1.`minor`; None if it is not supported.
pub fn facts(minor: u16) -> Option<&'static Minor> {
    minors::ALL.iter().find(|m| m.minor == minor)
}

/// The minor version is not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Kubernetes {version} is not supported; supported versions are {}", window())]
pub struct OutsideWindow {
    pub version: Version,
}

impl Fault for OutsideWindow {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(if self.version.minor < OLDEST {
            format!("use v1.{OLDEST} or newer; upgrade older clusters to it first")
        } else {
            format!("use v1.{} or older, or a newer version of kubewright", newest())
        })
    }
}

/// The facts of this version's minor.
pub fn facts_of(version: &Version) -> Result<&'static Minor, OutsideWindow> {
    let known = if version.major == 1 { facts(version.minor) } else { None };
    known.ok_or_else(|| OutsideWindow { version: version.clone() })
}

/// The newest supported minor version.
pub fn newest() -> u16 {
    minors::NEWEST.minor
}

/// The supported minor versions: `v1.20 to v1.37`.
pub fn window() -> String {
    format!("v1.{OLDEST} to v1.{}", newest())
}

#[cfg(test)]
mod tests;
