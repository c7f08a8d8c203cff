//! Verifies a certificate chain as clients of Kubernetes do: Go's `x509` package and rustls.
//!
//! webpki, the verifier of rustls, decides. What Go requires in addition (the validity, path length, usages and critical
//! extensions of the trusted CA, and the key usage of every CA) is verified here. When a chain is refused, it is walked
//! again to name the certificate and the rule.

use super::catalog::Usage;
use super::cert::Cert;
use super::der;
use super::limits::Limits;
use super::rule::{Broken, Rule};
use super::sans::Sans;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use std::time::Duration;
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, VerifiedPath,
    anchor_from_trusted_cert,
};
use x509_parser::prelude::{FromDer, X509Certificate};

/// OID 2.5.29.37.0, anyExtendedKeyUsage.
const ANY_USAGE: [usize; 5] = [2, 5, 29, 37, 0];

/// Signature algorithms that clients reject, by their object identifiers (RFC 3279).
const REJECTED: [(&str, &str); 4] = [
    ("1.2.840.113549.1.1.4", "MD5"),
    ("1.2.840.113549.1.1.5", "SHA-1"),
    ("1.3.14.3.2.29", "SHA-1"),
    ("1.2.840.10045.4.1", "SHA-1"),
];

/// Fails unless clients that trust `anchors` accept the first certificate of `chain` for these usages; the others are
/// its intermediates. Its SANs are not compared with any name.
pub fn verify(chain: &[Cert], anchors: &[Cert], usages: &[Usage], now: i64) -> Result<(), Broken> {
    let valid: Vec<&Cert> = anchors.iter().filter(|ca| ca.not_before <= now && now <= ca.not_after).collect();
    // Without a usage that matters, the usages of the leaf certificate decide nothing.
    let each: Vec<Option<Usage>> =
        if usages.is_empty() { vec![None] } else { usages.iter().copied().map(Some).collect() };
    for usage in each {
        if let Err(error) = verify_one(chain, &valid, usage, now) {
            return Err(explain(chain, anchors, usages, now, &error));
        }
    }
    Ok(())
}

fn verify_one(chain: &[Cert], anchors: &[&Cert], usage: Option<Usage>, now: i64) -> Result<(), Error> {
    let ders: Vec<CertificateDer<'_>> = chain.iter().map(|cert| CertificateDer::from(cert.der.as_slice())).collect();
    let Some((leaf, intermediates)) = ders.split_first() else { return Err(Error::UnknownIssuer) };
    let trusted: Vec<CertificateDer<'_>> =
        anchors.iter().map(|cert| CertificateDer::from(cert.der.as_slice())).collect();
    // One that cannot be used must not hide the others of its file.
    let trusted: Vec<_> = trusted.iter().filter_map(|der| anchor_from_trusted_cert(der).ok()).collect();
    let leaf_issuer = chain.first().map(|leaf| leaf.issuer_der.as_slice()).unwrap_or_default();
    let leaf = EndEntityCert::try_from(leaf)?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now).unwrap_or_default()));
    let as_in_go = |path: &VerifiedPath<'_>| satisfies_go(path, leaf_issuer, anchors, usage);
    leaf.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        &trusted,
        intermediates,
        time,
        ForUsage(usage),
        None,
        Some(&as_in_go),
    )?;
    Ok(())
}

/// What Go verifies and webpki does not.
fn satisfies_go(
    path: &VerifiedPath<'_>,
    leaf_issuer: &[u8],
    anchors: &[&Cert],
    usage: Option<Usage>,
) -> Result<(), Error> {
    let usages: Vec<Usage> = usage.into_iter().collect();
    let between: Vec<Cert> = path.intermediate_certificates().filter_map(|cert| Cert::from_der(&cert.der())).collect();
    let issuer = between.last().map_or(leaf_issuer, |last| last.issuer_der.as_slice());
    if between.iter().any(|ca| !ca.may_sign) {
        return Err(Error::EndEntityUsedAsCa);
    }
    let spki = path.anchor().subject_public_key_info.as_ref();
    // Several anchors may share name and key; one that fits is enough.
    let fits = |ca: &&&Cert| {
        let has_key = der::first(&ca.public_der).is_some_and(|(own, _)| own.content == spki);
        has_key
            && ca.subject_der == issuer
            && ca.may_sign
            && Limits::of(ca).broken_by(&Sans::default(), &usages, between.len()).is_none()
    };
    if anchors.iter().any(|ca| fits(&ca)) { Ok(()) } else { Err(Error::PathLenConstraintViolated) }
}

