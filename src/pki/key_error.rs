//! Why a file holds no private or public key that can be used.

use super::der;
use crate::base::pem::PemError;
use std::path::Path;

/// What is in the file instead of a usable key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// It is DER.
    #[error("it is DER, and Kubernetes reads keys as PEM")]
    Der,
    /// There are blocks, and none is a private key.
    #[error("it holds {found} and no private key")]
    OtherBlocks {
        /// The labels that were found.
        found: String,
    },
    /// There are blocks, and no public key can be taken from one.
    #[error("it holds {found} and no public key")]
    NoPublicKey {
        /// The labels that were found.
        found: String,
    },
    /// A password would be needed.
    #[error("the key is encrypted with a password")]
    Encrypted,
    /// RSA, and shorter than is safe.
    #[error("the RSA key has {bits} bits, and less than 2048 are not safe")]
    TooShort {
        /// Its length.
        bits: usize,
    },
    /// ECDSA on a curve that is not supported.
    #[error("the key is on the unsupported elliptic curve {name}; supported are P-256, P-384 and P-521")]
    Curve {
        /// The curve.
        name: String,
    },
    /// Another kind of key.
    #[error("the key is neither RSA nor ECDSA on P-256, P-384 or P-521")]
    Unsupported,
    /// It has the shape of a key, and its numbers do not fit together.
    #[error("the key is damaged")]
    Damaged,
}

impl KeyError {
    /// What a file is that is not PEM.
    pub fn of_pem(error: PemError, bytes: &[u8]) -> Self {
        if error == PemError::NoBlock && der::sequence(bytes).is_some() { Self::Der } else { Self::Pem(error) }
    }

    /// What the user can do.
    pub fn fix(&self, path: &Path) -> String {
        if let Self::Pem(error) = self
            && let Some(fix) = error.fix(path)
        {
            return fix;
        }
        let path = path.display();
        match self {
            Self::Encrypted => format!(
                "Kubernetes cannot ask for the password; run 'umask 077; openssl pkey -in {path} -out {path}.plain' and put the result in its place"
            ),
            Self::Der => format!(
                "run 'umask 077; openssl pkey -inform der -in {path} -out {path}.pem' and put the result in its place"
            ),
            Self::TooShort { .. } | Self::Unsupported | Self::Curve { .. } => {
                "use RSA of 2048 bits or more, or ECDSA on P-256 or P-384; a new key needs a new certificate".into()
            }
            Self::NoPublicKey { .. } => {
                format!("run 'openssl pkey -in KEY -pubout -out {path}' with the private key that belongs to it")
            }
            Self::Pem(_) | Self::OtherBlocks { .. } | Self::Damaged => {
                format!("run 'openssl pkey -in {path} -noout -check' to look at it, and copy the right key to {path}")
            }
        }
    }
}
