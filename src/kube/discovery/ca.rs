//! The CA certificates in cluster information, and their pins.

use crate::base::pem;
use crate::base::pin::Pin;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The pin of a certificate in DER; None if the bytes are not a certificate.
pub(super) fn of_certificate(der: &[u8]) -> Option<Pin> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(Pin::of_public_key(certificate.tbs_certificate.subject_pki.raw))
}

/// The certificates of a PEM bundle in DER; None if it has none, or an invalid one.
pub(super) fn certificates(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let blocks = pem::blocks(text).ok()?;
    let good =
        blocks.iter().all(|block| block.label == pem::CERTIFICATE && X509Certificate::from_der(&block.der).is_ok());
    good.then(|| blocks.into_iter().map(|block| block.der.to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::TestCa;

    /// A certificate created with openssl and the hash that openssl's own tools print for its key.
    #[test]
    fn a_pin_is_what_openssl_prints() {
        for (pem, expected) in [
            (include_bytes!("testdata/rsa.crt").as_slice(), include_str!("testdata/rsa.pin")),
            (include_bytes!("testdata/ec.crt").as_slice(), include_str!("testdata/ec.pin")),
        ] {
            assert_eq!(of_certificate(&certificates(pem).unwrap()[0]).unwrap().to_string(), expected.trim());
        }
    }

    #[test]
    fn a_bundle_with_an_invalid_certificate_is_refused() {
        let (one, two) = (TestCa::new("one"), TestCa::new("two"));
        let bundle = [one.pem(), two.pem()].concat();
        assert_eq!(certificates(&bundle).unwrap(), [one.der(), two.der()]);
        assert_eq!(certificates(b""), None);
        assert_eq!(certificates(&[bundle.as_slice(), &one.local_leaf().key].concat()), None);
        assert_eq!(certificates(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), None);
    }
}
