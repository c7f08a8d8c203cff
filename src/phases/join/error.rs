//! Why a host cannot join the discovered cluster.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::config::untrusted::UntrustedError;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// There are no credentials.
    #[error("the discovery file {location} has no credentials, and no token was specified")]
    NoCredentials {
        /// The file or address.
        location: String,
    },
    /// The discovery file does not exist.
    #[error("the discovery file {location} does not exist")]
    NoFile {
        /// Its path.
        location: String,
    },
    /// A file that the discovery file names does not exist on this host.
    #[error("{} does not exist, which the discovery file {location} names", path.display())]
    NoNamedFile {
        /// The discovery file.
        location: String,
        path: PathBuf,
    },
    /// The CA is unknown.
    #[error("neither the discovery file {location} nor the cluster at {server} contains a CA")]
    NoCa {
        /// The file or address.
        location: String,
        /// The API server.
        server: String,
    },
    /// An object that every cluster of kubeadm or kubewright has does not exist.
    #[error("{what} does not exist in the cluster")]
    NoConfig {
        /// The object, and the key in it.
        what: String,
    },
    /// The configuration of the kubelets cannot be parsed.
    #[error("the KubeletConfiguration of the cluster is not usable: {0}")]
    BadKubeletConfig(UntrustedError),
    /// A second control plane needs an address that is independent of the first.
    #[error(
        "the cluster has no controlPlaneEndpoint: all its nodes use the address of one control plane, so a second one \
         would not help if that fails"
    )]
    NoStableEndpoint,
    /// Another host has this name.
    #[error("the cluster already has a node {name}, which is Ready")]
    NameTaken {
        /// The node's name.
        name: String,
    },
    /// This host is already a node of the cluster.
    #[error("this host is already the node {own} of the cluster, and cannot be {asked} at the same time")]
    OtherName {
        /// The name in its kubelet's certificate.
        own: String,
        /// The requested name.
        asked: String,
        /// How to remove this host from the cluster, if that loses no data.
        leave: String,
    },
    /// The kubelet would continue to use another cluster.
    #[error("{} belongs to another cluster than the discovered one, and the kubelet would use it", path.display())]
    OtherCluster {
        /// The kubeconfig.
        path: PathBuf,
        /// How to remove this host from that cluster, if that loses no data.
        leave: String,
    },
    /// The files that control planes share are missing on this host.
    #[error("files that all control planes share are missing on this host: {}", missing.join(", "))]
    NotShared {
        /// The paths.
        missing: Vec<String>,
    },
    /// The certificates are not uploaded, or already deleted.
    #[error("the cluster has no uploaded certificates of its control planes; they are deleted after two hours")]
    NothingStored,
    /// Some of them are not uploaded.
    #[error("the uploaded certificates do not contain {name}")]
    StoredIncompletely {
        /// The key in the Secret.
        name: String,
    },
    /// A value is not valid base64.
    #[error("{name} in the uploaded certificates cannot be decoded")]
    StoredBadly {
        /// The key in the Secret.
        name: String,
    },
    /// No etcd member was found; with the last failure.
    #[error("no etcd member was found: {0}")]
    NoEtcd(String),
    /// This host reaches no other host.
    #[error(
        "this host can no longer reach the API server or any etcd member; its own network may be down or cut off: {0}"
    )]
    CutOff(String),
    /// etcd lost its majority during the join.
    #[error("{why}")]
    MajorityLost {
        /// The loss, with the members that are missing.
        why: String,
        /// The member that is missing was the only one with a vote.
        is_only: bool,
        /// This host already has data of a member, without a vote.
        has_begun: bool,
    },
    /// A document of the cluster cannot be parsed.
    #[error("the ClusterStatus in the ConfigMap kube-system/kubeadm-config cannot be parsed")]
    BadStatus(#[source] UntrustedError),
    /// The kubelet did not get its certificate.
    #[error("the kubelet did not get its certificate within {limit:?}: {why}")]
    NotBootstrapped {
        /// The timeout.
        limit: Duration,
        /// The cause, as far as known.
        why: String,
    },
}

