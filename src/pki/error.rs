//! Errors of certificates, keys and kubeconfigs, with hints.

pub use super::certificate_error::CertificateError;
use super::key_error::KeyError;
use super::problem::Problem;
use super::rule::Rule;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::files::FileError;
use crate::base::yaml::YamlError;
use crate::config::kubeconfig::KubeconfigError;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A certificate file without a certificate that can be parsed.
    #[error("{} holds no usable certificate", path.display())]
    NotACertificate {
        /// The file.
        path: PathBuf,
        /// What it contains instead.
        #[source]
        source: CertificateError,
    },
    /// A key file without a usable key.
    #[error("{} holds no usable private key", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What it contains instead.
        #[source]
        source: KeyError,
    },
    /// A public-key file without a usable key.
    #[error("{} holds no usable public key", path.display())]
    NotAPublicKey {
        /// The file.
        path: PathBuf,
        /// What it contains instead.
        #[source]
        source: KeyError,
    },
    /// A kubeconfig could not be written.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// A kubeconfig could not be read.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    /// An existing file is not what this cluster needs. It is unchanged.
    #[error("{} cannot be used: {}", path.display(), list(problems))]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Its name for `certs renew`.
        name: String,
        /// Every problem; never empty.
        problems: Vec<Problem>,
        /// True if this host cannot reissue it, because the key of its CA is elsewhere.
        external_ca: bool,
    },
    /// Certificates of an external CA are missing.
    #[error("{} has no private key on this host, so it is an external CA; files that only the external CA can sign are missing: {}", ca.display(), missing.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "))]
    ExternalCa {
        /// The CA certificate.
        ca: PathBuf,
        /// The missing files.
        missing: Vec<PathBuf>,
    },
    /// The CA that must sign does not exist yet.
    #[error("cannot sign {name}: the CA certificate {} is missing", ca.display())]
    NoCa {
        /// The CA certificate.
        ca: PathBuf,
        /// What it must sign.
        name: String,
        /// The name of the CA: `etcd-ca`.
        ca_name: String,
        /// No other file of a cluster is here: it has not been made yet.
        is_new: bool,
    },
    /// The CA may not sign what it has to.
    #[error("{} cannot sign {what}: the CA '{subject}' {rule}", ca.display())]
    CaLimited {
        /// The CA certificate.
        ca: PathBuf,
        /// The subject of the CA with the limit.
        subject: String,
        /// What it would sign.
        what: String,
        rule: Rule,
    },
    /// A key without its certificate or a certificate without its key, and the missing file cannot be regenerated.
    #[error("{} exists without {}", there.display(), missing.display())]
    HalfAPair {
        /// The existing file.
        there: PathBuf,
        /// The missing file.
        missing: PathBuf,
    },
    /// The certificate to renew does not exist.
    #[error("{} does not exist or does not contain a certificate to renew", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The sub-phase that creates it: `certs apiserver`.
        phase: String,
    },
    /// A CA cannot be renewed or requested like a leaf certificate.
    #[error("{name} is a CA: replacing it would invalidate every certificate that it signed")]
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
        /// Which key and certificate are in place.
        state: PairState,
        /// The file that failed, and why.
        #[source]
        cause: FileError,
    },
    /// A private key would have been overwritten.
    #[error("{} already holds another private key", path.display())]
    KeyExists {
        /// The file.
        path: PathBuf,
    },
    /// A file that all control planes share differs from the cluster's.
    #[error("{} already exists and differs from the cluster's", path.display())]
    OtherCluster {
        /// The file.
        path: PathBuf,
    },
    /// A signed certificate without the key for which it was requested.
    #[error("the private key {} is missing, for which the certificate was requested", path.display())]
    KeyMissing {
        /// The key file.
        path: PathBuf,
    },
    /// A key could not be generated.
    #[error("cannot generate the {algorithm} key: {reason}")]
    Generate {
        /// kubeadm's name of the algorithm.
        algorithm: &'static str,
        /// The error of the library.
        reason: String,
    },
    /// A certificate or request could not be encoded or signed.
    #[error("cannot sign {what}: {reason}")]
    Sign {
        what: String,
        /// The error of the library.
        reason: String,
    },
    /// The operating system returned no random bytes.
    #[error("the operating system returned no random bytes")]
    Random(#[source] std::io::Error),
    /// The version is not in the table of minor versions.
    #[error("{version} is not supported; supported versions are {window}")]
    UnknownMinor {
        /// The version.
        version: String,
        /// The versions that are supported.
        window: String,
    },
    /// The Service network is too small for the address of the API server.
    #[error("the Service network {subnet} is too small: the API server uses its second address")]
    ServiceSubnetTooSmall {
        /// The network.
        subnet: String,
    },
    /// An unknown certificate name.
    #[error("unknown certificate name {name:?}")]
    UnknownName {
        /// What was asked for.
        name: String,
        /// The nearest known name.
        nearest: Option<&'static str>,
    },
}

