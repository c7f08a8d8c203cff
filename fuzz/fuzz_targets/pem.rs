//! A PEM file, whatever it holds, is read as certificates or as a key, or refused.
#![no_main]

use kubewright::pki::{Cert, PrivateKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = PrivateKey::from_pem(bytes);
    if let Ok(certificates) = Cert::bundle_from_pem(bytes) {
        assert!(!certificates.is_empty(), "a bundle without a certificate was accepted");
        for certificate in certificates {
            assert!(certificate.pem().starts_with("-----BEGIN CERTIFICATE-----"));
        }
    }
});
