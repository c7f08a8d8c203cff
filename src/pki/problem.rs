//! A problem of an existing certificate.

use super::moment;
use super::rule::Broken;
use crate::base::move_away;
use std::path::{Path, PathBuf};

/// Several problems can apply to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    Expired {
        /// Seconds since the epoch.
        at: i64,
    },
    NotYetValid {
        /// Seconds since the epoch.
        from: i64,
    },
    /// It is used as a CA, but is not one.
    NotACa,
    /// Its key usage does not include certificate signing.
    MayNotSign,
    /// It is not signed by any certificate of the CA file.
    WrongCa {
        /// The CA file.
        ca: PathBuf,
        /// The issuer in the certificate.
        issuer: String,
    },
    /// Clients reject it: a certificate of its chain breaks a rule.
    Rejected(Broken),
    /// The private key belongs to another certificate.
    KeyMismatch {
        /// The key file.
        key: PathBuf,
    },
    /// A public-key file does not belong to its private key.
    OtherPublicKey {
        /// The key file.
        key: PathBuf,
    },
    /// SANs are missing.
    MissingSans {
        /// In the order in which they are needed.
        names: Vec<String>,
    },
    /// Extended key usages are missing.
    MissingUsages {
        /// `serverAuth`, `clientAuth`.
        usages: Vec<&'static str>,
    },
    /// Its subject is another one.
    WrongSubject { wanted: String, found: String },
    /// A kubeconfig trusts another CA.
    OtherCaInside {
        /// The CA file.
        ca: PathBuf,
    },
    /// A kubeconfig is incomplete.
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
            Self::Rejected(broken) => broken.fmt(f),
            Self::KeyMismatch { key } => {
                write!(f, "the private key in {} does not match the certificate", key.display())
            }
            Self::OtherPublicKey { key } => write!(f, "the public key does not belong to {}", key.display()),
            Self::MissingSans { names } => write!(f, "the certificate is not valid for {}", names.join(", ")),
            Self::MissingUsages { usages } => {
                write!(f, "the certificate may not be used for {}", usages.join(" and "))
            }
            Self::WrongSubject { wanted, found } => {
                write!(f, "the certificate has the subject '{found}' instead of '{wanted}'")
            }
            Self::OtherCaInside { ca } => write!(f, "it trusts another CA than {}", ca.display()),
            Self::Incomplete { what } => write!(f, "it has no {what}"),
        }
    }
}

impl Problem {
    /// True if only another certificate of the same CA helps.
    pub fn needs_another_certificate(&self) -> bool {
        matches!(
            self,
            Self::Expired { .. }
                | Self::MissingSans { .. }
                | Self::MissingUsages { .. }
                | Self::WrongSubject { .. }
                | Self::Rejected(_)
        )
    }

    /// What the user can do. `name` is the name for `certs renew`.
    pub fn fix(&self, path: &Path, name: &str) -> String {
        let shown = path.display();
        let away = move_away::command(&shown);
        match self {
            Self::Expired { .. } if name.ends_with("ca") => {
                "a CA must be rotated before it expires, with 'kubewright certs rotate-ca'; now no certificate that it signed is valid: run 'kubewright certs check-expiration' to list them".into()
            }
            Self::Expired { .. } => format!("run 'kubewright certs renew {name}'"),
            Self::NotYetValid { .. } => "correct the clock of this host: run 'timedatectl'".into(),
            Self::NotACa | Self::MayNotSign => format!(
                "copy the CA's own certificate there; run 'openssl x509 -in {shown} -noout -text': it must show CA:TRUE and Certificate Sign"
            ),
            Self::WrongCa { ca, .. } => format!(
                "if {} is the cluster's CA, reissue it: run 'kubewright certs renew {name}'; if not, restore the cluster's CA \
                 from a backup or from another control plane",
                ca.display()
            ),
            Self::Rejected(_) if name.ends_with("ca") => {
                "use a CA whose key is RSA of 2048 bits or more, or ECDSA on P-256 or P-384; what it signs is rejected by clients".into()
            }
            Self::Rejected(_) => format!(
                "reissue it: run 'kubewright certs renew {name}', if this host has the key of the CA; run 'openssl x509 -noout -text \
                 -in {shown}' to see the certificate"
            ),
            Self::KeyMismatch { key } if key == path => format!("reissue it: run 'kubewright certs renew {name}'"),
            Self::KeyMismatch { key } if name.ends_with("ca") => format!(
                "restore the CA's own key to {} from a backup or from another control plane, or keep the key elsewhere; \
                 do not remove the CA: no component in the cluster would trust a new one",
                key.display()
            ),
            Self::KeyMismatch { key } => format!(
                "copy the key of {shown} to {}, or reissue it: run 'kubewright certs renew {name}'",
                key.display()
            ),
            Self::OtherPublicKey { key } => {
                format!(
                    "copy {key} and {shown} from another control plane or from a backup; if that key signs the tokens, run '{away}' \
                     and 'openssl pkey -in {key} -pubout -out {shown}'",
                    key = key.display()
                )
            }
            Self::MissingSans { .. } => format!("run 'kubewright certs renew {name} --sync-config'"),
            Self::MissingUsages { .. } | Self::WrongSubject { .. } => format!(
                "rename {shown} and its key and new ones will be generated: run 'mv --backup=numbered {shown} {shown}.old'"
            ),
            Self::OtherCaInside { ca } => format!(
                "one of the two belongs to another cluster: restore the CA that {shown} trusts to {}, from a backup or from another \
                 control plane, if the cluster uses it; otherwise rename {shown} and a new one will be written",
                ca.display()
            ),
            Self::Incomplete { .. } => {
                format!("restore {shown} from a backup, or run '{away}' and the same command again, which writes a new one")
            }
        }
    }
}
