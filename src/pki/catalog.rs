//! The certificates and kubeconfigs of a control plane, as tables.
//!
//! The names are those of kubeadm's sub-phases (`init phase certs NAME`) and of `certs renew NAME`.
//! What differs between minors is a rule here and its answer in the table of minors.

use super::error::PkiError;
use super::subject::Subject;
use crate::base::suggest::similar;
use crate::config::model::{ClusterConfig, Etcd};
use crate::versions::Minor;

/// The group that may do everything and that no RBAC rule can restrain.
pub const SYSTEM_MASTERS: &str = "system:masters";
/// The group of administrators, bound by a `ClusterRoleBinding` that can be taken away.
pub const CLUSTER_ADMINS: &str = "kubeadm:cluster-admins";
/// The group of kubelets.
pub const NODES: &str = "system:nodes";

/// One certificate with its key in the certificates folder.
#[derive(Debug)]
pub struct CertSpec {
    /// kubeadm's name of the sub-phase.
    pub name: &'static str,
    /// The file below the certificates folder, without `.crt` and `.key`.
    pub base: &'static str,
    /// The name of the CA that signs it; None for a CA, which signs itself.
    pub ca: Option<&'static str>,
    /// What it is, as a noun phrase for help texts.
    pub what: &'static str,
    /// Whom it stands for.
    pub user: User,
    /// The groups it is in.
    pub groups: Groups,
    /// What it may be used for; empty for a CA.
    pub usages: &'static [Usage],
    /// Which names and addresses it is valid for.
    pub sans: SanRule,
}

/// One kubeconfig with its client certificate, signed by the CA named `ca`.
#[derive(Debug)]
pub struct KubeconfigSpec {
    /// kubeadm's name of the sub-phase.
    pub name: &'static str,
    /// The file below the kubeconfig folder; also its name for `certs renew`.
    pub file: &'static str,
    /// What it is, as a noun phrase for help texts.
    pub what: &'static str,
    /// Whom it stands for.
    pub user: User,
    /// The groups it is in.
    pub groups: Groups,
    /// Which API server it points to.
    pub server: Server,
}

/// Whom a certificate stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// A fixed name.
    Named(&'static str),
    /// The node's name.
    NodeName,
    /// `system:node:` and the node's name.
    Kubelet,
}

/// The groups a certificate is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// None.
    None,
    /// [`SYSTEM_MASTERS`] in every minor.
    SystemMasters,
    /// [`NODES`].
    Nodes,
    /// [`SYSTEM_MASTERS`] until admins got a group of their own, then [`CLUSTER_ADMINS`].
    Admins,
    /// [`SYSTEM_MASTERS`] in old minors, then none: etcd does not look at groups.
    MastersOnce,
    /// [`SYSTEM_MASTERS`], then [`CLUSTER_ADMINS`], and none since a `ClusterRoleBinding` names the user.
    KubeletApi,
}

/// What a certificate may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// To prove that this is the client.
    Client,
    /// To prove that this is the server.
    Server,
}

/// Which names and addresses a certificate is valid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SanRule {
    /// None: it is never looked up by name.
    None,
    /// A CA's own name, in minors that add it.
    OwnName,
    /// Everything under which the API server is called.
    ApiServer,
    /// Everything under which etcd is called by its clients.
    EtcdServer,
    /// Everything under which etcd is called by its peers.
    EtcdPeer,
}

/// Which API server a kubeconfig points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// The shared endpoint, when there is one.
    Shared,
    /// The one on this host: a component must not depend on one of another version.
    Local,
    /// The shared one in old minors, the local one since `ControlPlaneKubeletLocalMode`.
    Kubelet,
}

/// Every certificate, a CA always before what it signs.
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
        // etcd's gateway is a client of etcd itself and shows the same certificate:
        // https://github.com/etcd-io/etcd/issues/9785.
        usages: &[Usage::Server, Usage::Client],
        sans: SanRule::EtcdServer,
    },
    CertSpec {
        name: "etcd-peer",
        base: "etcd/peer",
        ca: Some("etcd-ca"),
        what: "the certificate with which etcd members talk to each other",
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

/// The sub-phase that makes the service-account key pair: no certificate, and so no row.
pub const SERVICE_ACCOUNT: &str = "sa";
/// What the `sa` sub-phase makes, as a noun phrase for help texts.
pub const SERVICE_ACCOUNT_WHAT: &str = "the key pair with which service-account tokens are signed and checked";
const SUPER_ADMIN: &str = "super-admin";

/// The certificate of this name.
///
/// # Errors
/// When there is none; the error knows the nearest name.
pub fn cert(name: &str) -> Result<&'static CertSpec, PkiError> {
    CERTS.iter().find(|spec| spec.name == name).ok_or_else(|| PkiError::UnknownName {
        name: name.into(),
        nearest: similar(name, CERTS.iter().map(|spec| spec.name)),
    })
}

/// The kubeconfig of this sub-phase or file name.
///
/// # Errors
/// When there is none; the error knows the nearest name.
pub fn kubeconfig(name: &str) -> Result<&'static KubeconfigSpec, PkiError> {
    KUBECONFIGS.iter().find(|spec| spec.name == name || spec.file == name).ok_or_else(|| PkiError::UnknownName {
        name: name.into(),
        nearest: similar(name, KUBECONFIGS.iter().flat_map(|spec| [spec.name, spec.file])),
    })
}

/// The certificates that a control plane of this cluster has: those of etcd only where it runs its own.
pub fn certs_of(cluster: &ClusterConfig) -> impl Iterator<Item = &'static CertSpec> + use<> {
    let local = matches!(cluster.etcd, Etcd::Local(_));
    CERTS.iter().filter(move |spec| local || !spec.belongs_to_etcd())
}

/// The kubeconfigs that a first control plane of this minor has.
pub fn kubeconfigs_of(minor: &Minor) -> impl Iterator<Item = &'static KubeconfigSpec> + use<> {
    let super_admin = minor.super_admin_conf;
    KUBECONFIGS.iter().filter(move |spec| super_admin || spec.name != SUPER_ADMIN)
}

/// How many keys a first control plane of this cluster needs: what a key pool is told.
pub fn key_count(cluster: &ClusterConfig, minor: &Minor) -> usize {
    certs_of(cluster).count() + kubeconfigs_of(minor).count() + 1
}

impl CertSpec {
    /// True for what only a cluster with its own etcd has.
    pub fn belongs_to_etcd(&self) -> bool {
        self.name == "etcd-ca" || self.ca == Some("etcd-ca")
    }

    /// True when it is a CA.
    pub fn is_ca(&self) -> bool {
        self.ca.is_none()
    }

    /// Whom it stands for in this minor, on the node of this name.
    pub fn subject(&self, minor: &Minor, node: &str) -> Subject {
        Subject::new(self.user.name(node), self.groups.of(minor))
    }
}

impl KubeconfigSpec {
    /// Whom it stands for in this minor, on the node of this name.
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
