//! What can be wrong with certificates, keys and kubeconfigs, with the way out.

use super::key_error::KeyError;
use super::problem::Problem;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::files::FileError;
use crate::base::pem::PemError;
use crate::base::yaml::YamlError;
use crate::config::kubeconfig::KubeconfigError;
use std::path::{Path, PathBuf};

/// What went wrong in the PKI engine.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A certificate file holds no certificate that can be read.
    #[error("{} holds no usable certificate", path.display())]
    NotACertificate {
        /// The file.
        path: PathBuf,
        /// What is there instead.
        #[source]
        source: CertificateError,
    },
    /// A key file holds no key that can be used.
    #[error("{} holds no usable private key", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What is there instead.
        #[source]
        source: KeyError,
    },
    /// A public-key file holds no key that can be used.
    #[error("{} holds no usable public key", path.display())]
    NotAPublicKey {
        /// The file.
        path: PathBuf,
        /// What is there instead.
        #[source]
        source: KeyError,
    },
    /// A kubeconfig could not be written.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// A kubeconfig could not be read.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    /// What is there is not what this cluster needs. It has been left as it is.
    #[error("{} cannot be used: {}", path.display(), list(problems))]
    Unfit {
        /// The file.
        path: PathBuf,
        /// The name under which it is renewed.
        name: String,
        /// Everything that is wrong with it; never empty.
        problems: Vec<Problem>,
        /// This host cannot issue it again, as the key of its CA is elsewhere.
        external_ca: bool,
    },
    /// Certificates of an external CA are missing.
    #[error("{} has no key beside it, so it is an external CA; what only its owner can sign is missing: {}", ca.display(), missing.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "))]
    ExternalCa {
        /// The CA certificate.
        ca: PathBuf,
        /// The missing files.
        missing: Vec<PathBuf>,
    },
    /// The CA that must sign is not there yet.
    #[error("{} is missing, which must sign {name}", ca.display())]
    NoCa {
        /// The CA certificate.
        ca: PathBuf,
        /// What is to be signed.
        name: String,
        /// The CA's own name: `etcd-ca`.
        ca_name: String,
    },
    /// A file that belongs to a pair has lost the other half, and the other half cannot be made again.
    #[error("{} is there without {}", there.display(), missing.display())]
    HalfAPair {
        /// The file that is there.
        there: PathBuf,
        /// The file that is not.
        missing: PathBuf,
    },
    /// What is to be renewed is not there.
    #[error("{} is not there, or holds no certificate to renew", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The sub-phase that makes it: `certs apiserver`.
        phase: String,
    },
    /// A CA cannot be renewed or requested like a leaf.
    #[error("{name} is a CA, and everything that it signed would be lost with it")]
    CaNotRenewed {
        /// Its name.
        name: String,
    },
    /// A key and its certificate could not be replaced.
    #[error("{cause}; {}", state.text(key, cert))]
    NotExchanged {
        /// The key file.
        key: PathBuf,
        /// The certificate file.
        cert: PathBuf,
        /// Which of the two pairs is in place.
        state: PairState,
        /// Which file failed, and why.
        #[source]
        cause: FileError,
    },
    /// A private key would have been overwritten.
    #[error("{} already holds another private key", path.display())]
    KeyExists {
        /// The file.
        path: PathBuf,
    },
    /// A file that all control planes share differs from the one that came from the cluster.
    #[error("{} is there already and differs from the cluster's", path.display())]
    OtherCluster {
        /// The file.
        path: PathBuf,
    },
    /// A signed certificate was brought for a key that is not there.
    #[error("{} is missing, for which the certificate was requested", path.display())]
    KeyMissing {
        /// The key file.
        path: PathBuf,
    },
    /// A key could not be generated.
    #[error("cannot generate a key of the kind {algorithm}: {reason}")]
    Generate {
        /// kubeadm's name of the algorithm.
        algorithm: &'static str,
        /// The library's word.
        reason: String,
    },
    /// A certificate or request could not be encoded or signed.
    #[error("cannot sign {what}: {reason}")]
    Sign {
        /// What was to be signed.
        what: String,
        /// The library's word.
        reason: String,
    },
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    Random(#[source] std::io::Error),
    /// The table of minors does not have this one.
    #[error("{version} is outside of the supported versions, {window}")]
    UnknownMinor {
        /// The version.
        version: String,
        /// The versions that are supported.
        window: String,
    },
    /// No address can be taken from the Service network.
    #[error("the Service network {subnet} is too small for the API server's address, which is its second one")]
    ServiceSubnetTooSmall {
        /// The network.
        subnet: String,
    },
    /// There is no certificate of this name.
    #[error("there is no certificate named {name:?}")]
    UnknownName {
        /// What was asked for.
        name: String,
        /// The nearest right name.
        nearest: Option<&'static str>,
    },
}

