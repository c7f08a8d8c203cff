//! Why a file does not contain a usable private or public key.

use super::der;
use crate::base::pem::PemError;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// It is DER.
    #[error("it is DER; Kubernetes requires keys in PEM")]
    Der,
    /// There are PEM blocks, but none is a private key.
    #[error("it holds {found} but no private key")]
    OtherBlocks {
        /// The labels of the blocks.
        found: String,
    },
    /// There are PEM blocks, but none contains a public key.
    #[error("it holds {found} but no public key")]
    NoPublicKey {
        /// The labels of the blocks.
        found: String,
    },
    /// The key is encrypted.
    #[error("the key is encrypted with a password")]
    Encrypted,
    /// An RSA key that is too short.
    #[error("the RSA key has {bits} bits; at least 2048 are required")]
    TooShort { bits: usize },
    /// ECDSA on a curve that is not supported.
    #[error("the key is on the unsupported elliptic curve {name}; supported are P-256, P-384 and P-521")]
    Curve { name: String },
    #[error("the key is neither RSA nor ECDSA on P-256, P-384 or P-521")]
    Unsupported,
    /// It is encoded like a key, but its numbers are inconsistent.
    #[error("the key is damaged")]
    Damaged,
}

impl KeyError {
    /// The format of a file that is not PEM.
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
                "Kubernetes cannot use encrypted keys; run 'umask 077; openssl pkey -in {path} -out {path}.plain' and replace the file with the result"
            ),
            Self::Der => format!(
                "run 'umask 077; openssl pkey -inform der -in {path} -out {path}.pem' and replace the file with the result"
            ),
            Self::TooShort { .. } | Self::Unsupported | Self::Curve { .. } => {
                "use RSA of 2048 bits or more, or ECDSA on P-256 or P-384; a new key needs a new certificate".into()
            }
            Self::NoPublicKey { .. } => {
                format!("run 'openssl pkey -in KEY -pubout -out {path}' with the private key that belongs to it")
            }
            Self::Pem(_) | Self::OtherBlocks { .. } | Self::Damaged => {
                format!("run 'openssl pkey -in {path} -noout -check' to inspect it, and copy the correct key to {path}")
            }
        }
    }
}
