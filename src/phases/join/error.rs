//! Why a host cannot join the cluster that it found.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::config::untrusted::UntrustedError;
use std::path::PathBuf;
use std::time::Duration;

/// See the module's text.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Discovery gave no right to do anything.
    #[error("the discovery file {location} has no credentials, and no token was given")]
    NoCredentials {
        /// The file or address.
        location: String,
    },
    /// There is no CA to trust.
    #[error("neither the discovery file {location} nor the cluster at {server} says which CA to trust")]
    NoCa {
        /// The file or address.
        location: String,
        /// The API server.
        server: String,
    },
    /// An object that every cluster made by kubeadm or kubewright has is not there.
    #[error("the cluster has no {what}")]
    NoConfig {
        /// The object, and the key in it.
        what: String,
    },
    /// A second control plane needs an address that outlives the first.
    #[error(
        "the cluster has no controlPlaneEndpoint: all its nodes know one control plane by its own address, so a second one would not help when that is gone"
    )]
    NoStableEndpoint,
    /// Another host has this name.
    #[error("the cluster has a node {name} already, and it is Ready")]
    NameTaken {
        /// The node's name.
        name: String,
    },
    /// This host is a node of the cluster already.
    #[error("this host is the node {own} of the cluster already, and cannot be {asked} at the same time")]
    OtherName {
        /// The name in its kubelet's certificate.
        own: String,
        /// The name that was asked for.
        asked: String,
        /// How this host leaves the cluster, where nothing can be lost by that.
        leave: String,
    },
    /// The kubelet would go on with another cluster.
    #[error("{} is not of the cluster that was found, and the kubelet would use it", path.display())]
    OtherCluster {
        /// The kubeconfig.
        path: PathBuf,
        /// How this host leaves that cluster, where nothing can be lost by that.
        leave: String,
    },
    /// Control planes share files, and this host does not have them.
    #[error("this host lacks what all control planes share: {}", missing.join(", "))]
    NotShared {
        /// The paths.
        missing: Vec<String>,
    },
    /// The certificates are not stored in the cluster, or no longer.
    #[error("the cluster does not hold the certificates of its control planes; they are removed after two hours")]
    NothingStored,
    /// Some of them are not stored.
    #[error("the stored certificates lack {name}")]
    StoredIncompletely {
        /// The key in the Secret.
        name: String,
    },
    /// A value is not in base64.
    #[error("{name} among the stored certificates cannot be read")]
    StoredBadly {
        /// The key in the Secret.
        name: String,
    },
    /// No member of etcd is known; what the last look found.
    #[error("no etcd member can be found: {0}")]
    NoEtcd(String),
    /// This host reaches no other.
    #[error(
        "this host reaches neither the API server nor any member of etcd any more; its own network is down or cut off: {0}"
    )]
    CutOff(String),
    /// A cluster's document cannot be read.
    #[error("the ClusterStatus in the ConfigMap kube-system/kubeadm-config cannot be read")]
    BadStatus(#[source] UntrustedError),
    /// The kubelet has not got its certificate.
    #[error("the kubelet did not get its certificate within {limit:?}: {why}")]
    NotBootstrapped {
        /// The time that was given.
        limit: Duration,
        /// What is known of the cause.
        why: String,
    },
}

impl Fault for JoinError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoCredentials { .. } | Self::NoCa { .. } | Self::NotShared { .. } => ExitCode::Input,
            Self::NoConfig { .. }
            | Self::NothingStored
            | Self::StoredIncompletely { .. }
            | Self::StoredBadly { .. }
            | Self::NoEtcd(_)
            | Self::CutOff(_)
            | Self::BadStatus(_) => ExitCode::Unreachable,
            Self::NameTaken { .. } | Self::OtherName { .. } | Self::OtherCluster { .. } | Self::NoStableEndpoint => {
                ExitCode::Refused
            }
            Self::NotBootstrapped { .. } => ExitCode::Unhealthy,
        }
    }

    fn hint(&self) -> Option<String> {
        let store = "run 'kubewright init phase upload-certs --upload-certs' on a control plane, and join with the --certificate-key that it prints";
        Some(match self {
            Self::NoCredentials { .. } => "add --tls-bootstrap-token with a token of the cluster".into(),
            Self::NoCa { .. } => "add certificate-authority-data to the discovery file".into(),
            Self::NoConfig { .. } => {
                "run 'kubewright init phase upload-config all' on a control plane to store it again".into()
            }
            Self::NoStableEndpoint => {
                "choose a name or address that can move to another control plane, have it in the names of the API server's certificate, and set it as controlPlaneEndpoint: run 'kubectl -n kube-system edit configmap kubeadm-config'".into()
            }
            Self::NameTaken { name } => format!(
                "give this host another name with --node-name; or, if that node is gone for good, run 'kubewright node remove {name} --dead' on a control plane first"
            ),
            Self::OtherName { own, leave, .. } => {
                format!("join with --node-name {own}; to give this host another name, first {leave}")
            }
            Self::OtherCluster { leave, .. } => format!("{leave}; then join again"),
            Self::NotShared { .. } => {
                format!("{store}; or copy the files from another control plane")
            }
            Self::NothingStored | Self::StoredIncompletely { .. } | Self::StoredBadly { .. } => store.into(),
            Self::CutOff(_) => {
                "run 'ip -br address' and 'ip route' on this host, bring its network back, then run the command again: it continues"
                    .into()
            }
            Self::NoEtcd(_) => "run 'kubectl -n kube-system get pods -l component=etcd' on a control plane".into(),
            Self::BadStatus(_) => "run 'kubectl -n kube-system edit configmap kubeadm-config' and mend it".into(),
            Self::NotBootstrapped { .. } => {
                "run 'journalctl -u kubelet' on this host, mend the cause, then run the command again: it continues"
                    .into()
            }
        })
    }
}
