//! Why a stage cannot be run now.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::context::rotation::Stage;
use std::path::PathBuf;

/// The way to a certificate key.
const NEW_KEY: &str = "run 'kubewright certs rotate-ca new-key' on a control plane that has completed 'trust'";

fn shown(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// A stage is refused, or cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// No rotation has begun.
    #[error("no CA rotation is in progress in this cluster")]
    NotBegun,
    /// Hosts have not completed the previous stage.
    #[error("'{}' must wait: '{}' is not yet done on {}", stage.name(), before.name(), hosts.join(", "))]
    Waiting {
        /// The requested stage.
        stage: Stage,
        /// The missing stage.
        before: Stage,
        /// The hosts.
        hosts: Vec<String>,
    },
    /// Control planes have not completed a stage that this worker depends on.
    #[error("'{}' on a worker must wait until every control plane has completed 'reissue'", stage.name())]
    ControlPlanesFirst {
        /// The requested stage.
        stage: Stage,
    },
    /// This host has already completed a later stage.
    #[error("this host has already completed '{}', which comes after '{}'", done.name(), stage.name())]
    Past {
        /// The requested stage.
        stage: Stage,
        /// The completed stage.
        done: Stage,
    },
    /// Tokens that the old key has signed may be in use.
    #[error("Pods may still use tokens that the old key has signed, for another {} s", seconds)]
    TokensLive {
        /// The remaining time.
        seconds: i64,
    },
    /// Only the owner of an external CA can rotate it.
    #[error("{path} is not on this host, so the CA is external and only its owner can rotate it")]
    External {
        /// The missing key.
        path: String,
    },
    /// The ConfigMap for discovery does not exist.
    #[error("the ConfigMap kube-public/cluster-info, which publishes the new CA to hosts, does not exist")]
    NoClusterInfo,
    /// The distributed keys need a certificate key.
    #[error(
        "the new keys in the Secret kube-system/kubewright-next-ca are encrypted, and no certificate key that decrypts \
         them was given; it was printed on {host}"
    )]
    KeyNeeded {
        /// The host that printed it.
        host: String,
    },
    /// The certificate key is not the one with which they were encrypted.
    #[error(
        "this is not the certificate key with which the new keys in the Secret kube-system/kubewright-next-ca are \
         encrypted; that was printed on {host}"
    )]
    WrongKey {
        /// The host that printed it.
        host: String,
    },
    /// The record or the Secret is in the format of an earlier version.
    #[error(
        "an earlier version of kubewright began this rotation and encrypted the new keys with a key derived from ca.key, \
         which a thief of ca.key can derive as well"
    )]
    EarlierVersion,
    /// The Secret cannot be read.
    #[error("the Secret kube-system/kubewright-next-ca does not contain the keys of this rotation")]
    Damaged,
    /// This host cannot encrypt what it does not have.
    #[error("the new {name} of this rotation is not on this host")]
    NewKeysElsewhere {
        /// What is missing.
        name: String,
    },
    /// The recorded progress is wrong.
    #[error("certificates in use on this host are still signed by an old CA: {}", shown(files))]
    NotReissued {
        /// The files that it signed, or the CA itself.
        files: Vec<PathBuf>,
    },
    /// The controller manager signs with a CA of the user.
    #[error("kube-controller-manager signs with {0}, which is not a file of the CA to be rotated")]
    OwnSigner(String),
    /// The distributed keys of the first control plane are missing.
    #[error("the new keys are no longer in the cluster: the Secret kube-system/kubewright-next-ca does not exist")]
    NotDistributed,
    /// This host is neither a control plane nor a worker.
    #[error("this host is not part of a cluster: /etc/kubernetes/kubelet.conf does not exist")]
    NoNode,
    /// The manifest of the controller manager does not specify the signer.
    #[error(
        "the manifest of kube-controller-manager has no flag --{0}, so the signer cannot differ from the trusted CAs"
    )]
    NoFlag(&'static str),
    /// The controller manager does not run with its new manifest.
    #[error("kube-controller-manager does not run with its new signer: {why}; {outcome}")]
    SignerNotUsed {
        /// The failure.
        why: String,
        /// The result of the rollback.
        outcome: String,
    },
    /// The requested certificate was signed by the old CA.
    #[error("the new client certificate of this kubelet was signed by the old CA")]
    OldSigner,
    /// The response is unusable.
    #[error("the response to the CertificateSigningRequest {0} contains a certificate for another key")]
    OtherKey(String),
    /// `cluster-info` does not contain the new CA.
    #[error("the cluster does not publish its new CA yet: it is not in the ConfigMap kube-public/cluster-info")]
    NotPublished,
    /// The cluster refused to sign.
    #[error("the cluster refused to sign the kubelet's new certificate: {0}")]
    Denied(String),
    /// The CA name is unknown.
    #[error("no CA is named '{0}'")]
    NoSuchCa(String),
}

