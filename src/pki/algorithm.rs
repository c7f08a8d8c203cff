//! The algorithm of the public key in a PEM block.

use super::public_key::algorithm_of;
use crate::config::model::KeyAlgorithm;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

/// The name of the algorithm in a public key or a certificate request; None for another block or algorithm.
pub fn of_block(label: &str, der: &[u8]) -> Option<&'static str> {
    let found = match label {
        "PUBLIC KEY" => algorithm_of(der),
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            let (_, request) = X509CertificationRequest::from_der(der).ok()?;
            algorithm_of(request.certification_request_info.subject_pki.raw)
        }
        _ => None,
    };
    found.map(KeyAlgorithm::name)
}