/// What lies in the place of a key and a certificate after a replacement that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairState {
    /// The pair from before.
    Old,
    /// The new pair.
    New,
    /// Files that do not belong together. The new pair is kept in the staging file.
    Mixed {
        /// The staging file.
        staged: PathBuf,
    },
}

impl PairState {
    fn text(&self, key: &Path, cert: &Path) -> String {
        let (key, cert) = (key.display(), cert.display());
        match self {
            Self::Old => format!("{key} and {cert} are unchanged and belong together"),
            Self::New => format!("{key} and {cert} are the new ones and belong together"),
            Self::Mixed { staged } => {
                format!("{key} and {cert} do not belong together; the new pair is kept in {}", staged.display())
            }
        }
    }
}

/// Why bytes are not a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The file is not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// It is a certificate in DER.
    #[error("it is a certificate in DER, and Kubernetes reads PEM")]
    Der,
    /// It is an envelope of certificates.
    #[error("it is PKCS#7, and Kubernetes reads certificates in PEM")]
    Pkcs7 {
        /// openssl's option for it.
        form: &'static str,
    },
    /// An envelope of certificates holds none that can be read.
    #[error("it is PKCS#7 without a certificate that can be read")]
    Pkcs7Unread,
    /// It is a store of certificates and keys.
    #[error("it is PKCS#12, and Kubernetes reads certificates and keys in PEM")]
    Pkcs12,
    /// There are blocks, and none is a certificate.
    #[error("it holds {found} and no CERTIFICATE block")]
    OtherBlocks {
        /// The labels that were found.
        found: String,
    },
    /// A block is not an X.509 certificate.
    #[error("the certificate number {number} in it is damaged")]
    Damaged {
        /// From 1.
        number: usize,
    },
}

impl CertificateError {
    /// The command that brings the file into the right form, where there is one.
    fn fix(&self, path: &Path) -> Option<String> {
        let convert = |command: &str| {
            let path = path.display();
            Some(format!("run 'openssl {command} -in {path} -out {path}.pem' and put the result in its place"))
        };
        match self {
            Self::Pem(error) => error.fix(path),
            Self::Der => convert("x509 -inform der"),
            Self::Pkcs7 { form } => convert(&format!("pkcs7{form} -print_certs")),
            Self::Pkcs12 => convert("pkcs12 -nokeys"),
            Self::Pkcs7Unread | Self::OtherBlocks { .. } | Self::Damaged { .. } => None,
        }
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Fault for PkiError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::File(error) | Self::NotExchanged { cause: error, .. } => error.exit_code(),
            Self::Kubeconfig(error) => error.exit_code(),
            Self::Yaml(error) => error.exit_code(),
            Self::NotACertificate { .. }
            | Self::NotAKey { .. }
            | Self::NotAPublicKey { .. }
            | Self::Unfit { .. }
            | Self::ExternalCa { .. }
            | Self::NoCa { .. }
            | Self::HalfAPair { .. }
            | Self::Missing { .. }
            | Self::KeyExists { .. }
            | Self::OtherCluster { .. }
            | Self::KeyMissing { .. }
            | Self::UnknownMinor { .. }
            | Self::ServiceSubnetTooSmall { .. } => ExitCode::Input,
            Self::UnknownName { .. } | Self::CaNotRenewed { .. } => ExitCode::Usage,
            Self::Generate { .. } | Self::Sign { .. } | Self::Random(_) => ExitCode::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotExchanged { cause, state: PairState::Mixed { .. }, .. } => Some(format!(
                "{}; then run the same command again, which puts the new pair in place, before a component restarts",
                cause.hint().unwrap_or_else(|| "fix the cause".into())
            )),
            Self::File(error) | Self::NotExchanged { cause: error, .. } => error.hint(),
            Self::Kubeconfig(error) => error.hint(),
            Self::Yaml(error) => error.hint(),
            Self::NotACertificate { path, source } => {
                if let Some(fix) = source.fix(path) {
                    return Some(fix);
                }
                let look = format!("run 'openssl x509 -in {} -noout -text' to look at it", path.display());
                Some(if is_irreplaceable(path) {
                    format!("{look}, and put it back from a backup or from another control plane")
                } else {
                    format!("{look}, and put it back, or keep it under another name to have a new one made")
                })
            }
            Self::NotAKey { path, source } | Self::NotAPublicKey { path, source } => Some(source.fix(path)),
            Self::Unfit { external_ca: true, problems, .. } if problems.iter().any(Problem::needs_another_certificate) => {
                Some(SIGNED_ELSEWHERE.into())
            }
            Self::Unfit { path, name, problems, .. } => problems.first().map(|problem| problem.fix(path, name)),
            Self::ExternalCa { .. } => Some(SIGNED_ELSEWHERE.into()),
            Self::NoCa { ca, ca_name, .. } => Some(format!("copy the cluster's CA to {} from a backup or another control plane; for a new cluster, run 'kubewright init phase certs {ca_name}'", ca.display())),
            Self::HalfAPair { there, missing } => {
                let from = format!("copy {} from where {} came from", missing.display(), there.display());
                Some(if is_irreplaceable(there) {
                    format!("{from}, such as a backup or another control plane")
                } else {
                    format!("{from}, or keep {} under another name to have both made", there.display())
                })
            }
            Self::Missing { phase, .. } => Some(format!("run 'kubewright init phase {phase}'")),
            Self::CaNotRenewed { .. } => Some("run 'kubewright certs rotate-ca trust' on a control plane, which begins to bring a new CA to every node".into()),
            Self::KeyExists { path } => Some(if is_irreplaceable(path) {
                format!("keep {}: the cluster depends on it; use it, or another certificates directory", path.display())
            } else {
                format!("keep {0} under another name first: run 'mv --backup=numbered {0} {0}.old'", path.display())
            }),
            Self::OtherCluster { .. } => {
                Some("this host has the files of another cluster, maybe their only copy: keep them, and join with another host".into())
            }
            Self::KeyMissing { .. } => Some("run 'kubewright certs generate-csr', which makes the key and its request".into()),
            Self::UnknownMinor { .. } => Some("set kubernetesVersion to a supported version".into()),
            Self::ServiceSubnetTooSmall { .. } => Some("give networking.serviceSubnet a network of at least two addresses".into()),
            Self::UnknownName { nearest, .. } => Some(match nearest {
                Some(name) => format!("did you mean '{name}'? Run 'kubewright certs check-expiration' for all names"),
                None => "run 'kubewright certs check-expiration' for all names".into(),
            }),
            Self::Random(_) => Some("run 'ls -l /dev/urandom': the kernel's random number generator must work".into()),
            Self::Generate { .. } | Self::Sign { .. } => None,
        }
    }
}

