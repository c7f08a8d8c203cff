//! Whom a request for a certificate is for, as the cluster keeps it.
//!
//! Reads: what it is handed. Writes: nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;

/// The common name in a request that is PEM in base64 (`spec.request` of a `CertificateSigningRequest`); None when it
/// is no request, or names nobody.
pub fn common_name(request: &str) -> Option<String> {
    let text = STANDARD.decode(request).ok()?;
    let (_, pem) = parse_x509_pem(&text).ok()?;
    let (_, request) = X509CertificationRequest::from_der(&pem.contents).ok()?;
    let subject = &request.certification_request_info.subject;
    let name = subject.iter_common_name().next()?.as_str().ok()?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_tells_whom_it_is_for() {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "system:node:n1");
        let key = rcgen::KeyPair::generate().unwrap();
        let text = params.serialize_request(&key).unwrap().pem().unwrap();
        assert_eq!(common_name(&STANDARD.encode(text)).as_deref(), Some("system:node:n1"));
        assert_eq!(common_name("bm90IGEgcmVxdWVzdA=="), None);
        assert_eq!(common_name("?"), None);
    }
}
