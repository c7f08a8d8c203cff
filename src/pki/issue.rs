//! The only code that signs certificates and requests.
//!
//! rcgen encodes the extensions; the names are inserted here, byte for byte. rcgen keeps one value of each attribute in
//! a name, so the certificates of a CA called `O=Acme, OU=a, OU=b` would not chain to it (rcgen issue 81), and a user
//! with two groups would lose one.

use super::catalog::Usage;
use super::cert::Cert;
use super::der;
use super::error::PkiError;
use super::keys::PrivateKey;
use super::sans::Sans;
use super::subject::Subject;
use super::validity::Validity;
use crate::base::env::Random;
use crate::base::pem;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm, SigningKey,
    SubjectPublicKeyInfo,
};
use time::OffsetDateTime;

/// OID 2.5.29.19, basicConstraints.
const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
/// The position of the issuer in a certificate: after version, serial number and algorithm.
const ISSUER: usize = 3;
/// The position of the subject in a certificate: after issuer and validity.
const SUBJECT: usize = 5;

/// The content of a certificate.
#[derive(Clone, Debug)]
pub struct Template {
    /// The subject in DER.
    pub subject_der: Vec<u8>,
    pub sans: Sans,
    /// Extended key usages; ignored for a CA.
    pub usages: Vec<Usage>,
    pub validity: Validity,
    /// Whether a leaf certificate contains the basic constraint `CA:FALSE`.
    pub says_no_ca: bool,
}

/// A CA certificate and its key.
#[derive(Clone, Copy)]
pub struct Authority<'a> {
    pub cert: &'a Cert,
    pub key: &'a PrivateKey,
}

/// Issues a self-signed CA certificate.
pub fn self_sign(template: &Template, key: &PrivateKey, random: &Random) -> Result<Cert, PkiError> {
    let mut params = params(template, random)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    let pair = key.pair()?;
    let draft = params.self_signed(&Unsigned(pair)).map_err(fault)?;
    finish(draft.der(), &template.subject_der, &template.subject_der, pair)
}

/// Issues a leaf certificate for the public key `public` (DER `SubjectPublicKeyInfo`), signed by the given CA.
pub fn sign(template: &Template, public: &[u8], authority: Authority<'_>, random: &Random) -> Result<Cert, PkiError> {
    let mut params = params(template, random)?;
    params.extended_key_usages = template.usages.iter().map(|usage| purpose(*usage)).collect();
    if template.says_no_ca {
        // rcgen's own function also writes a subject key identifier, which kubeadm's leaf certificates do not have.
        let mut constraints = CustomExtension::from_oid_content(BASIC_CONSTRAINTS, der::encode(der::SEQUENCE, &[]));
        constraints.set_criticality(true);
        params.custom_extensions.push(constraints);
    }
    let mut issuer = CertificateParams::default();
    if let Some(id) = &authority.cert.key_id {
        issuer.key_identifier_method = KeyIdMethod::PreSpecified(id.clone());
        params.use_authority_key_identifier_extension = true;
    }
    let pair = authority.key.pair()?;
    let public = SubjectPublicKeyInfo::from_der(public).map_err(fault)?;
    let draft = params.signed_by(&public, &Issuer::new(issuer, Unsigned(pair))).map_err(fault)?;
    finish(draft.der(), &authority.cert.subject_der, &template.subject_der, pair)
}

/// Issues a certificate for the CA `new`, with its own name and key, signed by the given CA.
pub fn cross_sign(new: &Cert, validity: Validity, authority: Authority<'_>, random: &Random) -> Result<Cert, PkiError> {
    let template = Template {
        subject_der: new.subject_der.clone(),
        sans: new.sans.clone(),
        usages: Vec::new(),
        validity,
        says_no_ca: false,
    };
    let mut params = params(&template, random)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    if let Some(id) = &new.key_id {
        params.key_identifier_method = KeyIdMethod::PreSpecified(id.clone());
    }
    let mut issuer = CertificateParams::default();
    if let Some(id) = &authority.cert.key_id {
        issuer.key_identifier_method = KeyIdMethod::PreSpecified(id.clone());
        params.use_authority_key_identifier_extension = true;
    }
    let pair = authority.key.pair()?;
    let public = SubjectPublicKeyInfo::from_der(&new.public_der).map_err(fault)?;
    let draft = params.signed_by(&public, &Issuer::new(issuer, Unsigned(pair))).map_err(fault)?;
    finish(draft.der(), &authority.cert.subject_der, &template.subject_der, pair)
}

