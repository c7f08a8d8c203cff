//! Pins: the SHA-256 of a CA's public key, by which a joining host knows the right CA.
//!
//! A pin is what `openssl x509 -pubkey | openssl pkey -pubin -outform DER | sha256sum` prints, after `sha256:`.

use super::error::DiscoveryError;
use aws_lc_rs::digest::{SHA256, digest};
use std::fmt;
use std::str::FromStr;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The hash of a public key (its `SubjectPublicKeyInfo`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    /// The pin of a certificate in DER; None when the bytes are no certificate.
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let hash = digest(&SHA256, certificate.tbs_certificate.subject_pki.raw);
        Some(Self(hash.as_ref().try_into().ok()?))
    }

    /// The pins of all certificates of a PEM bundle, in its order; None when something in it is no certificate.
    pub fn of_bundle(pem: &[u8]) -> Option<Vec<Self>> {
        certificates(pem)?.iter().map(|der| Self::of_certificate(der)).collect()
    }
}

impl FromStr for Pin {
    type Err = DiscoveryError;

    fn from_str(text: &str) -> Result<Self, DiscoveryError> {
        parse(text).ok_or_else(|| DiscoveryError::BadPin { text: text.into() })
    }
}

fn parse(text: &str) -> Option<Pin> {
    let (algorithm, digits) = text.trim().split_once(':')?;
    let hexadecimal = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !algorithm.eq_ignore_ascii_case("sha256") || !hexadecimal {
        return None;
    }
    let bytes = (0..64).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok());
    Some(Pin(bytes.collect::<Option<Vec<u8>>>()?.try_into().ok()?))
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The certificates of a PEM bundle in DER; None when it has none, or something in it is none.
pub(super) fn certificates(pem: &[u8]) -> Option<Vec<Vec<u8>>> {
    let blocks = Pem::iter_from_buffer(pem).collect::<Result<Vec<_>, _>>().ok()?;
    let good = !blocks.is_empty()
        && blocks
            .iter()
            .all(|block| block.label == "CERTIFICATE" && X509Certificate::from_der(&block.contents).is_ok());
    good.then(|| blocks.into_iter().map(|block| block.contents).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::TestCa;

    #[test]
    fn pins_are_read_and_written() {
        let text = format!("sha256:{}", "0f".repeat(32));
        assert_eq!(text.parse::<Pin>().unwrap().to_string(), text);
        assert_eq!(format!("SHA256:{}", "0F".repeat(32)).parse::<Pin>().unwrap().to_string(), text);
        for bad in [
            "",
            "sha256:",
            "0f0f",
            "sha1:0f",
            &text[..70],
            &format!("{text}0"),
            &text.replace('0', "é"),
            &text.replace("0f", "+f"),
        ] {
            assert!(bad.parse::<Pin>().is_err(), "{bad}");
        }
    }

    /// A certificate made by openssl and the hash that openssl's own tools print for its key.
    #[test]
    fn a_pin_is_what_openssl_prints() {
        for (pem, expected) in [
            (include_bytes!("testdata/rsa.crt").as_slice(), include_str!("testdata/rsa.pin")),
            (include_bytes!("testdata/ec.crt").as_slice(), include_str!("testdata/ec.pin")),
        ] {
            assert_eq!(Pin::of_bundle(pem).unwrap()[0].to_string(), expected.trim());
        }
    }

    #[test]
    fn a_bundle_is_all_certificates_or_none() {
        let (one, two) = (TestCa::new("one"), TestCa::new("two"));
        let bundle = [one.pem(), two.pem()].concat();
        assert_eq!(certificates(&bundle).unwrap(), [one.der(), two.der()]);
        assert_eq!(certificates(b""), None);
        assert_eq!(certificates(&[bundle.as_slice(), &one.local_leaf().key].concat()), None);
        assert_eq!(certificates(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), None);
    }
}
