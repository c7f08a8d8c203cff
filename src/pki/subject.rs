//! The subject of a certificate.

use super::der;
use crate::base::pem;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

/// OID 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// OID 2.5.4.10.
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];

/// A subject as Kubernetes reads it: the user and its groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The common name (CN).
    pub common_name: String,
    /// The organizations (O).
    pub organizations: Vec<String>,
}

impl Subject {
    pub fn new(common_name: impl Into<String>, organizations: &[&str]) -> Self {
        let organizations = organizations.iter().map(|o| (*o).to_owned()).collect();
        Self { common_name: common_name.into(), organizations }
    }

    /// The subject of a certificate or a request.
    pub fn of_name(name: &X509Name<'_>) -> Self {
        Self {
            common_name: name.iter_common_name().find_map(|a| a.as_str().ok()).unwrap_or_default().into(),
            organizations: name.iter_organization().filter_map(|a| a.as_str().ok()).map(str::to_owned).collect(),
        }
    }

    /// The subject of a request as the cluster stores it: PEM in base64 (`spec.request` of a
    /// `CertificateSigningRequest`). None if it cannot be parsed.
    pub fn of_request(request: &str) -> Option<Self> {
        let blocks = pem::blocks(&STANDARD.decode(request).ok()?).ok()?;
        let (_, request) = X509CertificationRequest::from_der(&blocks.first()?.der).ok()?;
        Some(Self::of_name(&request.certification_request_info.subject))
    }

    /// The DER encoding of Go's encoder: all groups in one set, then the common name.
    pub fn to_der(&self) -> Vec<u8> {
        let mut names = Vec::new();
        if !self.organizations.is_empty() {
            let mut set: Vec<_> = self.organizations.iter().map(|o| attribute(ORGANIZATION, o)).collect();
            // DER requires the elements of a set in the order of their encodings.
            set.sort();
            names.extend(der::encode(der::SET, &set.concat()));
        }
        if !self.common_name.is_empty() {
            names.extend(der::encode(der::SET, &attribute(COMMON_NAME, &self.common_name)));
        }
        der::encode(der::SEQUENCE, &names)
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for organization in &self.organizations {
            write!(f, "O={organization}, ")?;
        }
        write!(f, "CN={}", self.common_name)
    }
}

fn attribute(oid: &[u8], value: &str) -> Vec<u8> {
    // X.680 table 10; Go omits the same characters.
    let printable = |b: u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b);
    let tag = if value.bytes().all(printable) { der::PRINTABLE_STRING } else { der::UTF8_STRING };
    let mut content = der::encode(der::OBJECT_IDENTIFIER, oid);
    content.extend(der::encode(tag, value.as_bytes()));
    der::encode(der::SEQUENCE, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parser_reads_every_group_and_the_user() {
        let subject = Subject::new("jane_doe@example.com", &["devs", "admins"]).to_der();
        let (rest, name) = X509Name::from_der(&subject).unwrap();
        assert!(rest.is_empty());
        assert_eq!(name.to_string(), "O=devs + O=admins, CN=jane_doe@example.com");
    }

    #[test]
    fn other_bytes_than_a_request_have_no_subject() {
        assert_eq!(Subject::of_request("bm90IGEgcmVxdWVzdA=="), None);
        assert_eq!(Subject::of_request("?"), None);
    }

    #[test]
    fn a_plain_name_is_a_printable_string() {
        let subject = Subject::new("kubernetes", &[]).to_der();
        assert_eq!(subject[..9], [0x30, 0x15, 0x31, 0x13, 0x30, 0x11, 0x06, 0x03, 0x55]);
        assert_eq!(subject[11], der::PRINTABLE_STRING);
    }
}