impl Fault for JoinError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoCredentials { .. }
            | Self::NoFile { .. }
            | Self::NoNamedFile { .. }
            | Self::NoCa { .. }
            | Self::NotShared { .. } => ExitCode::Input,
            Self::NoConfig { .. }
            | Self::NothingStored
            | Self::StoredIncompletely { .. }
            | Self::StoredBadly { .. }
            | Self::NoEtcd(_)
            | Self::CutOff(_)
            | Self::BadKubeletConfig(_)
            | Self::BadStatus(_) => ExitCode::Unreachable,
            Self::NameTaken { .. } | Self::OtherName { .. } | Self::OtherCluster { .. } | Self::NoStableEndpoint => {
                ExitCode::Refused
            }
            Self::NotBootstrapped { .. } | Self::MajorityLost { .. } => ExitCode::Unhealthy,
        }
    }

    fn hint(&self) -> Option<String> {
        let store = "run 'kubewright init phase upload-certs --upload-certs' on a control plane, and join with the --certificate-key that it prints";
        Some(match self {
            Self::NoCredentials { .. } => "add --tls-bootstrap-token with a token of the cluster".into(),
            Self::NoFile { .. } => {
                "name a kubeconfig of the cluster, or its https:// address, with --discovery-file or discovery.file.kubeConfigPath"
                    .into()
            }
            Self::NoNamedFile { path, .. } => format!(
                "copy {} to this host, or put its content into the discovery file, as 'kubectl config view --raw --flatten' prints it",
                path.display()
            ),
            Self::NoCa { .. } => "add certificate-authority-data to the discovery file".into(),
            Self::NoConfig { .. } | Self::BadKubeletConfig(_) => {
                "run 'kubewright init phase upload-config all' on a control plane to store it again".into()
            }
            Self::NoStableEndpoint => {
                "choose a name or address that can be moved to another control plane, add it to the SANs of the API \
                 server's certificate, and set it as controlPlaneEndpoint: run 'kubectl -n kube-system edit configmap \
                 kubeadm-config'"
                    .into()
            }
            Self::NameTaken { name } => format!(
                "give this host another name with --node-name; or, if that node no longer exists, \
                 run 'kubewright node remove {name} --dead' on a control plane first"
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
                "run 'ip -br address' and 'ip route' on this host and fix its network; or, if the other hosts are down, start \
                 them; then run the command again: it continues. If they are permanently gone, recover the cluster first \
                 (docs/quorum.md), and keep the data of every host until then"
                    .into()
            }
            Self::MajorityLost { is_only: true, .. } => {
                "start its host, or etcd there again (run 'crictl logs $(crictl ps -aq --name etcd)' on it), then run the same \
                 command again: it continues. If its data is permanently gone, restore a snapshot (docs/etcd.md); this host may have \
                 a copy of the data: keep /var/lib/etcd until then"
                    .into()
            }
            Self::MajorityLost { has_begun, .. } => {
                let then = if *has_begun {
                    "run 'kubewright reset' on this host, whose etcd has no vote yet and does not belong to the recovered cluster, and \
                     join it again with the command that 'kubewright token create --control-plane' prints on that control plane"
                } else {
                    "run the same command again on this host"
                };
                format!(
                    "start the hosts of the missing members, then run the same command again: it continues. If they are permanently \
                     gone, run 'kubewright etcd recover' on the control plane with the newest data (docs/quorum.md); after that, {then}"
                )
            }
            Self::NoEtcd(_) => "run 'kubectl -n kube-system get pods -l component=etcd' on a control plane".into(),
            Self::BadStatus(_) => "run 'kubectl -n kube-system edit configmap kubeadm-config' and fix it".into(),
            Self::NotBootstrapped { .. } => {
                "run 'journalctl -u kubelet' on this host, fix the cause, then run the command again: it continues"
                    .into()
            }
        })
    }
}
