//! A parsed certificate.

use super::catalog::Usage;
use super::error::{CertificateError, PkiError};
use super::not_pem;
use super::path;
use super::public_key::{algorithm_of, public_bits};
use super::sans::Sans;
use super::subject::Subject;
use crate::base::pem;
use crate::base::pin::Pin;
use crate::config::model::KeyAlgorithm;
use std::net::IpAddr;
use std::path::Path;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

// Four independent facts of a certificate; an enum would not make them clearer.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, PartialEq, Eq)]
pub struct Cert {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// Common name and groups. Other attributes of the subject are only in `subject_der`.
    pub subject: Subject,
    /// The whole subject, byte for byte.
    pub subject_der: Vec<u8>,
    /// The whole issuer, for people.
    pub issuer: String,
    /// The whole issuer, byte for byte.
    pub issuer_der: Vec<u8>,
    /// The serial number in hexadecimal, two digits a byte.
    pub serial: String,
    /// `notBefore`, in seconds since the epoch.
    pub not_before: i64,
    /// `notAfter`, in seconds since the epoch.
    pub not_after: i64,
    /// Basic constraints: CA.
    pub is_ca: bool,
    /// False if its key usage does not include certificate signing.
    pub may_sign: bool,
    /// False if its extended key usage does not include server authentication.
    pub for_servers: bool,
    /// False if its extended key usage does not include client authentication.
    pub for_clients: bool,
    pub sans: Sans,
    /// The subject key identifier, if it has one.
    pub key_id: Option<Vec<u8>>,
    /// The public key as DER `SubjectPublicKeyInfo`.
    pub public_der: Vec<u8>,
}

