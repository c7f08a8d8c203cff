//! Verifies the signature of one certificate.

use super::der;
use rustls::pki_types::SignatureVerificationAlgorithm;
use webpki::ALL_VERIFICATION_ALGS;

/// True if the key `public` (DER `SubjectPublicKeyInfo`) verifies the signature of a certificate (DER), with one of the
/// algorithms that clients accept.
pub(super) fn is_verified_by(cert: &[u8], public: &[u8]) -> bool {
    let verify = || {
        let (cert, public) = (der::sequence(cert)?, der::sequence(public)?);
        let ([signed, algorithm, signature], [kind, key]) = (cert.as_slice(), public.as_slice()) else { return None };
        // A BIT STRING begins with the number of unused bits of its last byte.
        let (signature, key) = (signature.content.get(1..)?, key.content.get(1..)?);
        let fits = |candidate: &&&dyn SignatureVerificationAlgorithm| {
            candidate.signature_alg_id().as_ref() == algorithm.content
                && candidate.public_key_alg_id().as_ref() == kind.content
        };
        let mut candidates = ALL_VERIFICATION_ALGS.iter().filter(fits);
        Some(candidates.any(|candidate| candidate.verify_signature(key, signed.raw, signature).is_ok()))
    };
    verify().unwrap_or_default()
}
