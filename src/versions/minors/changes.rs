//! The changes of each minor version since v1.21. `minors` explains how sources are given.

use super::super::api_version::ApiVersion::{V1Beta2, V1Beta3, V1Beta4};
use super::super::fact::Stage::{Alpha, Beta, Deprecated, Ga};
use super::super::fact::{Cri, PauseImageFlag, PerPatch, PodProbes};
use super::super::minor::Minor;
use super::first::{CONTROL_PLANE, EXCLUDE_FROM_LB, LIVEZ, MASTER, V1_20, gate};

pub(super) const V1_21: Minor = Minor {
    minor: 21,
    coredns_tag: PerPatch(&[(0, "v1.8.0")]),
    // #102502: v1.21.0 and v1.21.1 used the sub-directory in every registry, a mistake that is not repeated here.
    coredns_subpath: true,
    pause_tag: "3.4.1",
    // #99294.
    feature_gates: &[gate("IPv6DualStack", true, Beta), gate("PublicKeysECDSA", false, Alpha)],
    // util/pkiutil/pki_helpers.go, #97266.
    leaf_basic_constraints: true,
    // #98269.
    control_plane_labels: &[MASTER, CONTROL_PLANE, EXCLUDE_FROM_LB],
    // #99476.
    pause_image_flag: PauseImageFlag::Every,
    // #99471 on init; v1.22 adds join and upgrade (#102133).
    default_cgroup_driver: Some("systemd"),
    ..V1_20
};

pub(super) const V1_22: Minor = Minor {
    minor: 22,
    // #113388.
    image_repository: PerPatch(&[(0, "k8s.gcr.io"), (17, "registry.k8s.io")]),
    etcd_tag: PerPatch(&[(0, "3.5.0-0"), (17, "3.5.6-0")]),
    coredns_tag: PerPatch(&[(0, "v1.8.4")]),
    pause_tag: "3.5",
    // #101129; ClusterStatus went with it.
    api_version: V1Beta3,
    api_versions_read: &[V1Beta2, V1Beta3],
    cluster_status: false,
    // features/features.go, #102158.
    feature_gates: &[
        gate("IPv6DualStack", true, Beta),
        gate("PublicKeysECDSA", false, Alpha),
        gate("RootlessControlPlane", false, Alpha),
    ],
    // client-go release-1.22 util/cert/cert.go.
    ca_dns_name: true,
    // util/staticpod/utils.go, #100234.
    seccomp_runtime_default: true,
    // phases/controlplane/manifests.go, #102121.
    api_server_insecure_port_flag: false,
    // phases/etcd/local.go, #102673.
    etcd_requests: &[("memory", "100Mi")],
    ..V1_21
};

pub(super) const V1_23: Minor = Minor {
    minor: 23,
    // #113393, CHANGELOG-1.23.md at v1.23.15.
    image_repository: PerPatch(&[(0, "k8s.gcr.io"), (15, "registry.k8s.io")]),
    etcd_tag: PerPatch(&[(0, "3.5.1-0"), (14, "3.5.5-0"), (15, "3.5.6-0")]),
    coredns_tag: PerPatch(&[(0, "v1.8.6")]),
    pause_tag: "3.6",
    // #105741; #106648 says that IPv6DualStack is locked since v1.23.
    feature_gates: &[
        gate("IPv6DualStack", true, Ga),
        gate("PublicKeysECDSA", false, Alpha),
        gate("RootlessControlPlane", false, Alpha),
        gate("UnversionedKubeletConfigMap", false, Alpha),
    ],
    // #104157, #105034.
    component_port_flag: false,
    ..V1_22
};