/// Like webpki's own, but a client may have anyExtendedKeyUsage: Go's servers accept it.
struct ForUsage(Option<Usage>);

impl ExtendedKeyUsageValidator for ForUsage {
    fn validate(&self, ids: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        match self.0 {
            None => Ok(()),
            Some(Usage::Server) => KeyUsage::server_auth().validate(ids),
            Some(Usage::Client) => {
                let ids = ids.map(|id| Ok(id?.to_decoded_oid())).collect::<Result<Vec<_>, Error>>()?;
                let fits = |id: &Vec<usize>| id == KeyUsage::CLIENT_AUTH_REPR || *id == ANY_USAGE;
                if ids.is_empty() || ids.iter().any(fits) { Ok(()) } else { Err(Error::EmptyEkuExtension) }
            }
        }
    }
}

/// The certificate and the rule for which the chain was refused.
fn explain(chain: &[Cert], anchors: &[Cert], usages: &[Usage], now: i64, error: &Error) -> Broken {
    let Some(path) = walk(chain, anchors) else {
        return Broken { certificate: None, rule: Rule::UnknownIssuer };
    };
    let sans = chain.first().map(|leaf| leaf.sans.clone()).unwrap_or_default();
    let top = path.len() - 1;
    for (place, cert) in path.iter().enumerate() {
        let limits = Limits::of(cert);
        let rule = if place < top
            && let Some(algorithm) = rejected_algorithm(cert)
        {
            Some(Rule::Signature { algorithm })
        } else if now > cert.not_after {
            Some(Rule::Expired { at: cert.not_after })
        } else if now < cert.not_before {
            Some(Rule::NotYetValid { from: cert.not_before })
        } else if place == 0 {
            let own = limits.critical.map(|extension| Rule::Critical { extension });
            own.or(cert.is_ca.then_some(Rule::CaAsLeaf))
        } else if !cert.is_ca {
            Some(Rule::NotACa)
        } else if !cert.may_sign {
            Some(Rule::MayNotSign)
        } else {
            limits.broken_by(&sans, usages, place - 1)
        };
        if let Some(rule) = rule {
            return Broken::at(place, cert, rule);
        }
    }
    Broken { certificate: None, rule: Rule::Other(error.to_string()) }
}

/// True if the chain leads to one of `anchors`, whatever rules its certificates break.
pub fn leads_to_any(chain: &[Cert], anchors: &[Cert]) -> bool {
    walk(chain, anchors).is_some()
}

/// The certificates from the first of the chain up to a trusted CA, whatever rules they break; None without such a CA.
fn walk<'a>(chain: &'a [Cert], anchors: &'a [Cert]) -> Option<Vec<&'a Cert>> {
    let (first, intermediates) = chain.split_first()?;
    let mut path = vec![first];
    // Each step uses up at least one intermediate, so a loop terminates too.
    for _ in chain {
        let last = *path.last()?;
        if let Some(anchor) = anchors.iter().find(|ca| claims(last, ca)) {
            path.push(anchor);
            return Some(path);
        }
        path.push(intermediates.iter().find(|next| !path.contains(next) && claims(last, next))?);
    }
    None
}

/// True if `ca` signed the certificate, or seems to have with an algorithm that is not verified any more.
fn claims(cert: &Cert, ca: &Cert) -> bool {
    cert.is_signed_by(ca) || (cert.issuer_der == ca.subject_der && rejected_algorithm(cert).is_some())
}

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

/// The algorithm with which a certificate is signed, if clients reject it.
fn rejected_algorithm(cert: &Cert) -> Option<String> {
    let (_, x509) = X509Certificate::from_der(&cert.der).ok()?;
    let id = x509.signature_algorithm.algorithm.to_id_string();
    REJECTED.iter().find(|(oid, _)| *oid == id).map(|(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests;
