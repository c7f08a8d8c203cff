//! What a `SubjectPublicKeyInfo` says.

use super::der;
use crate::config::model::KeyAlgorithm;

/// OID 1.2.840.113549.1.1.1, rsaEncryption.
pub(super) const RSA_OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// The bits of the public key itself inside a `SubjectPublicKeyInfo`: what two forms of one key share.
pub fn public_bits(spki: &[u8]) -> Option<&[u8]> {
    match der::sequence(spki)?.as_slice() {
        [_, bits] if bits.tag == der::BIT_STRING => bits.content.get(1..),
        _ => None,
    }
}

/// The algorithm of a public key, where it is one that can be asked for.
pub fn algorithm_of(spki: &[u8]) -> Option<KeyAlgorithm> {
    let parts = der::sequence(spki)?;
    let oids = der::elements(parts.first()?.content)?;
    let bits = public_bits(spki)?;
    if oids.first()?.content == RSA_OID {
        return match rsa_bits(der::sequence(bits)?.first()?.content) {
            2048 => Some(KeyAlgorithm::Rsa2048),
            3072 => Some(KeyAlgorithm::Rsa3072),
            4096 => Some(KeyAlgorithm::Rsa4096),
            _ => None,
        };
    }
    // An uncompressed point is a mark and two numbers.
    match bits.len() {
        65 => Some(KeyAlgorithm::EcdsaP256),
        97 => Some(KeyAlgorithm::EcdsaP384),
        _ => None,
    }
}

/// The length of a modulus: DER puts a zero byte before a number whose first bit is set.
pub(super) fn rsa_bits(modulus: &[u8]) -> usize {
    let digits = modulus.iter().position(|byte| *byte != 0).and_then(|start| modulus.get(start..)).unwrap_or_default();
    digits.first().map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize)
}
