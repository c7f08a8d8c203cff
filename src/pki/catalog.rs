//! The certificates and kubeconfigs of a control plane, as tables.
//!
//! The names are those of kubeadm's sub-phases (`init phase certs NAME`) and of `certs renew NAME`. What differs
//! between minor versions is a rule here; the `versions` table resolves it.

use super::error::PkiError;
use super::subject::Subject;
use crate::base::suggest::similar;
use crate::config::model::{ClusterConfig, Etcd};
use crate::versions::Minor;

/// The group with unrestricted access, which RBAC cannot limit.
pub const SYSTEM_MASTERS: &str = "system:masters";
/// The group of administrators, bound by a `ClusterRoleBinding` that can be deleted.
pub const CLUSTER_ADMINS: &str = "kubeadm:cluster-admins";
pub const NODES: &str = "system:nodes";

/// A certificate and its key in the certificates directory.
#[derive(Debug)]
pub struct CertSpec {
    /// The name of kubeadm's sub-phase.
    pub name: &'static str,
    /// The file below the certificates directory, without `.crt` and `.key`.
    pub base: &'static str,
    /// The name of the CA that signs it; None for a self-signed CA.
    pub ca: Option<&'static str>,
    /// A noun phrase for help texts.
    pub what: &'static str,
    pub user: User,
    pub groups: Groups,
    /// Extended key usages; empty for a CA.
    pub usages: &'static [Usage],
    pub sans: SanRule,
}

/// A kubeconfig with its client certificate, signed by the CA named `ca`.
#[derive(Debug)]
pub struct KubeconfigSpec {
    /// The name of kubeadm's sub-phase.
    pub name: &'static str,
    /// The file below the kubeconfig directory; also its name for `certs renew`.
    pub file: &'static str,
    /// A noun phrase for help texts.
    pub what: &'static str,
    pub user: User,
    pub groups: Groups,
    pub server: Server,
}

/// The common name (CN) of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    Named(&'static str),
    /// The node's name.
    NodeName,
    /// `system:node:` followed by the node's name.
    Kubelet,
}

/// The groups (O) in a certificate's subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    None,
    /// [`SYSTEM_MASTERS`] in every minor version.
    SystemMasters,
    /// [`NODES`].
    Nodes,
    /// [`SYSTEM_MASTERS`] before the separate group of administrators existed, then [`CLUSTER_ADMINS`].
    Admins,
    /// [`SYSTEM_MASTERS`] in old minor versions, then none: etcd ignores groups.
    MastersOnce,
    /// [`SYSTEM_MASTERS`], then [`CLUSTER_ADMINS`], and none where a `ClusterRoleBinding` names the user.
    KubeletApi,
}

/// The extended key usage of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Client authentication.
    Client,
    /// Server authentication.
    Server,
}

/// The SANs of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SanRule {
    /// None: clients never verify it by name.
    None,
    /// The CA's own name, in minor versions that add it.
    OwnName,
    /// Every name and address of the API server.
    ApiServer,
    /// Every name and address that etcd's clients use.
    EtcdServer,
    /// Every name and address that etcd's peers use.
    EtcdPeer,
}

/// The API server that a kubeconfig points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// The control plane endpoint, if there is one.
    Shared,
    /// The API server of this host: a component must not depend on one of another version.
    Local,
    /// The shared endpoint in old minor versions, the local API server with `ControlPlaneKubeletLocalMode`.
    Kubelet,
}

