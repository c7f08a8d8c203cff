//! The kinds of documents in a configuration file.

use super::shape::{Object, Type, field};
use super::{cluster, hosts, node, tasks};
use crate::versions::ApiVersion;

/// The header of a component's own configuration.
static COMPONENT: Object = Object { fields: &[field("apiVersion", Type::Text), field("kind", Type::Text)], open: true };

/// The kind of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The settings of `init` for this host.
    Init,
    /// The cluster as a whole.
    Cluster,
    /// API endpoints; written by kubeadm before v1.22, read and ignored.
    ClusterStatus,
    /// The settings of `join` for this host.
    Join,
    Reset,
    Upgrade,
    Kubelet,
    KubeProxy,
    /// The hosts of a cluster: kubewright's own kind.
    Hosts,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Init,
        Self::Cluster,
        Self::ClusterStatus,
        Self::Join,
        Self::Reset,
        Self::Upgrade,
        Self::Kubelet,
        Self::KubeProxy,
        Self::Hosts,
    ];

    /// The name in a document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "InitConfiguration",
            Self::Cluster => "ClusterConfiguration",
            Self::ClusterStatus => "ClusterStatus",
            Self::Join => "JoinConfiguration",
            Self::Reset => "ResetConfiguration",
            Self::Upgrade => "UpgradeConfiguration",
            Self::Kubelet => "KubeletConfiguration",
            Self::KubeProxy => "KubeProxyConfiguration",
            Self::Hosts => "Cluster",
        }
    }

    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The `apiVersion` of a component configuration; None for other kinds.
    pub fn component_api(self) -> Option<&'static str> {
        match self {
            Self::Kubelet => Some("kubelet.config.k8s.io/v1beta1"),
            Self::KubeProxy => Some("kubeproxy.config.k8s.io/v1alpha1"),
            _ => None,
        }
    }

    /// The only `apiVersion` of a kind that is not kubeadm's; None for kubeadm's kinds.
    pub fn fixed_api(self) -> Option<&'static str> {
        if self == Self::Hosts { Some(hosts::API) } else { self.component_api() }
    }

    /// The first and last version of kubeadm's API that has it.
    pub fn versions(self) -> (ApiVersion, ApiVersion) {
        match self {
            Self::ClusterStatus => (ApiVersion::V1Beta1, ApiVersion::V1Beta2),
            Self::Reset | Self::Upgrade => (ApiVersion::V1Beta4, ApiVersion::V1Beta4),
            _ => (ApiVersion::V1Beta1, ApiVersion::V1Beta4),
        }
    }

    pub(super) fn object(self) -> &'static Object {
        match self {
            Self::Init => &node::INIT,
            Self::Cluster => &cluster::CLUSTER,
            Self::ClusterStatus => &cluster::CLUSTER_STATUS,
            Self::Join => &node::JOIN,
            Self::Reset => &tasks::RESET,
            Self::Upgrade => &tasks::UPGRADE,
            Self::Hosts => &hosts::HOSTS,
            // Their fields depend on the Kubernetes minor, and are checked where that is known.
            Self::Kubelet | Self::KubeProxy => &COMPONENT,
        }
    }
}
