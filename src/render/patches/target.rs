//! What a patch is for, and how it is written.

use std::fmt;

/// What a patch applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The static Pod of etcd.
    Etcd,
    /// The static Pod of kube-apiserver.
    KubeApiserver,
    /// The static Pod of kube-controller-manager.
    KubeControllerManager,
    /// The static Pod of kube-scheduler.
    KubeScheduler,
    /// This host's kubelet configuration.
    KubeletConfiguration,
    /// The Deployment of CoreDNS.
    CorednsDeployment,
}

impl Target {
    /// All targets with their names in file names.
    pub(super) const ALL: [(Self, &'static str); 6] = [
        (Self::Etcd, "etcd"),
        (Self::KubeApiserver, "kube-apiserver"),
        (Self::KubeControllerManager, "kube-controller-manager"),
        (Self::KubeScheduler, "kube-scheduler"),
        (Self::KubeletConfiguration, "kubeletconfiguration"),
        (Self::CorednsDeployment, "corednsdeployment"),
    ];

    pub(super) fn names() -> [&'static str; 6] {
        Self::ALL.map(|(_, name)| name)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(target, _)| target == self).map_or("", |(_, name)| name))
    }
}

/// How a patch is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatchType {
    /// A list of operations (RFC 6902).
    Json,
    /// A document merged into another (RFC 7396).
    Merge,
    /// Like `Merge`, but merges lists by key; the default.
    Strategic,
}

impl PatchType {
    pub(super) const ALL: [(Self, &'static str); 3] =
        [(Self::Json, "json"), (Self::Merge, "merge"), (Self::Strategic, "strategic")];
}

impl fmt::Display for PatchType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name))
    }
}
