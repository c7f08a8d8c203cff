//! Certificates and keys for the HTTP library. The library's own PEM parser quotes damaged lines in its errors, which
//! may be part of a private key: it only gets what [`pem::blocks`] has parsed.

use super::HttpsError;
use crate::base::pem::{self, Block};
use crate::base::secret::Secret;
use reqwest::{Certificate, Identity};
use zeroize::Zeroizing;

const CLIENT: &str = "client certificate or its key";
const AUTHORITIES: &str = "CA certificate";

/// The certificates of a bundle; at least one.
pub(super) fn ca_certificates(bundle: &[u8]) -> Result<Vec<Certificate>, HttpsError> {
    let blocks = pem::blocks(bundle).map_err(|e| HttpsError::material(AUTHORITIES, e))?;
    let certificates = blocks.iter().filter(|block| block.label == pem::CERTIFICATE);
    certificates
        .map(|block| Certificate::from_der(&block.der).map_err(|e| HttpsError::material(AUTHORITIES, e)))
        .collect()
}

/// A client certificate with its chain, and its key.
pub(super) fn identity(certificate: &[u8], key: &Secret<Vec<u8>>) -> Result<Identity, HttpsError> {
    let certificates = wanted(certificate, |block| block.label == pem::CERTIFICATE)?;
    let key = wanted(key.expose(), |block| block.label.ends_with("PRIVATE KEY"))?;
    let text = Zeroizing::new([certificates.as_str(), key.as_str()].concat());
    Identity::from_pem(text.as_bytes()).map_err(|e| HttpsError::material(CLIENT, e))
}

fn wanted(text: &[u8], is_wanted: fn(&Block) -> bool) -> Result<Zeroizing<String>, HttpsError> {
    let blocks = pem::blocks(text).map_err(|e| HttpsError::material(CLIENT, e))?;
    let mut wanted = Zeroizing::new(String::new());
    for block in blocks.iter().filter(|block| is_wanted(block)) {
        wanted.push_str(&Zeroizing::new(pem::encode(block.label, &block.der)));
    }
    Ok(wanted)
}