impl Cert {
    /// Parses one certificate; None if the bytes are something else.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let (rest, x509) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let mut cert = Self {
            der: der.to_vec(),
            subject: Subject::of_name(x509.subject()),
            subject_der: x509.subject().as_raw().to_vec(),
            issuer: x509.issuer().to_string(),
            issuer_der: x509.issuer().as_raw().to_vec(),
            serial: hex(x509.raw_serial()),
            not_before: x509.validity().not_before.timestamp(),
            not_after: x509.validity().not_after.timestamp(),
            is_ca: false,
            may_sign: true,
            for_servers: true,
            for_clients: true,
            sans: Sans::default(),
            key_id: None,
            public_der: x509.public_key().raw.to_vec(),
        };
        for extension in x509.extensions() {
            cert.learn(extension.parsed_extension());
        }
        Some(cert)
    }

    /// The whole subject, for people.
    pub fn whole_subject(&self) -> String {
        X509Certificate::from_der(&self.der).map(|(_, x509)| x509.subject().to_string()).unwrap_or_default()
    }

    /// Every certificate in a PEM file, in order; at least one. Other blocks are skipped.
    pub fn bundle_from_pem(bytes: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let blocks =
            pem::blocks(bytes).map_err(|error| not_pem::of_pem(error, bytes, || Self::from_der(bytes).is_some()))?;
        let certs = blocks
            .iter()
            .filter(|block| block.label == pem::CERTIFICATE)
            .enumerate()
            .map(|(i, block)| Self::from_der(&block.der).ok_or(CertificateError::Damaged { number: i + 1 }))
            .collect::<Result<Vec<_>, _>>()?;
        if certs.is_empty() && blocks.iter().any(|block| matches!(block.label, "PKCS7" | "CMS")) {
            return Err(CertificateError::Pkcs7 { form: "" });
        }
        if certs.is_empty() {
            return Err(CertificateError::OtherBlocks { found: pem::labels(&blocks) });
        }
        Ok(certs)
    }

    /// Like [`Cert::bundle_from_pem`]; errors name the path.
    pub fn bundle_from_file(path: &Path, bytes: &[u8]) -> Result<Vec<Self>, PkiError> {
        Self::bundle_from_pem(bytes).map_err(|source| PkiError::NotACertificate { path: path.to_path_buf(), source })
    }

    /// The usages that its extended key usage includes.
    pub fn usages(&self) -> Vec<Usage> {
        let usages = [(Usage::Server, self.for_servers), (Usage::Client, self.for_clients)];
        usages.into_iter().filter(|(_, has)| *has).map(|(usage, _)| usage).collect()
    }

    /// The certificate in PEM.
    pub fn pem(&self) -> String {
        pem::encode(pem::CERTIFICATE, &self.der)
    }

    /// True if `ca` signed this certificate: the issuer matches and the signature is valid. Validity periods are not
    /// checked.
    pub fn is_signed_by(&self, ca: &Self) -> bool {
        if self.issuer_der != ca.subject_der {
            return false;
        }
        if path::is_verified_by(&self.der, &ca.public_der) {
            return true;
        }
        // Algorithms that clients reject are told apart from other CAs.
        let (Ok((_, this)), Ok((_, ca))) = (X509Certificate::from_der(&self.der), X509Certificate::from_der(&ca.der))
        else {
            return false;
        };
        this.verify_signature(Some(ca.public_key())).is_ok()
    }

    /// True if `spki` is the public key of this certificate.
    pub fn has_key(&self, spki: &[u8]) -> bool {
        public_bits(spki).is_some_and(|bits| public_bits(&self.public_der) == Some(bits))
    }

    /// The algorithm of its key, if it is a supported one.
    pub fn algorithm(&self) -> Option<KeyAlgorithm> {
        algorithm_of(&self.public_der)
    }

    /// The CA certificate hash of its key.
    pub fn pin(&self) -> Pin {
        Pin::of_public_key(&self.public_der)
    }

    fn learn(&mut self, extension: &ParsedExtension<'_>) {
        match extension {
            ParsedExtension::BasicConstraints(constraints) => self.is_ca = constraints.ca,
            ParsedExtension::KeyUsage(usage) => self.may_sign = usage.key_cert_sign(),
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.for_servers = usage.any || usage.server_auth;
                self.for_clients = usage.any || usage.client_auth;
            }
            ParsedExtension::SubjectKeyIdentifier(id) => self.key_id = Some(id.0.to_vec()),
            ParsedExtension::SubjectAlternativeName(names) => {
                for name in &names.general_names {
                    match name {
                        GeneralName::DNSName(name) => self.sans.dns.push((*name).into()),
                        GeneralName::IPAddress(bytes) => self.sans.ips.extend(address(bytes)),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

impl std::fmt::Debug for Cert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cert({}, serial {})", self.subject, self.serial)
    }
}

/// The certificates as one PEM file.
pub fn bundle_pem(certs: &[Cert]) -> String {
    certs.iter().map(Cert::pem).collect()
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::verifiers::openssl;

    #[test]
    fn certificates_of_openssl_are_parsed_completely() {
        let pem = openssl(
            &[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-384",
                "-nodes",
                "-keyout",
                "/dev/null",
                "-subj",
                "/DC=com/O=Acme/OU=a/O=Second/CN=web",
                "-days",
                "2",
                "-set_serial",
                "0x00ff01",
                "-addext",
                "subjectAltName=DNS:web.local,IP:10.0.0.1,IP:fd00::1,email:a@b",
                "-addext",
                "extendedKeyUsage=serverAuth",
                "-addext",
                "keyUsage=critical,digitalSignature",
                "-addext",
                "basicConstraints=critical,CA:FALSE",
            ],
            "",
        );
        let cert = Cert::bundle_from_pem(pem.as_bytes()).unwrap().remove(0);
        assert_eq!(cert.subject, Subject::new("web", &["Acme", "Second"]));
        assert_eq!(cert.serial, "00ff01");
        assert_eq!(cert.not_after - cert.not_before, 2 * 24 * 3600);
        assert_eq!(cert.sans.to_string(), "web.local, 10.0.0.1, fd00::1");
        assert_eq!((cert.is_ca, cert.may_sign, cert.for_servers, cert.for_clients), (false, false, true, false));
        assert_eq!(cert.algorithm(), Some(KeyAlgorithm::EcdsaP384));
        assert!(cert.is_signed_by(&cert));
        assert_eq!(cert.pem(), pem);
    }

    #[test]
    fn a_file_without_a_certificate_names_the_blocks_it_contains() {
        let key = pem::encode("PRIVATE KEY", b"x");
        let error = Cert::bundle_from_pem(key.as_bytes()).unwrap_err();
        assert_eq!(error, CertificateError::OtherBlocks { found: "PRIVATE KEY".into() });
        let error = Cert::bundle_from_pem(pem::encode(pem::CERTIFICATE, b"x").as_bytes()).unwrap_err();
        assert_eq!(error, CertificateError::Damaged { number: 1 });
    }
}