/// How a certificate is had where the key of the CA is not on this host.
const SIGNED_ELSEWHERE: &str = "run 'kubewright certs generate-csr', have the requests signed by the CA, then run 'kubewright \
                                certs import FOLDER'";

/// True for the files of CAs and of service accounts: what was made with them works with no others.
fn is_irreplaceable(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    stem.ends_with("ca") || stem == "sa"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_can_mend_has_a_hint_with_a_way() {
        let path = || PathBuf::from("/pki/x.crt");
        let unfit = |problem| PkiError::Unfit {
            path: path(),
            name: "apiserver".into(),
            problems: vec![problem],
            external_ca: false,
        };
        let errors = [
            PkiError::NotACertificate { path: path(), source: CertificateError::Damaged { number: 1 } },
            PkiError::NotAKey { path: path(), source: KeyError::Encrypted },
            PkiError::NotAKey { path: path(), source: KeyError::TooShort { bits: 1024 } },
            PkiError::NotAKey { path: path(), source: KeyError::Damaged },
            unfit(Problem::Expired { at: 0 }),
            unfit(Problem::NotYetValid { from: 0 }),
            unfit(Problem::NotACa),
            unfit(Problem::WrongCa { ca: path(), issuer: "CN=x".into() }),
            unfit(Problem::KeyMismatch { key: path() }),
            unfit(Problem::OtherPublicKey { key: path() }),
            unfit(Problem::MissingSans { names: vec!["x".into()] }),
            unfit(Problem::MissingUsages { usages: vec!["serverAuth"] }),
            unfit(Problem::WrongSubject { wanted: "x".into(), found: "y".into() }),
            unfit(Problem::OtherCaInside { ca: path() }),
            unfit(Problem::Incomplete { what: "user".into() }),
            PkiError::ExternalCa { ca: path(), missing: vec![path()] },
            PkiError::NoCa { ca: path(), name: "x".into(), ca_name: "ca".into() },
            PkiError::HalfAPair { there: path(), missing: path() },
            PkiError::Missing { path: path(), phase: "certs x".into() },
            PkiError::CaNotRenewed { name: "ca".into() },
            PkiError::KeyExists { path: path() },
            PkiError::OtherCluster { path: path() },
            PkiError::KeyMissing { path: path() },
            PkiError::UnknownName { name: "x".into(), nearest: None },
        ];
        for error in errors {
            let (said, hint) = (error.to_string(), error.hint().unwrap_or_default());
            let way = ["run '", "copy ", "use RSA", "keep ", "back to "].iter().any(|word| hint.contains(word));
            assert!(way, "{said}: {hint}");
            assert!(said.starts_with(|c: char| !c.is_uppercase()), "{said}");
            assert!(matches!(error.exit_code(), ExitCode::Input | ExitCode::Usage), "{said}");
        }
    }
}