/// Creates a request (PKCS#10, PEM) for a certificate of this name, signed with its own key.
pub fn request(subject: &Subject, sans: &Sans, key: &PrivateKey) -> Result<String, PkiError> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = san_types(sans)?;
    let pair = key.pair()?;
    let draft = params.serialize_request(&Unsigned(pair)).map_err(fault)?;
    // A request is version, subject, key, attributes.
    let signed = splice(draft.der(), &[(1, &subject.to_der())], pair)?;
    Ok(pem::encode("CERTIFICATE REQUEST", &signed))
}

fn params(template: &Template, random: &Random) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::default();
    // A placeholder: rcgen marks the SANs of a certificate without a subject as critical.
    params.distinguished_name.push(DnType::CommonName, "x");
    params.serial_number = Some(serial_number(random)?);
    params.not_before = moment(template.validity.not_before)?;
    params.not_after = moment(template.validity.not_after)?;
    params.subject_alt_names = san_types(&template.sans)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    Ok(params)
}

/// 63 random bits and never zero, as in kubeadm: long enough to be unique, and positive for every parser.
fn serial_number(random: &Random) -> Result<SerialNumber, PkiError> {
    loop {
        let mut bytes = [0; 8];
        random.fill(&mut bytes).map_err(PkiError::Random)?;
        bytes[0] &= 0x7f;
        if bytes != [0; 8] {
            return Ok(SerialNumber::from_slice(&bytes));
        }
    }
}

fn san_types(sans: &Sans) -> Result<Vec<SanType>, PkiError> {
    let mut types = Vec::with_capacity(sans.dns.len() + sans.ips.len());
    for name in &sans.dns {
        types.push(SanType::DnsName(name.as_str().try_into().map_err(fault)?));
    }
    types.extend(sans.ips.iter().map(|ip| SanType::IpAddress(*ip)));
    Ok(types)
}

fn purpose(usage: Usage) -> ExtendedKeyUsagePurpose {
    match usage {
        Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
    }
}

fn moment(seconds: i64) -> Result<OffsetDateTime, PkiError> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(fault)
}

/// The draft with its final names, signed.
fn finish(draft: &[u8], issuer: &[u8], subject: &[u8], key: &KeyPair) -> Result<Cert, PkiError> {
    let der = splice(draft, &[(ISSUER, issuer), (SUBJECT, subject)], key)?;
    Cert::from_der(&der).ok_or_else(|| broken("the signed certificate cannot be parsed"))
}

/// The signed structure `draft` with some elements of its inner part replaced, signed again.
fn splice(draft: &[u8], replacements: &[(usize, &[u8])], key: &KeyPair) -> Result<Vec<u8>, PkiError> {
    let outer = der::sequence(draft).ok_or_else(|| broken("the draft is not a sequence"))?;
    let [inner, algorithm, _no_signature] = outer.as_slice() else {
        return Err(broken("the draft is not in three parts"));
    };
    let parts = der::elements(inner.content).ok_or_else(|| broken("the draft's inner part is broken"))?;
    let replaced: Vec<&[u8]> = parts
        .iter()
        .enumerate()
        .map(|(place, part)| replacements.iter().find(|(at, _)| *at == place).map_or(part.raw, |(_, new)| *new))
        .collect();
    let inner = der::encode(inner.tag, &replaced.concat());
    // A BIT STRING begins with the number of unused bits of its last byte.
    let mut signature = vec![0];
    signature.extend(key.sign(&inner).map_err(fault)?);
    let whole = [inner.as_slice(), algorithm.raw, &der::encode(der::BIT_STRING, &signature)].concat();
    Ok(der::encode(der::SEQUENCE, &whole))
}

/// Lets rcgen encode without signing: the signature is made once, over the final names.
struct Unsigned<'a>(&'a KeyPair);

impl PublicKeyData for Unsigned<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }
    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl SigningKey for Unsigned<'_> {
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Vec::new())
    }
}

fn fault(error: impl std::fmt::Display) -> PkiError {
    broken(&error.to_string())
}

fn broken(reason: &str) -> PkiError {
    PkiError::Sign { what: "a certificate".into(), reason: reason.into() }
}

#[cfg(test)]
mod tests;
