//! Why a stage cannot be done now.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::context::rotation::Stage;
use std::path::PathBuf;

fn shown(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// A stage is refused, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// Nobody has begun.
    #[error("no change of CA is going on in this cluster")]
    NotBegun,
    /// Hosts have not done the stage before.
    #[error("'{}' has to wait: '{}' is still to be done on {}", stage.name(), before.name(), hosts.join(", "))]
    Waiting {
        /// What was asked for.
        stage: Stage,
        /// What is missing.
        before: Stage,
        /// Where.
        hosts: Vec<String>,
    },
    /// Control planes have not done a stage that this worker needs of them.
    #[error("'{}' on a worker has to wait until every control plane has done 'reissue'", stage.name())]
    ControlPlanesFirst {
        /// What was asked for.
        stage: Stage,
    },
    /// This host is further already.
    #[error("this host has done '{}' already, which comes after '{}'", done.name(), stage.name())]
    Past {
        /// What was asked for.
        stage: Stage,
        /// What is done.
        done: Stage,
    },
    /// Tokens that the old key has signed may be in use.
    #[error("Pods may still use tokens that the old key has signed, for another {} s", seconds)]
    TokensLive {
        /// How long.
        seconds: i64,
    },
    /// Only the owner of an external CA can change it.
    #[error("{path} is not on this host, so the CA is external and only its owner can change it")]
    External {
        /// The key that is not there.
        path: String,
    },
    /// The cluster has no ConfigMap in which hosts find each other.
    #[error("the cluster has no ConfigMap kube-public/cluster-info, through which hosts learn of the new CA")]
    NoClusterInfo,
    /// What another control plane has handed over cannot be opened.
    #[error(
        "the new keys that wait in the cluster cannot be opened with this host's ca.key: it is not the one of the host that began"
    )]
    Sealed,
    /// What a note says is not so.
    #[error("an old authority has signed what is still in use on this host: {}", shown(files))]
    NotReissued {
        /// What it has signed, or itself.
        files: Vec<PathBuf>,
    },
    /// The controller manager signs with something of the user's own.
    #[error("kube-controller-manager signs with {0}, which is none of the files of the CA that is to be changed")]
    OwnSigner(String),
    /// What the first control plane has handed over is gone.
    #[error(
        "the new keys do not wait in the cluster any more: there is no Secret kube-system/kubewright-next-ca that holds them"
    )]
    NoHandover,
    /// This host is neither a control plane nor a worker.
    #[error("this host is not part of a cluster: it has no /etc/kubernetes/kubelet.conf")]
    NoNode,
    /// The manifest of the controller manager does not say with what it signs.
    #[error(
        "the manifest of kube-controller-manager has no flag --{0}, so the signer cannot be told apart from what is trusted"
    )]
    NoFlag(&'static str),
    /// The controller manager does not run from its new manifest.
    #[error("kube-controller-manager does not run with its new signer: {why}; {outcome}")]
    SignerNotUsed {
        /// What was waited for.
        why: String,
        /// What became of the old manifest.
        outcome: String,
    },
    /// A certificate that was asked for did not come, or came from the old CA.
    #[error("the new client certificate of this kubelet was signed by the old CA")]
    OldSigner,
    /// What came back is of no use.
    #[error("the cluster's answer to the CertificateSigningRequest {0} holds a certificate for another key")]
    OtherKey(String),
    /// `cluster-info` does not hold the new CA.
    #[error("the cluster does not tell of its new CA yet: it is not in the ConfigMap kube-public/cluster-info")]
    NotTold,
    /// The cluster refused to sign.
    #[error("the cluster refused to sign the kubelet's new certificate: {0}")]
    Denied(String),
    /// There is no authority of this name.
    #[error("there is no authority named '{0}'")]
    NoSuchAuthority(String),
}

impl Fault for RotationError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoSuchAuthority(_) => ExitCode::Usage,
            Self::External { .. } | Self::NoNode | Self::NoFlag(_) | Self::OwnSigner(_) | Self::NoClusterInfo => {
                ExitCode::Input
            }
            Self::Sealed | Self::NoHandover => ExitCode::Untrusted,
            Self::SignerNotUsed { .. } => ExitCode::Unhealthy,
            Self::NotBegun
            | Self::NotTold
            | Self::NotReissued { .. }
            | Self::Waiting { .. }
            | Self::ControlPlanesFirst { .. }
            | Self::Past { .. }
            | Self::TokensLive { .. } => ExitCode::Refused,
            Self::OldSigner | Self::OtherKey(_) | Self::Denied(_) => ExitCode::Unreachable,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotBegun => "run 'kubewright certs rotate-ca trust' on a control plane to begin one".into(),
            Self::Waiting { before, hosts, .. } => format!(
                "run 'kubewright certs rotate-ca {}' there, {} first; for a node that is gone for good, add '--without NODE'",
                before.name(),
                hosts.first().map_or("", String::as_str)
            ),
            Self::ControlPlanesFirst { .. } => "run 'kubewright certs rotate-ca status' on a control plane to see which; one that is gone for good is passed over there, with 'kubewright certs rotate-ca reissue --without NODE'".into(),
            Self::Past { done, .. } => match done {
                Stage::Drop => "run 'kubewright certs rotate-ca status' to see what is left elsewhere".into(),
                _ => "run 'kubewright certs rotate-ca status' to see which stage comes next".into(),
            },
            Self::TokensLive { .. } => "run the same command later; or add '--now' and restart the Pods that use the API yourself".into(),
            Self::External { .. } => "have the owner make a new CA, then run 'kubewright certs generate-csr' and 'kubewright certs import'".into(),
            Self::NoClusterInfo => "run 'kubewright init phase bootstrap-token' on a control plane".into(),
            Self::Sealed => "copy /etc/kubernetes/pki/ca.key from the control plane that began; run 'kubewright certs rotate-ca status' to see which".into(),
            Self::NotReissued { .. } => "run 'kubewright certs rotate-ca reissue' here again".into(),
            Self::OwnSigner(_) => "set --cluster-signing-cert-file and --cluster-signing-key-file in /etc/kubernetes/manifests/kube-controller-manager.yaml to the CA's files, or leave the CA out with '--only'".into(),
            Self::NoHandover => "run 'kubewright certs rotate-ca status'; a control plane that joined with the old keys is reset, and joined again after 'kubewright init phase upload-certs --upload-certs' elsewhere".into(),
            Self::NoNode => "run it on a node of the cluster, as root".into(),
            Self::NoFlag(flag) => format!("add the flag: run 'grep {flag} /etc/kubernetes/manifests/kube-controller-manager.yaml' on another control plane"),
            Self::SignerNotUsed { .. } => "run 'crictl logs $(crictl ps -a --name kube-controller-manager -q | head -1)' to see why, then run the same command again".into(),
            Self::OldSigner => "run 'kubewright certs rotate-ca status': every control plane must have done 'reissue' first; then run the same command again".into(),
            Self::OtherKey(_) => "run the same command again".into(),
            Self::NotTold => "run 'kubewright certs rotate-ca trust' on a control plane to its end, then the same command here again".into(),
            Self::Denied(_) => "run 'kubectl get csr' on a control plane to see why".into(),
            Self::NoSuchAuthority(_) => format!("the names are {}", crate::pki::rotation::AUTHORITIES.join(", ")),
        })
    }
}