pub(super) const V1_24: Minor = Minor {
    minor: 24,
    // #113395.
    image_repository: PerPatch(&[(0, "k8s.gcr.io"), (9, "registry.k8s.io")]),
    etcd_tag: PerPatch(&[(0, "3.5.3-0"), (8, "3.5.5-0"), (9, "3.5.6-0")]),
    pause_tag: "3.7",
    // #106648, #108027.
    feature_gates: &[
        gate("PublicKeysECDSA", false, Alpha),
        gate("RootlessControlPlane", false, Alpha),
        gate("UnversionedKubeletConfigMap", true, Beta),
    ],
    kubelet_config_has_minor: false,
    // #107533, the second stage of the renaming.
    control_plane_labels: &[CONTROL_PLANE, EXCLUDE_FROM_LB],
    control_plane_taints: &[MASTER, CONTROL_PLANE],
    // #106973, #107317, #107295.
    cri: Cri::RemoteFlag,
    default_cri_socket: "unix:///var/run/containerd/containerd.sock",
    cri_socket_scheme: true,
    // #109074.
    etcd_args: &[("experimental-initial-corrupt-check", "true")],
    ..V1_23
};

pub(super) const V1_25: Minor = Minor {
    minor: 25,
    // #109938.
    image_repository: PerPatch(&[(0, "registry.k8s.io")]),
    etcd_tag: PerPatch(&[(0, "3.5.4-0"), (4, "3.5.5-0"), (5, "3.5.6-0"), (15, "3.5.9-0")]),
    coredns_tag: PerPatch(&[(0, "v1.9.3")]),
    pause_tag: "3.8",
    // #110327.
    feature_gates: &[
        gate("PublicKeysECDSA", false, Alpha),
        gate("RootlessControlPlane", false, Alpha),
        gate("UnversionedKubeletConfigMap", true, Ga),
    ],
    // #110095.
    control_plane_taints: &[CONTROL_PLANE],
    // #110072, #110744.
    etcd_probes: PodProbes {
        live: "/health?exclude=NOSPACE&serializable=true",
        ready: None,
        startup: "/health?serializable=false",
    },
    // #111383.
    etcd_args: &[("experimental-initial-corrupt-check", "true"), ("experimental-watch-progress-notify-interval", "5s")],
    ..V1_24
};

pub(super) const V1_26: Minor = Minor {
    minor: 26,
    etcd_tag: PerPatch(&[(0, "3.5.6-0"), (10, "3.5.9-0"), (13, "3.5.10-0")]),
    pause_tag: "3.9",
    // #113448.
    feature_gates: &[gate("PublicKeysECDSA", false, Alpha), gate("RootlessControlPlane", false, Alpha)],
    // #112000.
    cri: Cri::EndpointOnly,
    ..V1_25
};

pub(super) const V1_27: Minor = Minor {
    minor: 27,
    etcd_tag: PerPatch(&[(0, "3.5.7-0"), (7, "3.5.9-0"), (10, "3.5.10-0"), (12, "3.5.12-0")]),
    coredns_tag: PerPatch(&[(0, "v1.10.1")]),
    // #114540.
    api_versions_read: &[V1Beta3],
    // #113318.
    feature_gates: &[
        gate("EtcdLearnerMode", false, Alpha),
        gate("PublicKeysECDSA", false, Alpha),
        gate("RootlessControlPlane", false, Alpha),
    ],
    // #116329.
    kubelet_asks_aws: false,
    // #114338.
    pod_priority: Some(2_000_001_000),
    ..V1_26
};

pub(super) const V1_28: Minor = Minor {
    minor: 28,
    etcd_tag: PerPatch(&[(0, "3.5.9-0"), (6, "3.5.10-0"), (8, "3.5.12-0"), (14, "3.5.15-0")]),
    // #117660.
    feature_gates: &[
        gate("EtcdLearnerMode", false, Alpha),
        gate("PublicKeysECDSA", false, Alpha),
        gate("RootlessControlPlane", false, Alpha),
        gate("UpgradeAddonsBeforeControlPlane", false, Deprecated),
    ],
    // #118922.
    certificate_backdate_minutes: 5,
    ..V1_27
};