/// Every certificate, each CA before the certificates that it signs.
pub const CERTS: &[CertSpec] = &[
    CertSpec {
        name: "ca",
        base: "ca",
        ca: None,
        what: "the Kubernetes CA, which signs for the API server, its clients and the kubelets",
        user: User::Named("kubernetes"),
        groups: Groups::None,
        usages: &[],
        sans: SanRule::OwnName,
    },
    CertSpec {
        name: "apiserver",
        base: "apiserver",
        ca: Some("ca"),
        what: "the certificate with which the API server serves",
        user: User::Named("kube-apiserver"),
        groups: Groups::None,
        usages: &[Usage::Server],
        sans: SanRule::ApiServer,
    },
    CertSpec {
        name: "apiserver-kubelet-client",
        base: "apiserver-kubelet-client",
        ca: Some("ca"),
        what: "the certificate with which the API server calls kubelets",
        user: User::Named("kube-apiserver-kubelet-client"),
        groups: Groups::KubeletApi,
        usages: &[Usage::Client],
        sans: SanRule::None,
    },
    CertSpec {
        name: "front-proxy-ca",
        base: "front-proxy-ca",
        ca: None,
        what: "the CA for the front proxy, through which the API server calls its extensions",
        user: User::Named("front-proxy-ca"),
        groups: Groups::None,
        usages: &[],
        sans: SanRule::OwnName,
    },
    CertSpec {
        name: "front-proxy-client",
        base: "front-proxy-client",
        ca: Some("front-proxy-ca"),
        what: "the certificate with which the API server calls its extensions",
        user: User::Named("front-proxy-client"),
        groups: Groups::None,
        usages: &[Usage::Client],
        sans: SanRule::None,
    },
    CertSpec {
        name: "etcd-ca",
        base: "etcd/ca",
        ca: None,
        what: "the CA of etcd",
        user: User::Named("etcd-ca"),
        groups: Groups::None,
        usages: &[],
        sans: SanRule::OwnName,
    },
    CertSpec {
        name: "etcd-server",
        base: "etcd/server",
        ca: Some("etcd-ca"),
        what: "the certificate with which etcd serves",
        user: User::NodeName,
        groups: Groups::None,
        // etcd's gateway is a client of etcd itself and presents the same certificate:
        // https://github.com/etcd-io/etcd/issues/9785.
        usages: &[Usage::Server, Usage::Client],
        sans: SanRule::EtcdServer,
    },
    CertSpec {
        name: "etcd-peer",
        base: "etcd/peer",
        ca: Some("etcd-ca"),
        what: "the certificate with which etcd members communicate with each other",
        user: User::NodeName,
        groups: Groups::None,
        usages: &[Usage::Server, Usage::Client],
        sans: SanRule::EtcdPeer,
    },
    CertSpec {
        name: "etcd-healthcheck-client",
        base: "etcd/healthcheck-client",
        ca: Some("etcd-ca"),
        what: "the certificate with which etcd's health is checked",
        user: User::Named("kube-etcd-healthcheck-client"),
        groups: Groups::MastersOnce,
        usages: &[Usage::Client],
        sans: SanRule::None,
    },
    CertSpec {
        name: "apiserver-etcd-client",
        base: "apiserver-etcd-client",
        ca: Some("etcd-ca"),
        what: "the certificate with which the API server calls etcd",
        user: User::Named("kube-apiserver-etcd-client"),
        groups: Groups::MastersOnce,
        usages: &[Usage::Client],
        sans: SanRule::None,
    },
];

/// Every kubeconfig, in the order in which kubeadm writes them.
pub const KUBECONFIGS: &[KubeconfigSpec] = &[
    KubeconfigSpec {
        name: "admin",
        file: "admin.conf",
        what: "the kubeconfig of the administrator and of this tool itself",
        user: User::Named("kubernetes-admin"),
        groups: Groups::Admins,
        server: Server::Shared,
    },
    KubeconfigSpec {
        name: SUPER_ADMIN,
        file: "super-admin.conf",
        what: "the kubeconfig that works even where RBAC is broken",
        user: User::Named("kubernetes-super-admin"),
        groups: Groups::SystemMasters,
        server: Server::Shared,
    },
    KubeconfigSpec {
        name: "kubelet",
        file: "kubelet.conf",
        what: "the kubeconfig with which the first kubelet starts, until it has asked for its own certificate",
        user: User::Kubelet,
        groups: Groups::Nodes,
        server: Server::Kubelet,
    },
    KubeconfigSpec {
        name: "controller-manager",
        file: "controller-manager.conf",
        what: "the kubeconfig of the controller manager",
        user: User::Named("system:kube-controller-manager"),
        groups: Groups::None,
        server: Server::Local,
    },
    KubeconfigSpec {
        name: "scheduler",
        file: "scheduler.conf",
        what: "the kubeconfig of the scheduler",
        user: User::Named("system:kube-scheduler"),
        groups: Groups::None,
        server: Server::Local,
    },
];

