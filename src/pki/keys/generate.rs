//! Generates keys.
//!
//! RSA key generation dominates the time of `init`, so the fastest available library is used: OpenSSL (40 ms for 2048
//! bits on the machine where both were measured) in release builds, which include it, and aws-lc (60 to 70 ms)
//! otherwise.

use super::{KeySource, PrivateKey};
use crate::config::model::KeyAlgorithm;
use crate::pki::error::PkiError;

/// Generates each key on demand.
pub struct Generator;

impl KeySource for Generator {
    fn take(&self, algorithm: KeyAlgorithm) -> Result<PrivateKey, PkiError> {
        let (private, public) =
            generate(algorithm).map_err(|reason| PkiError::Generate { algorithm: algorithm.name(), reason })?;
        Ok(PrivateKey::generated(algorithm, private, public))
    }
}

/// The private key (PKCS#1 or SEC 1) and the public key (`SubjectPublicKeyInfo`), both DER.
#[cfg(feature = "static")]
fn generate(algorithm: KeyAlgorithm) -> Result<(Vec<u8>, Vec<u8>), String> {
    use openssl::ec::{EcGroup, EcKey};
    use openssl::error::ErrorStack;
    use openssl::nid::Nid;
    use openssl::rsa::Rsa;

    let rsa = |bits| {
        let key = Rsa::generate(bits)?;
        Ok((key.private_key_to_der()?, key.public_key_to_der()?))
    };
    let ec = |curve| {
        let key = EcKey::generate(&*EcGroup::from_curve_name(curve)?)?;
        Ok((key.private_key_to_der()?, key.public_key_to_der()?))
    };
    match algorithm {
        KeyAlgorithm::Rsa2048 => rsa(2048),
        KeyAlgorithm::Rsa3072 => rsa(3072),
        KeyAlgorithm::Rsa4096 => rsa(4096),
        KeyAlgorithm::EcdsaP256 => ec(Nid::X9_62_PRIME256V1),
        KeyAlgorithm::EcdsaP384 => ec(Nid::SECP384R1),
    }
    .map_err(|e: ErrorStack| e.to_string())
}

/// The private key (PKCS#1 or SEC 1) and the public key (`SubjectPublicKeyInfo`), both DER.
#[cfg(not(feature = "static"))]
fn generate(algorithm: KeyAlgorithm) -> Result<(Vec<u8>, Vec<u8>), String> {
    use crate::pki::der;
    use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::error::Unspecified;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair,
    };

    let rsa = |size| {
        let key = RsaKeyPair::generate(size)?;
        let wrapped: Pkcs8V1Der<'_> = key.as_der()?;
        let public: PublicKeyX509Der<'_> = key.public_key().as_der()?;
        // PKCS#8 is version, algorithm and an OCTET STRING with the PKCS#1 key.
        let parts = der::sequence(wrapped.as_ref()).ok_or(Unspecified)?;
        let inner = parts.get(2).filter(|part| part.tag == der::OCTET_STRING).ok_or(Unspecified)?;
        Ok((inner.content.to_vec(), public.as_ref().to_vec()))
    };
    let ec = |curve| {
        let key = EcdsaKeyPair::generate(curve)?;
        let private: EcPrivateKeyRfc5915Der<'_> = key.private_key().as_der()?;
        let public: PublicKeyX509Der<'_> = key.public_key().as_der()?;
        Ok((private.as_ref().to_vec(), public.as_ref().to_vec()))
    };
    match algorithm {
        KeyAlgorithm::Rsa2048 => rsa(KeySize::Rsa2048),
        KeyAlgorithm::Rsa3072 => rsa(KeySize::Rsa3072),
        KeyAlgorithm::Rsa4096 => rsa(KeySize::Rsa4096),
        KeyAlgorithm::EcdsaP256 => ec(&ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyAlgorithm::EcdsaP384 => ec(&ECDSA_P384_SHA384_ASN1_SIGNING),
    }
    .map_err(|e: Unspecified| e.to_string())
}
