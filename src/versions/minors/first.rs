//! v1.20 in full. `minors` explains how sources are given.

use super::super::api_version::ApiVersion::{V1Beta1, V1Beta2};
use super::super::fact::{Cri, FeatureGate, PauseImageFlag, PerPatch, PodProbes, Stage};
use super::super::minor::Minor;

pub(super) const fn gate(name: &'static str, default: bool, stage: Stage) -> FeatureGate {
    FeatureGate { name, default, stage }
}

pub(super) const LIVEZ: PodProbes = PodProbes { live: "/livez", ready: Some("/readyz"), startup: "/livez" };
pub(super) const HEALTHZ: PodProbes = PodProbes { live: "/healthz", ready: None, startup: "/healthz" };
pub(super) const MASTER: &str = "node-role.kubernetes.io/master";
pub(super) const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";
pub(super) const EXCLUDE_FROM_LB: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

pub(super) const V1_20: Minor = Minor {
    minor: 20,
    // apis/kubeadm/v1beta2/defaults.go, constants/constants.go, constants/constants_unix.go, images/images.go.
    image_repository: PerPatch(&[(0, "k8s.gcr.io")]),
    etcd_tag: PerPatch(&[(0, "3.4.13-0")]),
    coredns_tag: PerPatch(&[(0, "1.7.0")]),
    coredns_subpath: false,
    pause_tag: "3.2",
    images_dns_before_pause: false,
    // apis/kubeadm/scheme/scheme.go, apis/kubeadm/types.go, phases/controlplane/manifests.go.
    api_version: V1Beta2,
    api_versions_read: &[V1Beta1, V1Beta2],
    cluster_status: true,
    uploads_authorization_mode: true,
    etcd_http_endpoints: false,
    plan_etcd_upgrade: false,
    // features/features.go.
    feature_gates: &[gate("IPv6DualStack", false, Stage::Alpha), gate("PublicKeysECDSA", false, Stage::Alpha)],
    // phases/certs/certlist.go, util/pkiutil/pki_helpers.go; client-go release-1.20 util/cert/cert.go.
    super_admin_conf: false,
    clients_in_system_masters: true,
    kubelet_api_binding: false,
    ca_dns_name: false,
    leaf_basic_constraints: false,
    certificate_backdate_minutes: 0,
    leaf_starts_with_ca: true,
    ecdsa_p384: false,
    // phases/markcontrolplane/markcontrolplane.go, util/config/initconfiguration.go.
    control_plane_labels: &[MASTER, CONTROL_PLANE],
    control_plane_taints: &[MASTER],
    // phases/kubelet/config.go, phases/kubelet/flags.go, componentconfigs/kubelet.go, constants/constants.go.
    kubelet_config_has_minor: true,
    cri: Cri::Dockershim,
    // kubernetes release-1.20 pkg/credentialprovider/aws/aws_credentials.go.
    kubelet_asks_aws: true,
    default_cri_socket: "/var/run/dockershim.sock",
    cri_socket_scheme: false,
    pause_image_flag: PauseImageFlag::Docker,
    default_cgroup_driver: None,
    uploads_resolv_conf: true,
    kubelet_instance_config: false,
    kubelet_local_api_server: false,
    kubelet_skew: 1,
    // util/staticpod/utils.go, util/arguments.go, phases/controlplane/manifests.go, phases/etcd/local.go.
    null_creation_timestamp: true,
    pod_priority: None,
    seccomp_runtime_default: false,
    sorts_extra_args: true,
    named_probe_port: false,
    api_server_probes: LIVEZ,
    controller_manager_probes: HEALTHZ,
    scheduler_probes: HEALTHZ,
    etcd_probes: PodProbes { live: "/health", ready: None, startup: "/health" },
    api_server_insecure_port_flag: true,
    component_port_flag: true,
    etcd_args: &[],
    etcd_requests: &[("memory", "100Mi"), ("ephemeral-storage", "100Mi")],
    etcd_upgrades_from: None,
    etcd_learner: false,
    // phases/controlplane/volumes.go.
    flexvolume_mount: true,
    ca_certificate_dirs: &[
        "/etc/pki",
        "/usr/share/ca-certificates",
        "/usr/local/share/ca-certificates",
        "/etc/ca-certificates",
    ],
    // componentconfigs/kubeproxy.go.
    proxy_mode: "",
};
