//! The names of elliptic curves that neither kubewright nor Kubernetes supports.

use super::super::der;

/// OID 1.2.840.10045.2.1, id-ecPublicKey.
pub(super) const EC_OID: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// The supported curves as object identifiers: P-256, P-384, P-521.
const SUPPORTED: [&[u8]; 3] = [
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    &[0x2b, 0x81, 0x04, 0x00, 0x22],
    &[0x2b, 0x81, 0x04, 0x00, 0x23],
];

/// Common unsupported curves, from RFC 5480, RFC 5639 and GB/T 32918.
const NAMES: [(&[u8], &str); 8] = [
    (&[0x2b, 0x81, 0x04, 0x00, 0x0a], "secp256k1"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x20], "secp224k1"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x21], "secp224r1 (P-224)"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01], "prime192v1 (P-192)"),
    (&[0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07], "brainpoolP256r1"),
    (&[0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0b], "brainpoolP384r1"),
    (&[0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0d], "brainpoolP512r1"),
    (&[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d], "SM2"),
];

/// The curve of a public key (DER `SubjectPublicKeyInfo`), if it is unsupported.
pub fn unsupported(spki: &[u8]) -> Option<String> {
    of_algorithm(der::sequence(spki)?.first()?.content)
}

/// The curve in an algorithm identifier, if it is unsupported.
pub(super) fn of_algorithm(content: &[u8]) -> Option<String> {
    match der::elements(content)?.as_slice() {
        [algorithm, parameters, ..] if algorithm.content == EC_OID => name(parameters),
        _ => None,
    }
}

/// The curve of an EC PRIVATE KEY, if it is given and unsupported.
pub(super) fn of_sec1(key: &[u8]) -> Option<String> {
    /// `[0]` of an `ECPrivateKey` (RFC 5915): its parameters.
    const PARAMETERS: u8 = 0xa0;
    let parts = der::sequence(key)?;
    let parameters = parts.iter().find(|part| part.tag == PARAMETERS)?;
    name(der::elements(parameters.content)?.first()?)
}

fn name(parameters: &der::Element<'_>) -> Option<String> {
    if parameters.tag != der::OBJECT_IDENTIFIER {
        return Some("given by explicit parameters".into());
    }
    if SUPPORTED.contains(&parameters.content) {
        return None;
    }
    let known = NAMES.iter().find(|(oid, _)| *oid == parameters.content);
    Some(known.map_or("of another name", |(_, name)| name).into())
}
