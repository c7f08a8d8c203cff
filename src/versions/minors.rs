//! The table: v1.20 in full, and each later minor version in `changes` as its changes.
//!
//! A comment above facts gives their source: a file in `cmd/kubeadm/app/` of kubernetes/kubernetes at a release of that
//! minor version, or a pull request (#N) of that repository named in its release notes. The image tags of all patch
//! releases are from `pkg/minikube/constants/constants_kubeadm_images.go` in kubernetes/minikube, which records the
//! output of `kubeadm config images list` for each release. A fact that differs between patch releases and is not a
//! `PerPatch` is that of the newest. `UNCONFIRMED` lists facts without a source.

mod changes;

use super::api_version::ApiVersion::{V1Beta1, V1Beta2};
use super::fact::{Cri, FeatureGate, PauseImageFlag, PerPatch, PodProbes, Stage};
use super::table::Minor;
use changes::{
    V1_21, V1_22, V1_23, V1_24, V1_25, V1_26, V1_27, V1_28, V1_29, V1_30, V1_31, V1_32, V1_33, V1_34, V1_35, V1_36,
    V1_37,
};

/// All minor versions, oldest first.
pub(super) static ALL: &[Minor] = &[
    V1_20, V1_21, V1_22, V1_23, V1_24, V1_25, V1_26, V1_27, V1_28, V1_29, V1_30, V1_31, V1_32, V1_33, V1_34, V1_35,
    V1_36, V1_37,
];

/// The newest minor version.
pub(super) static NEWEST: Minor = V1_37;

/// Facts whose minor version could not be confirmed with a source of that version: the field, the minor version in
/// which it is assumed to have changed, and what is known. Included in docs/versions.md.
pub(super) static UNCONFIRMED: &[(&str, u16, &str)] = &[
    ("leaf_basic_constraints", 21, "absent in v1.20, present in v1.22; came with certificate chains, v1.21 (#97266)"),
    ("images_dns_before_pause", 29, "last in v1.28.4, before pause in v1.31; reviewed in October 2023 (#114534)"),
    ("leaf_starts_with_ca", 31, "true in v1.22, false in v1.31, where validity periods came with v1beta4"),
    ("sorts_extra_args", 32, "true in v1.31.14, false in the last patches of v1.32 to v1.35 and in v1.36"),
    ("kubelet_api_binding", 33, "brought to v1.33, v1.34, v1.35 and v1.36 by patch releases of May 2026 (#138957)"),
    ("etcd_args", 37, "v1.36's are assumed for v1.37: etcd 3.7 keeps both flags"),
];

const fn gate(name: &'static str, default: bool, stage: Stage) -> FeatureGate {
    FeatureGate { name, default, stage }
}

const LIVEZ: PodProbes = PodProbes { live: "/livez", ready: Some("/readyz"), startup: "/livez" };
const HEALTHZ: PodProbes = PodProbes { live: "/healthz", ready: None, startup: "/healthz" };
const MASTER: &str = "node-role.kubernetes.io/master";
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";
const EXCLUDE_FROM_LB: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

const V1_20: Minor = Minor {
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