pub(super) const V1_29: Minor = Minor {
    minor: 29,
    etcd_tag: PerPatch(&[(0, "3.5.10-0"), (3, "3.5.12-0"), (9, "3.5.15-0"), (11, "3.5.16-0")]),
    coredns_tag: PerPatch(&[(0, "v1.11.1")]),
    // #114534.
    images_dns_before_pause: true,
    // #120228.
    feature_gates: &[
        gate("EtcdLearnerMode", true, Beta),
        gate("PublicKeysECDSA", false, Alpha),
        gate("RootlessControlPlane", false, Alpha),
        gate("UpgradeAddonsBeforeControlPlane", false, Deprecated),
    ],
    etcd_learner: true,
    // #121305; #119859, #120521, #121837.
    super_admin_conf: true,
    clients_in_system_masters: false,
    // #120825.
    kubelet_skew: 3,
    ..V1_28
};

pub(super) const V1_30: Minor = Minor {
    minor: 30,
    etcd_tag: PerPatch(&[(0, "3.5.12-0"), (5, "3.5.15-0")]),
    coredns_tag: PerPatch(&[(0, "v1.11.1"), (5, "v1.11.3")]),
    // #123555.
    uploads_authorization_mode: false,
    // CHANGELOG-1.30.md on WaitForAllControlPlaneComponents.
    feature_gates: &[
        gate("EtcdLearnerMode", true, Beta),
        gate("PublicKeysECDSA", false, Alpha),
        gate("RootlessControlPlane", false, Alpha),
        gate("UpgradeAddonsBeforeControlPlane", false, Deprecated),
        gate("WaitForAllControlPlaneComponents", false, Alpha),
    ],
    ..V1_29
};

pub(super) const V1_31: Minor = Minor {
    minor: 31,
    etcd_tag: PerPatch(&[(0, "3.5.15-0"), (14, "3.5.24-0")]),
    coredns_tag: PerPatch(&[(0, "v1.11.1"), (1, "v1.11.3")]),
    pause_tag: "3.10",
    // #125029.
    api_version: V1Beta4,
    api_versions_read: &[V1Beta3, V1Beta4],
    // features/features.go.
    feature_gates: &[
        gate("ControlPlaneKubeletLocalMode", false, Alpha),
        gate("EtcdLearnerMode", true, Beta),
        gate("PublicKeysECDSA", false, Deprecated),
        gate("RootlessControlPlane", false, Alpha),
        gate("WaitForAllControlPlaneComponents", false, Alpha),
    ],
    // phases/certs/certlist.go, util/pkiutil/pki_helpers.go.
    leaf_starts_with_ca: false,
    // #124038.
    uploads_resolv_conf: false,
    // phases/etcd/local.go, #124465.
    etcd_probes: PodProbes { live: "/livez", ready: Some("/readyz"), startup: "/readyz" },
    // phases/controlplane/volumes.go.
    ca_certificate_dirs: &[
        "/etc/pki/ca-trust",
        "/etc/pki/tls/certs",
        "/etc/ca-certificates",
        "/usr/share/ca-certificates",
        "/usr/local/share/ca-certificates",
    ],
    ..V1_30
};

pub(super) const V1_32: Minor = Minor {
    minor: 32,
    etcd_tag: PerPatch(&[(0, "3.5.16-0"), (10, "3.5.24-0")]),
    coredns_tag: PerPatch(&[(0, "v1.11.3")]),
    // features/features.go.
    feature_gates: &[
        gate("ControlPlaneKubeletLocalMode", false, Alpha),
        gate("EtcdLearnerMode", true, Ga),
        gate("NodeLocalCRISocket", false, Alpha),
        gate("PublicKeysECDSA", false, Deprecated),
        gate("RootlessControlPlane", false, Alpha),
        gate("WaitForAllControlPlaneComponents", false, Alpha),
    ],
    // util/arguments.go, #135400.
    sorts_extra_args: false,
    // phases/controlplane/manifests.go.
    scheduler_probes: LIVEZ,
    ..V1_31
};