impl Fault for RotationError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoSuchCa(_) => ExitCode::Usage,
            Self::KeyNeeded { .. }
            | Self::External { .. }
            | Self::NoNode
            | Self::NoFlag(_)
            | Self::OwnSigner(_)
            | Self::NoClusterInfo => ExitCode::Input,
            Self::WrongKey { .. } | Self::Damaged | Self::NotDistributed => ExitCode::Untrusted,
            Self::SignerNotUsed { .. } => ExitCode::Unhealthy,
            Self::NotBegun
            | Self::EarlierVersion
            | Self::NewKeysElsewhere { .. }
            | Self::NotPublished
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
                "run 'kubewright certs rotate-ca {}' there, {} first; for a node that no longer exists, add \
                 '--without NODE'",
                before.name(),
                hosts.first().map_or("", String::as_str)
            ),
            Self::ControlPlanesFirst { .. } => "run 'kubewright certs rotate-ca status' on a control plane to see \
                                                which; to skip one that no longer exists, run 'kubewright certs \
                                                rotate-ca reissue --without NODE' there".into(),
            Self::Past { done, .. } => match done {
                Stage::Drop => "run 'kubewright certs rotate-ca status' to see what is left on other hosts".into(),
                _ => "run 'kubewright certs rotate-ca status' to see which stage comes next".into(),
            },
            Self::TokensLive { .. } => "run the same command later; or add '--now' and restart the Pods that use the API yourself".into(),
            Self::External { .. } => "have the owner create a new CA, then run 'kubewright certs generate-csr' and \
                                      'kubewright certs import'".into(),
            Self::NoClusterInfo => "run 'kubewright init phase bootstrap-token' on a control plane".into(),
            Self::KeyNeeded { .. } | Self::WrongKey { .. } => {
                format!("add '--certificate-key' with that key; or {NEW_KEY}, which prints a new one")
            }
            Self::EarlierVersion => format!(
                "{NEW_KEY}, which encrypts them again; after a theft of ca.key, complete this rotation and then rotate once more"
            ),
            Self::Damaged | Self::NotDistributed => format!("{NEW_KEY}; it stores them again"),
            Self::NewKeysElsewhere { .. } => "run it on a control plane that has completed 'trust': 'kubewright certs \
                                              rotate-ca status' lists them".into(),
            Self::NotReissued { .. } => "run 'kubewright certs rotate-ca reissue' here again".into(),
            Self::OwnSigner(_) => "set --cluster-signing-cert-file and --cluster-signing-key-file in \
                                   /etc/kubernetes/manifests/kube-controller-manager.yaml to the CA's files, or \
                                   exclude the CA with '--only'".into(),
            Self::NoNode => "run it on a node of the cluster, as root".into(),
            Self::NoFlag(flag) => format!("add the flag: run 'grep {flag} /etc/kubernetes/manifests/kube-controller-manager.yaml' on another control plane"),
            Self::SignerNotUsed { .. } => "run 'crictl logs $(crictl ps -a --name kube-controller-manager -q | head -1)' to see why, then run the same command again".into(),
            Self::OldSigner => "run 'kubewright certs rotate-ca status': every control plane must have completed \
                                'reissue' first; then run the same command again".into(),
            Self::OtherKey(_) => "run the same command again".into(),
            Self::NotPublished => "run 'kubewright certs rotate-ca trust' on a control plane until it succeeds, then \
                                   the same command here again".into(),
            Self::Denied(_) => "run 'kubectl get csr' on a control plane to see why".into(),
            Self::NoSuchCa(_) => format!("the names are {}", crate::pki::rotation::CAS.join(", ")),
        })
    }
}
