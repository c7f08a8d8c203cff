//! Why a file does not contain a usable certificate.

use crate::base::pem::PemError;
use std::path::Path;

/// Why bytes are not a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The file is not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// It is a certificate in DER.
    #[error("it is a certificate in DER; Kubernetes requires PEM")]
    Der,
    /// It is a PKCS#7 file with certificates.
    #[error("it is PKCS#7; Kubernetes requires certificates in PEM")]
    Pkcs7 {
        /// The option of openssl for it.
        form: &'static str,
    },
    /// A PKCS#7 file without a certificate that can be parsed.
    #[error("it is PKCS#7 without a certificate that can be parsed")]
    Pkcs7Unread,
    /// It is a PKCS#12 file.
    #[error("it is PKCS#12; Kubernetes requires certificates and keys in PEM")]
    Pkcs12,
    /// There are PEM blocks, but none is a certificate.
    #[error("it holds {found} but no CERTIFICATE block")]
    OtherBlocks {
        /// The labels of the blocks.
        found: String,
    },
    /// A block is not an X.509 certificate.
    #[error("certificate number {number} in it is damaged")]
    Damaged {
        /// From 1.
        number: usize,
    },
}

impl CertificateError {
    /// The command that converts the file, if there is one.
    pub(super) fn fix(&self, path: &Path) -> Option<String> {
        let convert = |command: &str| {
            let path = path.display();
            Some(format!("run 'openssl {command} -in {path} -out {path}.pem' and replace the file with the result"))
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