/// The state of a key and a certificate after a failed replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairState {
    /// The previous key and certificate.
    Old,
    /// The new key and certificate.
    New,
    /// Files that do not belong together. The new key and certificate are kept in the staging file.
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
                format!("{key} and {cert} do not belong together; the new ones are kept in {}", staged.display())
            }
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
            | Self::CaLimited { .. }
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
                "{}; then run the same command again, which installs the new key and certificate, before a component restarts",
                cause.hint().unwrap_or_else(|| "fix the cause".into())
            )),
            Self::File(error) | Self::NotExchanged { cause: error, .. } => error.hint(),
            Self::Kubeconfig(error) => error.hint(),
            Self::Yaml(error) => error.hint(),
            Self::NotACertificate { path, source } => {
                if let Some(fix) = source.fix(path) {
                    return Some(fix);
                }
                let look = format!("run 'openssl x509 -in {} -noout -text' to inspect it", path.display());
                Some(if is_irreplaceable(path) {
                    format!("{look}, and restore it from a backup or from another control plane")
                } else {
                    format!("{look}, and restore it, or rename it and a new one will be generated")
                })
            }
            Self::NotAKey { path, source } | Self::NotAPublicKey { path, source } => Some(source.fix(path)),
            Self::Unfit { external_ca: true, problems, .. } if problems.iter().any(Problem::needs_another_certificate) => {
                Some(SIGNED_ELSEWHERE.into())
            }
            Self::Unfit { path, name, problems, .. } => problems.first().map(|problem| problem.fix(path, name)),
            Self::ExternalCa { .. } => Some(SIGNED_ELSEWHERE.into()),
            Self::NoCa { ca_name, is_new: true, .. } => Some(format!("run 'kubewright init phase certs {ca_name}'")),
            Self::NoCa { ca, .. } => Some(format!("copy the cluster's CA to {} from a backup or another control plane", ca.display())),
            Self::CaLimited { ca, rule: Rule::Names { .. }, .. } => Some(format!(
                "leave out the SANs that the CA excludes, or use a CA that permits them; run 'openssl x509 -noout -text -in {}' to \
                 see its name constraints", ca.display()
            )),
            Self::CaLimited { ca, .. } => Some(format!(
                "ask for a CA without this limit: for a new cluster, install its certificate and key instead; a running cluster \
                 gets a new CA with 'kubewright certs rotate-ca trust'; run 'openssl x509 -noout -text -in {}' to see the limit",
                ca.display()
            )),
            Self::HalfAPair { there, missing } => {
                let from = format!("copy {} from where {} came from", missing.display(), there.display());
                Some(if is_irreplaceable(there) {
                    format!("{from}, such as a backup or another control plane")
                } else {
                    format!("{from}, or rename {} and both will be generated", there.display())
                })
            }
            Self::Missing { phase, .. } => Some(format!("run 'kubewright init phase {phase}'")),
            Self::CaNotRenewed { .. } => Some("run 'kubewright certs rotate-ca trust' on a control plane to start a rotation of the CA".into()),
            Self::KeyExists { path } => Some(if is_irreplaceable(path) {
                format!("keep {}: the cluster depends on it; use it, or another certificates directory", path.display())
            } else {
                format!("rename {0} first: run 'mv --backup=numbered {0} {0}.old'", path.display())
            }),
            Self::OtherCluster { .. } => {
                Some("this host has the files of another cluster, possibly the only copy: keep them, and join with another host".into())
            }
            Self::KeyMissing { .. } => Some("run 'kubewright certs generate-csr', which generates the key and its request".into()),
            Self::UnknownMinor { .. } => Some("set kubernetesVersion to a supported version".into()),
            Self::ServiceSubnetTooSmall { .. } => Some("give networking.serviceSubnet a range of at least two addresses".into()),
            Self::UnknownName { nearest, .. } => Some(match nearest {
                Some(name) => format!("did you mean '{name}'? Run 'kubewright certs check-expiration' to list all names"),
                None => "run 'kubewright certs check-expiration' to list all names".into(),
            }),
            Self::Random(_) => Some("run 'ls -l /dev/urandom': the kernel's random number generator must work".into()),
            Self::Generate { .. } | Self::Sign { .. } => None,
        }
    }
}

/// How to get a certificate if the key of the CA is not on this host.
const SIGNED_ELSEWHERE: &str = "run 'kubewright certs generate-csr', have the requests signed by the CA, then run 'kubewright \
                                certs import DIRECTORY'";

/// True for CAs and service-account keys: nothing else works with what they signed.
fn is_irreplaceable(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    stem.ends_with("ca") || stem == "sa"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_the_user_can_fix_have_a_hint_with_a_command() {
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
            PkiError::NoCa { ca: path(), name: "x".into(), ca_name: "ca".into(), is_new: true },
            PkiError::NoCa { ca: path(), name: "x".into(), ca_name: "ca".into(), is_new: false },
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
            let way = ["run '", "copy ", "use RSA", "keep ", "restore "].iter().any(|word| hint.contains(word));
            assert!(way, "{said}: {hint}");
            assert!(said.starts_with(|c: char| !c.is_uppercase()), "{said}");
            assert!(matches!(error.exit_code(), ExitCode::Input | ExitCode::Usage), "{said}");
        }
    }
}
