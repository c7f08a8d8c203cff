//! What a certificate file is that is not PEM.

use super::der;
use super::error::CertificateError;
use crate::base::pem::PemError;

/// OID 1.2.840.113549.1.7.2, signedData.
pub(super) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const INTEGER: u8 = 0x02;

/// What a certificate file is that is not PEM.
pub(super) fn of_pem(error: PemError, bytes: &[u8], is_certificate: impl FnOnce() -> bool) -> CertificateError {
    let parts = if error == PemError::NoBlock { der::sequence(bytes) } else { None };
    match parts.as_deref() {
        Some([first, ..]) if first.tag == INTEGER => CertificateError::Pkcs12,
        Some([first, ..]) if first.content == SIGNED_DATA => CertificateError::Pkcs7 { form: " -inform der" },
        Some(_) if is_certificate() => CertificateError::Der,
        _ => CertificateError::Pem(error),
    }
}