pub(super) const V1_33: Minor = Minor {
    minor: 33,
    etcd_tag: PerPatch(&[(0, "3.5.21-0"), (6, "3.5.24-0")]),
    coredns_tag: PerPatch(&[(0, "v1.12.0")]),
    // apis/kubeadm/v1beta4/types.go, #130023.
    plan_etcd_upgrade: true,
    // features/features.go.
    feature_gates: &[
        gate("ControlPlaneKubeletLocalMode", true, Beta),
        gate("NodeLocalCRISocket", false, Alpha),
        gate("PublicKeysECDSA", false, Deprecated),
        gate("RootlessControlPlane", false, Alpha),
        gate("WaitForAllControlPlaneComponents", true, Beta),
    ],
    kubelet_local_api_server: true,
    // phases/certs/certlist.go, phases/bootstraptoken/node/tlsbootstrap.go, #138957.
    kubelet_api_binding: true,
    ..V1_32
};

pub(super) const V1_34: Minor = Minor {
    minor: 34,
    etcd_tag: PerPatch(&[(0, "3.6.4-0"), (2, "3.6.5-0")]),
    coredns_tag: PerPatch(&[(0, "v1.12.1")]),
    pause_tag: "3.10.1",
    // features/features.go.
    feature_gates: &[
        gate("ControlPlaneKubeletLocalMode", true, Beta),
        gate("NodeLocalCRISocket", true, Beta),
        gate("PublicKeysECDSA", false, Deprecated),
        gate("RootlessControlPlane", false, Alpha),
        gate("WaitForAllControlPlaneComponents", true, Ga),
    ],
    // #131981.
    kubelet_instance_config: true,
    // apis/kubeadm/v1beta4/types.go, #131677.
    ecdsa_p384: true,
    // ObjectMeta in k8s.io/apimachinery v0.34, pkg/apis/meta/v1/types.go.
    null_creation_timestamp: false,
    // phases/controlplane/manifests.go, #132776; phases/etcd/local.go, #132838.
    named_probe_port: true,
    etcd_args: &[("feature-gates", "InitialCorruptCheck=true"), ("watch-progress-notify-interval", "5s")],
    // The guide (https://etcd.io/docs/v3.6/upgrades/upgrade_3_6/) asks for 3.5.20, but members that were removed long ago
    // can still come back before 3.5.26: https://github.com/etcd-io/etcd/issues/20967.
    etcd_upgrades_from: Some("3.5.26"),
    ..V1_33
};

pub(super) const V1_35: Minor = Minor {
    minor: 35,
    etcd_tag: PerPatch(&[(0, "3.6.6-0")]),
    coredns_tag: PerPatch(&[(0, "v1.13.1")]),
    // apis/kubeadm/v1beta4/defaults.go, #134890.
    etcd_http_endpoints: true,
    // features/features.go.
    feature_gates: &[
        gate("ControlPlaneKubeletLocalMode", true, Ga),
        gate("NodeLocalCRISocket", true, Beta),
        gate("PublicKeysECDSA", false, Deprecated),
        gate("RootlessControlPlane", false, Alpha),
    ],
    // phases/kubelet/flags.go, #133779.
    pause_image_flag: PauseImageFlag::Never,
    ..V1_34
};

pub(super) const V1_36: Minor = Minor {
    minor: 36,
    etcd_tag: PerPatch(&[(0, "3.6.8-0")]),
    coredns_tag: PerPatch(&[(0, "v1.14.2")]),
    pause_tag: "3.10.2",
    // features/features.go.
    feature_gates: &[
        gate("NodeLocalCRISocket", true, Ga),
        gate("PublicKeysECDSA", false, Deprecated),
        gate("RootlessControlPlane", false, Alpha),
    ],
    // phases/controlplane/volumes.go, #136423.
    flexvolume_mount: false,
    ..V1_35
};

pub(super) const V1_37: Minor = Minor {
    minor: 37,
    // #140333, #140497.
    etcd_tag: PerPatch(&[(0, "3.7.0-0")]),
    coredns_tag: PerPatch(&[(0, "v1.14.6")]),
    // #136016.
    api_versions_read: &[V1Beta4],
    // #136016, #138645.
    feature_gates: &[gate("RootlessControlPlane", false, Alpha)],
    // https://etcd.io/docs/v3.7/upgrades/upgrade_3_7/.
    etcd_upgrades_from: Some("3.6.11"),
    // #139777.
    proxy_mode: "iptables",
    ..V1_36
};
