//! The formats of certificates from external CAs: PEM, DER, PKCS#7. The files of a cluster are PEM.

use super::cert::Cert;
use super::der::{self, Element};
use super::error::CertificateError;
use crate::base::pem;

/// `[0]`: the content of a `ContentInfo`, and the certificates of a `SignedData` (RFC 2315).
const CONTEXT_0: u8 = 0xa0;

/// The certificates of a file in any of these formats, in the order of the file.
pub(super) fn certificates(bytes: &[u8]) -> Result<Vec<Cert>, CertificateError> {
    match Cert::bundle_from_pem(bytes) {
        Err(CertificateError::Der) => Ok(Cert::from_der(bytes).into_iter().collect()),
        Err(CertificateError::Pkcs7 { form: "" }) => {
            let blocks = pem::blocks(bytes)?;
            of_pkcs7(blocks.first().map(|block| block.der.as_slice()).unwrap_or_default())
        }
        Err(CertificateError::Pkcs7 { .. }) => of_pkcs7(bytes),
        other => other,
    }
}

/// The certificates of a PKCS#7 file without content.
fn of_pkcs7(envelope: &[u8]) -> Result<Vec<Cert>, CertificateError> {
    let inside = || -> Option<Vec<Cert>> {
        let outer = der::sequence(envelope)?;
        let [_, content] = outer.as_slice() else { return None };
        let signed = der::sequence(content.content)?;
        let set = signed.iter().find(|part| part.tag == CONTEXT_0)?;
        let certs = der::elements(set.content)?;
        // Alternatives to a certificate (attribute certificates) have a context tag.
        let is_certificate = |one: &&Element<'_>| one.tag == der::SEQUENCE;
        certs.iter().filter(is_certificate).map(|one| Cert::from_der(one.raw)).collect()
    };
    match inside() {
        Some(certs) if !certs.is_empty() => Ok(certs),
        _ => Err(CertificateError::Pkcs7Unread),
    }
}

/// The certificates in the order in which a component reads them: the one of this key first, followed by each issuer.
/// If no certificate matches this key, in their original order.
pub(super) fn in_order(mut certs: Vec<Cert>, key: &[u8]) -> Vec<Cert> {
    let Some(place) = certs.iter().position(|cert| cert.has_key(key)) else { return certs };
    let mut chain = vec![certs.remove(place)];
    while let Some(last) = chain.last()
        && let Some(next) = certs.iter().position(|cert| last != cert && last.is_signed_by(cert))
    {
        chain.push(certs.remove(next));
    }
    // A root at the end is useless: a client that trusts it has it.
    if chain.len() > 1 && chain.last().is_some_and(|last| last.is_signed_by(last)) {
        chain.pop();
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::pem::PemError;
    use crate::pki::verifiers::openssl;
    use std::process::Command;

    /// A self-signed certificate and its key, PEM.
    fn pair() -> (String, String) {
        let key = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("k");
        std::fs::write(&path, &key).unwrap();
        let cert = openssl(&["req", "-x509", "-key", path.to_str().unwrap(), "-subj", "/CN=x", "-days", "2"], "");
        (cert, key)
    }

    fn binary(args: &[&str], pem: &str) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c");
        std::fs::write(&path, pem).unwrap();
        let output = Command::new("openssl").args(args).arg(&path).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    }

    #[test]
    fn every_format_of_a_signed_certificate_is_parsed() {
        let (pem, _) = pair();
        let cert = Cert::bundle_from_pem(pem.as_bytes()).unwrap();
        let der = cert[0].der.clone();
        let p7 = binary(&["crl2pkcs7", "-nocrl", "-certfile"], &pem);
        let p7_der = binary(&["crl2pkcs7", "-nocrl", "-outform", "der", "-certfile"], &pem);
        for bytes in [pem.into_bytes(), der, p7, p7_der] {
            assert_eq!(certificates(&bytes).unwrap(), cert);
        }
    }

    #[test]
    fn a_certificate_file_that_is_not_pem_is_refused_by_its_format() {
        let (pem, key) = pair();
        let cert = Cert::bundle_from_pem(pem.as_bytes()).unwrap().remove(0);
        let p7 = binary(&["crl2pkcs7", "-nocrl", "-certfile"], &pem);
        let p7_der = binary(&["crl2pkcs7", "-nocrl", "-outform", "der", "-certfile"], &pem);
        let p12 = binary(&["pkcs12", "-export", "-passout", "pass:x", "-in"], &format!("{pem}{key}"));
        for (bytes, expected) in [
            (cert.der, CertificateError::Der),
            (p7, CertificateError::Pkcs7 { form: "" }),
            (p7_der, CertificateError::Pkcs7 { form: " -inform der" }),
            (p12, CertificateError::Pkcs12),
            (b"\x30\x03\x02\x01".to_vec(), CertificateError::Pem(PemError::NoBlock)),
        ] {
            assert_eq!(Cert::bundle_from_pem(&bytes).unwrap_err(), expected);
        }
    }
}
