//! The rules for certificate chains that clients apply beyond signature and name, and what to do when one is broken.

use super::cert::Cert;
use super::moment;

/// A certificate of a chain, and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The subject of the certificate, for people; None for the first one, whose file is named already.
    pub certificate: Option<String>,
    pub rule: Rule,
}

/// A rule, with what breaks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No CA that is trusted has signed the chain.
    UnknownIssuer,
    /// Signed with an algorithm that clients reject.
    Signature {
        /// `SHA-1`, or an object identifier.
        algorithm: String,
    },
    /// Its key is on an elliptic curve that clients do not support.
    Curve { name: String },
    Expired {
        /// Seconds since the epoch.
        at: i64,
    },
    NotYetValid {
        /// Seconds since the epoch.
        from: i64,
    },
    /// An extension that is critical and unknown.
    Critical {
        /// Its object identifier.
        extension: String,
    },
    /// It signed another certificate, but is not a CA.
    NotACa,
    /// It signed another certificate, but its key usage does not allow that.
    MayNotSign,
    /// A leaf certificate that is a CA.
    CaAsLeaf,
    /// More CAs below a CA than its path length allows.
    PathLength { allowed: u32, below: usize },
    /// Its extended key usage excludes these.
    Usages {
        /// `serverAuth`, `clientAuth`.
        usages: Vec<&'static str>,
    },
    /// Its name constraints exclude these SANs.
    Names {
        names: Vec<String>,
        /// The name constraints, for people.
        constraints: String,
    },
    /// Name constraints of a kind that clients cannot check.
    DirectoryNames,
    /// Something else, in the words of the library.
    Other(String),
}

impl Broken {
    /// The rule that this certificate, number `place` of its chain, breaks.
    pub fn at(place: usize, cert: &Cert, rule: Rule) -> Self {
        Self { certificate: (place > 0).then(|| cert.whole_subject()), rule }
    }

    /// What the user can do about a certificate that was signed elsewhere.
    pub fn fix(&self) -> String {
        let whose = if self.certificate.is_some() { "a chain over another CA certificate" } else { "a certificate" };
        match &self.rule {
            Rule::Signature { .. } => format!("have the request signed again with SHA-256, and import {whose} that is signed so"),
            Rule::Expired { .. } if self.certificate.is_some() => {
                "ask for the current certificate of that CA, and import the file with it in place of the expired one".into()
            }
            Rule::NotYetValid { .. } => "correct the clock of this host: run 'timedatectl'".into(),
            Rule::Names { .. } | Rule::DirectoryNames => {
                "have the request signed by a CA whose name constraints permit these SANs; run 'openssl req -noout -text -in REQUEST' \
                 to see what a request contains"
                    .into()
            }
            Rule::PathLength { .. } => "have the request signed by a CA that the path length allows".into(),
            Rule::Critical { .. } if self.certificate.is_none() => {
                "have the request signed again without that extension, or with the extension not marked critical".into()
            }
            _ => format!("have the request signed again, and import {whose} that clients accept"),
        }
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.certificate {
            None => write!(f, "the certificate {}", self.rule),
            Some(name) => write!(f, "the CA '{name}' of its chain {}", self.rule),
        }
    }
}

impl std::fmt::Display for Rule {
    /// A predicate: `expired on …`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownIssuer => f.write_str("is signed by another CA"),
            Self::Signature { algorithm } => write!(f, "is signed with {algorithm}, which clients reject"),
            Self::Curve { name } => {
                write!(f, "has a key on the unsupported elliptic curve {name}; supported are P-256, P-384 and P-521")
            }
            Self::Expired { at } => write!(f, "expired on {}", moment::text(*at)),
            Self::NotYetValid { from } => write!(f, "is not valid before {}", moment::text(*from)),
            Self::Critical { extension } => {
                write!(f, "has the extension {extension}, which is marked critical and which clients do not know")
            }
            Self::NotACa => f.write_str("is not a CA, but has signed a certificate"),
            Self::MayNotSign => f.write_str("has a key usage that does not allow it to sign certificates"),
            Self::CaAsLeaf => f.write_str("is a CA, which clients reject as a certificate of a server or client"),
            Self::PathLength { allowed, below } => {
                write!(f, "has the path length {allowed}, but there are {below} CAs below it")
            }
            Self::Usages { usages } => {
                write!(f, "has an extended key usage that does not include {}", usages.join(" and "))
            }
            Self::Names { names, constraints } => {
                write!(f, "has name constraints that exclude {}: {constraints}", names.join(", "))
            }
            Self::DirectoryNames => f.write_str("has name constraints for directory names, which clients cannot check"),
            Self::Other(text) => write!(f, "is rejected by clients: {text}"),
        }
    }
}
