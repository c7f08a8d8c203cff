//! One thing that is wrong with a certificate that is there.

use super::moment;
use std::path::{Path, PathBuf};

/// What is wrong. Several of them can hold for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Its time is over.
    Expired {
        /// Seconds since the epoch.
        at: i64,
    },
    /// Its time has not begun.
    NotYetValid {
        /// Seconds since the epoch.
        from: i64,
    },
    /// It stands where a CA should be, and is none.
    NotACa,
    /// Its key usage does not let it sign certificates.
    MayNotSign,
    /// No certificate of the CA file has signed it.
    WrongCa {
        /// The CA file.
        ca: PathBuf,
        /// What the certificate calls its issuer.
        issuer: String,
    },
    /// The private key beside it belongs to another certificate.
    KeyMismatch {
        /// The key file.
        key: PathBuf,
    },
    /// A public-key file does not belong to its private key.
    OtherPublicKey {
        /// The key file.
        key: PathBuf,
    },
    /// Names or addresses are missing.
    MissingSans {
        /// In the order in which they are needed.
        names: Vec<String>,
    },
    /// It may not be used for what it is there for.
    MissingUsages {
        /// `serverAuth`, `clientAuth`.
        usages: Vec<&'static str>,
    },
    /// It stands for somebody else.
    WrongSubject {
        /// Whom it must stand for.
        wanted: String,
        /// Whom it stands for.
        found: String,
    },
    /// A kubeconfig trusts another CA.
    OtherCaInside {
        /// The CA file.
        ca: PathBuf,
    },
    /// A kubeconfig lacks something that it must have.
    Incomplete {
        /// What is missing: `a current context`.
        what: String,
    },
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Expired { at } => write!(f, "its certificate expired on {}", moment::text(*at)),
            Self::NotYetValid { from } => {
                write!(f, "its certificate is not valid before {}", moment::text(*from))
            }
            Self::NotACa => f.write_str("the certificate is not a CA"),
            Self::MayNotSign => f.write_str("its key usage does not allow it to sign certificates"),
            Self::WrongCa { ca, issuer } => {
                write!(f, "its certificate is not signed by {} (its issuer is '{issuer}')", ca.display())
            }
            Self::KeyMismatch { key } => {
                write!(f, "the private key in {} does not match the certificate", key.display())
            }
            Self::OtherPublicKey { key } => write!(f, "the public key does not belong to {}", key.display()),
            Self::MissingSans { names } => write!(f, "the certificate is not valid for {}", names.join(", ")),
            Self::MissingUsages { usages } => {
                write!(f, "the certificate may not be used for {}", usages.join(" and "))
            }
            Self::WrongSubject { wanted, found } => {
                write!(f, "the certificate stands for '{found}' and not for '{wanted}'")
            }
            Self::OtherCaInside { ca } => write!(f, "it trusts another CA than {}", ca.display()),
            Self::Incomplete { what } => write!(f, "it has no {what}"),
        }
    }
}

impl Problem {
    /// True where only another certificate of the same CA helps.
    pub fn needs_another_certificate(&self) -> bool {
        matches!(
            self,
            Self::Expired { .. } | Self::MissingSans { .. } | Self::MissingUsages { .. } | Self::WrongSubject { .. }
        )
    }

    /// What the user can do about it. `name` is what `certs renew` calls it.
    pub fn fix(&self, path: &Path, name: &str) -> String {
        let shown = path.display();
        match self {
            Self::Expired { .. } if name.ends_with("ca") => {
                "a CA is changed before it ends, by 'kubewright certs rotate-ca'; now nothing that it signed is valid: run 'kubewright certs check-expiration' to see all of it".into()
            }
            Self::Expired { .. } => format!("run 'kubewright certs renew {name}'"),
            Self::NotYetValid { .. } => "set this host's clock: run 'timedatectl'".into(),
            Self::NotACa | Self::MayNotSign => format!(
                "copy the CA's own certificate there; run 'openssl x509 -in {shown} -noout -text': it must show CA:TRUE and Certificate Sign"
            ),
            Self::WrongCa { ca, .. } => format!(
                "if {} is the cluster's CA, re-issue it: run 'kubewright certs renew {name}'; if not, put the cluster's CA back \
                 from a backup or from another control plane",
                ca.display()
            ),
            Self::KeyMismatch { key } if key == path => format!("re-issue it: run 'kubewright certs renew {name}'"),
            Self::KeyMismatch { key } if name.ends_with("ca") => format!(
                "put the CA's own key back to {} from a backup or from another control plane, or keep it elsewhere and \
                 remove nothing: a new CA would be trusted by nothing in the cluster",
                key.display()
            ),
            Self::KeyMismatch { key } => format!(
                "copy the key of {shown} to {}, or re-issue it: run 'kubewright certs renew {name}'",
                key.display()
            ),
            Self::OtherPublicKey { key } => {
                format!(
                    "run 'openssl pkey -in {} -pubout -out {shown}', if that is the key which signs tokens",
                    key.display()
                )
            }
            Self::MissingSans { .. } => format!("run 'kubewright certs renew {name} --sync-config'"),
            Self::MissingUsages { .. } | Self::WrongSubject { .. } => format!(
                "keep {shown} and its key under another name to have new ones made: run 'mv --backup=numbered {shown} {shown}.old'"
            ),
            Self::OtherCaInside { ca } => format!(
                "one of the two is not of this cluster: put the CA that {shown} trusts back to {}, from a backup or from another \
                 control plane, if the cluster uses that; else keep {shown} under another name to have a new one written",
                ca.display()
            ),
            Self::Incomplete { .. } => {
                format!("restore {shown} from a backup, or keep it under another name to have a new one written")
            }
        }
    }
}
