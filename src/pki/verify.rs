//! Verifies existing certificates and reports every problem, not only the first.

use super::catalog::Usage;
use super::cert::Cert;
use super::keys::{PrivateKey, unsupported_curve};
use super::path;
use super::problem::Problem;
use super::rule::{Broken, Rule};
use super::sans::Sans;
use std::path::Path;

/// A file and its parsed content.
pub struct At<'a, T: ?Sized> {
    pub path: &'a Path,
    pub value: &'a T,
}

/// The requirements of a leaf certificate.
pub struct Wanted<'a> {
    /// The CA certificates, one of which must have signed it.
    pub ca: At<'a, [Cert]>,
    /// The SANs that it needs at least.
    pub sans: &'a Sans,
    /// The usages that it needs at least.
    pub usages: &'a [Usage],
    /// The key that must match it, if there is one.
    pub key: Option<At<'a, PrivateKey>>,
    /// The time at which it must be valid, in seconds since the epoch.
    pub now: i64,
}

/// The problems of a leaf certificate; `chain` is its file: the leaf certificate first, followed by any intermediates.
pub fn verify_leaf(chain: &[Cert], wanted: &Wanted<'_>) -> Vec<Problem> {
    let Some(leaf) = chain.first() else { return Vec::new() };
    let mut problems = verify_time(leaf, wanted.now);
    if !path::leads_to_any(chain, wanted.ca.value) {
        problems.push(Problem::WrongCa { ca: wanted.ca.path.to_path_buf(), issuer: leaf.issuer.clone() });
    }
    if let Some(key) = &wanted.key
        && !leaf.has_key(key.value.public_der())
    {
        problems.push(Problem::KeyMismatch { key: key.path.to_path_buf() });
    }
    let names = leaf.sans.missing(wanted.sans);
    if !names.is_empty() {
        problems.push(Problem::MissingSans { names });
    }
    let usages: Vec<_> = wanted.usages.iter().filter(|usage| !allows(leaf, **usage)).map(|u| u.name()).collect();
    if !usages.is_empty() {
        problems.push(Problem::MissingUsages { usages });
    }
    // What is named already is not named a second time, in other words.
    let is_named = |problem: &Problem| {
        !matches!(problem, Problem::KeyMismatch { .. } | Problem::MissingSans { .. } | Problem::WrongSubject { .. })
    };
    if !problems.iter().any(is_named)
        && let Err(broken) = path::verify(chain, wanted.ca.value, wanted.usages, wanted.now)
    {
        problems.push(Problem::Rejected(broken));
    }
    problems
}

/// The problems of a CA certificate.
pub fn verify_ca(ca: &Cert, now: i64) -> Vec<Problem> {
    let mut problems = verify_time(ca, now);
    if !ca.is_ca {
        problems.push(Problem::NotACa);
    } else if !ca.may_sign {
        problems.push(Problem::MayNotSign);
    }
    if let Some(name) = unsupported_curve(&ca.public_der) {
        problems.push(Problem::Rejected(Broken { certificate: None, rule: Rule::Curve { name } }));
    }
    problems
}

/// The problems of a certificate's validity period.
pub fn verify_time(cert: &Cert, now: i64) -> Vec<Problem> {
    if now > cert.not_after {
        vec![Problem::Expired { at: cert.not_after }]
    } else if now < cert.not_before {
        vec![Problem::NotYetValid { from: cert.not_before }]
    } else {
        Vec::new()
    }
}

/// True if the first certificate of `chain` was signed by one of `anchors`, directly or through CAs in `chain`.
pub fn leads_to(chain: &[Cert], anchors: &[Cert]) -> bool {
    let Some((mut current, intermediates)) = chain.split_first() else { return false };
    // Each step uses up at least one intermediate, so a loop terminates too.
    for _ in chain {
        if anchors.iter().any(|ca| current.is_signed_by(ca)) {
            return true;
        }
        let step = |ca: &&Cert| ca.is_ca && ca.may_sign && *ca != current && current.is_signed_by(ca);
        match intermediates.iter().find(step) {
            Some(next) => current = next,
            None => return false,
        }
    }
    false
}

fn allows(cert: &Cert, usage: Usage) -> bool {
    match usage {
        Usage::Client => cert.for_clients,
        Usage::Server => cert.for_servers,
    }
}

#[cfg(test)]
mod tests;