/// The sub-phase that generates the service-account key pair, which has no certificate and so no row.
pub const SERVICE_ACCOUNT: &str = "sa";
/// A noun phrase for help texts.
pub const SERVICE_ACCOUNT_WHAT: &str = "the key pair with which service-account tokens are signed and checked";
const SUPER_ADMIN: &str = "super-admin";

pub fn cert(name: &str) -> Result<&'static CertSpec, PkiError> {
    CERTS.iter().find(|spec| spec.name == name).ok_or_else(|| PkiError::UnknownName {
        name: name.into(),
        nearest: similar(name, CERTS.iter().map(|spec| spec.name)),
    })
}

/// The kubeconfig with this sub-phase or file name.
pub fn kubeconfig(name: &str) -> Result<&'static KubeconfigSpec, PkiError> {
    KUBECONFIGS.iter().find(|spec| spec.name == name || spec.file == name).ok_or_else(|| PkiError::UnknownName {
        name: name.into(),
        nearest: similar(name, KUBECONFIGS.iter().flat_map(|spec| [spec.name, spec.file])),
    })
}

/// The certificates of a control plane of this cluster; those of etcd only with stacked etcd.
pub fn certs_of(cluster: &ClusterConfig) -> impl Iterator<Item = &'static CertSpec> + use<> {
    let local = matches!(cluster.etcd, Etcd::Local(_));
    CERTS.iter().filter(move |spec| local || !spec.belongs_to_etcd())
}

/// The kubeconfigs of a first control plane of this minor version.
pub fn kubeconfigs_of(minor: &Minor) -> impl Iterator<Item = &'static KubeconfigSpec> + use<> {
    let super_admin = minor.super_admin_conf;
    KUBECONFIGS.iter().filter(move |spec| super_admin || spec.name != SUPER_ADMIN)
}

/// The number of keys that a first control plane of this cluster needs, for the key pool.
pub fn key_count(cluster: &ClusterConfig, minor: &Minor) -> usize {
    certs_of(cluster).count() + kubeconfigs_of(minor).count() + 1
}

impl CertSpec {
    /// True for what only a cluster with stacked etcd has.
    pub fn belongs_to_etcd(&self) -> bool {
        self.name == "etcd-ca" || self.ca == Some("etcd-ca")
    }

    pub fn is_ca(&self) -> bool {
        self.ca.is_none()
    }

    /// The subject in this minor version, on the node with this name.
    pub fn subject(&self, minor: &Minor, node: &str) -> Subject {
        Subject::new(self.user.name(node), self.groups.of(minor))
    }
}

impl KubeconfigSpec {
    /// The subject in this minor version, on the node with this name.
    pub fn subject(&self, minor: &Minor, node: &str) -> Subject {
        Subject::new(self.user.name(node), self.groups.of(minor))
    }
}

impl User {
    fn name(self, node: &str) -> String {
        match self {
            Self::Named(name) => name.into(),
            Self::NodeName => node.into(),
            Self::Kubelet => format!("system:node:{node}"),
        }
    }
}

impl Groups {
    fn of(self, minor: &Minor) -> &'static [&'static str] {
        let masters_still = minor.clients_in_system_masters;
        match self {
            Self::Nodes => &[NODES],
            Self::SystemMasters => &[SYSTEM_MASTERS],
            Self::Admins => {
                if minor.super_admin_conf {
                    &[CLUSTER_ADMINS]
                } else {
                    &[SYSTEM_MASTERS]
                }
            }
            Self::MastersOnce | Self::KubeletApi if masters_still => &[SYSTEM_MASTERS],
            Self::KubeletApi if !minor.kubelet_api_binding => &[CLUSTER_ADMINS],
            Self::None | Self::MastersOnce | Self::KubeletApi => &[],
        }
    }
}

impl Usage {
    /// Its name in X.509 texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "clientAuth",
            Self::Server => "serverAuth",
        }
    }
}

#[cfg(test)]
mod tests;
