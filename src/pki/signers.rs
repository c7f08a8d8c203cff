//! Whether a certificate is signed by the CA that its use demands.
//!
//! Reads: certificates of the directory. Writes: nothing.

use super::catalog::{self, CertSpec, Usage};
use super::cert::Cert;
use super::store::PkiStore;

/// A chain is no longer than this.
const LONGEST: usize = 8;

/// True when one of `cas` has signed the first certificate, directly or through others of the chain.
pub fn is_trusted(chain: &[Cert], cas: &[Cert]) -> bool {
    let Some(mut at) = chain.first() else { return false };
    for _ in 0..LONGEST {
        if cas.iter().any(|ca| at.is_signed_by(ca)) {
            return true;
        }
        match chain.iter().find(|next| *next != at && at.is_signed_by(next)) {
            Some(next) => at = next,
            None => return false,
        }
    }
    false
}

impl PkiStore {
    /// The certificates in the file of the CA that signs what has this row; None where that cannot be read.
    pub fn cas_of(&self, spec: &CertSpec) -> Option<Vec<Cert>> {
        self.load_certs(catalog::cert(spec.ca?).ok()?).ok().flatten()
    }

    /// True when a server certificate lacks the bridge that hosts which only know the old CA need, during a CA rotation.
    pub fn lacks_bridge(&self, spec: &CertSpec) -> bool {
        let chain = self.load_certs(spec).ok().flatten().filter(|_| spec.usages == [Usage::Server]).unwrap_or_default();
        let cas = self.cas_of(spec).unwrap_or_default();
        let ([leaf], true) = (chain.as_slice(), cas.len() > 1) else { return false };
        let signer = cas.iter().find(|ca| leaf.is_signed_by(ca));
        signer.is_some_and(|ca| self.cross_signed_to(ca).is_ok_and(|bridge| bridge.is_some()))
    }
}
