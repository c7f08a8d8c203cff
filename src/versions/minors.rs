//! The table itself: v1.20 in full, then each minor as what it changed.
//!
//! A comment behind a fact names its source: a file below `cmd/kubeadm/app/` of kubernetes/kubernetes at a
//! release of that minor, or that release's `CHANGELOG/CHANGELOG-1.X.md`.

use super::api_version::ApiVersion::{V1Beta1, V1Beta2, V1Beta3, V1Beta4};
use super::fact::{Cri, FeatureGate, PodProbes, Stage};
use super::table::Minor;

/// Every minor, oldest first.
pub(super) static ALL: &[Minor] = &[V1_20, V1_36];

const fn gate(name: &'static str, default: bool, stage: Stage) -> FeatureGate {
    FeatureGate { name, default, stage }
}

const LIVEZ: PodProbes = PodProbes { live: "/livez", ready: Some("/readyz"), startup: "/livez" };
const HEALTHZ: PodProbes = PodProbes { live: "/healthz", ready: None, startup: "/healthz" };

const V1_20: Minor = Minor {
    minor: 20,
    // apis/kubeadm/v1beta2/defaults.go, constants/constants.go, constants/constants_unix.go, images/images.go.
    image_repository: "k8s.gcr.io",
    etcd_tag: "3.4.13-0",
    coredns_tag: "1.7.0",
    coredns_subpath: false,
    pause_tag: "3.2",
    images_dns_before_pause: false,
    api_version: V1Beta2,
    api_versions_read: &[V1Beta1, V1Beta2],
    // apis/kubeadm/types.go: ClusterStatus; phases/controlplane/manifests.go: getAPIServerCommand.
    cluster_status: true,
    uploads_authorization_mode: true,
    etcd_http_endpoints: false,
    // features/features.go.
    feature_gates: &[gate("IPv6DualStack", false, Stage::Alpha), gate("PublicKeysECDSA", false, Stage::Alpha)],
    // phases/certs/certlist.go, util/pkiutil/pki_helpers.go.
    super_admin_conf: false,
    clients_in_system_masters: true,
    ca_dns_name: false,
    leaf_basic_constraints: false,
    certificate_backdate_minutes: 0,
    kubelet_api_binding: false,
    // phases/markcontrolplane/markcontrolplane.go, util/config/initconfiguration.go.
    control_plane_labels: &["node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"],
    control_plane_taints: &["node-role.kubernetes.io/master"],
    // phases/kubelet/config.go, phases/kubelet/flags.go.
    kubelet_config_has_minor: true,
    cri: Cri::Dockershim,
    default_cri_socket: "/var/run/dockershim.sock",
    cri_socket_scheme: false,
    pod_infra_container_image_flag: true,
    default_cgroup_driver: None,
    kubelet_instance_config: false,
    kubelet_local_api_server: false,
    kubelet_skew: 1,
    // util/staticpod/utils.go, phases/controlplane/manifests.go, phases/etcd/local.go.
    pod_priority: None,
    seccomp_runtime_default: false,
    named_probe_port: false,
    api_server_probes: LIVEZ,
    controller_manager_probes: HEALTHZ,
    scheduler_probes: HEALTHZ,
    etcd_probes: PodProbes { live: "/health", ready: None, startup: "/health" },
    api_server_insecure_port_flag: true,
    component_port_flag: true,
    etcd_args: &[],
    etcd_requests: &[("memory", "100Mi"), ("ephemeral-storage", "100Mi")],
    etcd_learner: false,
    flexvolume_mount: true,
    // phases/controlplane/volumes.go.
    ca_certificate_dirs: &[
        "/etc/pki",
        "/usr/share/ca-certificates",
        "/usr/local/share/ca-certificates",
        "/etc/ca-certificates",
    ],
    waits_for_all_components: false,
};

const V1_36: Minor = Minor {
    minor: 36,
    image_repository: "registry.k8s.io",
    etcd_tag: "3.6.8-0",
    coredns_tag: "v1.14.2",
    coredns_subpath: true,
    pause_tag: "3.10.2",
    images_dns_before_pause: true,
    api_version: V1Beta4,
    api_versions_read: &[V1Beta3, V1Beta4],
    cluster_status: false,
    uploads_authorization_mode: false,
    etcd_http_endpoints: true,
    feature_gates: &[
        gate("NodeLocalCRISocket", true, Stage::Ga),
        gate("PublicKeysECDSA", false, Stage::Deprecated),
        gate("RootlessControlPlane", false, Stage::Alpha),
    ],
    super_admin_conf: true,
    clients_in_system_masters: false,
    ca_dns_name: true,
    leaf_basic_constraints: true,
    certificate_backdate_minutes: 5,
    kubelet_api_binding: true,
    control_plane_labels: &[
        "node-role.kubernetes.io/control-plane",
        "node.kubernetes.io/exclude-from-external-load-balancers",
    ],
    control_plane_taints: &["node-role.kubernetes.io/control-plane"],
    kubelet_config_has_minor: false,
    cri: Cri::EndpointOnly,
    default_cri_socket: "unix:///var/run/containerd/containerd.sock",
    cri_socket_scheme: true,
    pod_infra_container_image_flag: false,
    default_cgroup_driver: Some("systemd"),
    kubelet_instance_config: true,
    kubelet_local_api_server: true,
    kubelet_skew: 3,
    pod_priority: Some(2_000_001_000),
    seccomp_runtime_default: true,
    named_probe_port: true,
    api_server_probes: LIVEZ,
    controller_manager_probes: HEALTHZ,
    scheduler_probes: LIVEZ,
    etcd_probes: PodProbes { live: "/livez", ready: Some("/readyz"), startup: "/readyz" },
    api_server_insecure_port_flag: false,
    component_port_flag: false,
    etcd_args: &[("feature-gates", "InitialCorruptCheck=true"), ("watch-progress-notify-interval", "5s")],
    etcd_requests: &[("memory", "100Mi")],
    etcd_learner: true,
    flexvolume_mount: false,
    ca_certificate_dirs: &[
        "/etc/pki/ca-trust",
        "/etc/pki/tls/certs",
        "/etc/ca-certificates",
        "/usr/share/ca-certificates",
        "/usr/local/share/ca-certificates",
    ],
    waits_for_all_components: true,
};
