//! Fails before a key is written, if a CA may not sign what the host needs from it.

use super::catalog::{self, CertSpec, Usage};
use super::cert::Cert;
use super::error::PkiError;
use super::kubeconfigs::CA;
use super::limits::Limits;
use super::rule::Rule;
use super::sans::Sans;
use super::store::LoadedCa;
use super::validity::minor_of;
use crate::config::model::{ClusterConfig, NodeConfig};

impl LoadedCa {
    /// The rule that a certificate with these SANs and usages would break, if this CA signed it; with the CA that has it.
    pub fn broken_by(&self, sans: &Sans, usages: &[Usage]) -> Option<(Cert, Rule)> {
        let mut ca = &self.cert;
        // The CAs above the one that signs, as far as the file has them.
        for below in 0..=self.certs.len() {
            if let Some(rule) = Limits::of(ca).broken_by(sans, usages, below) {
                return Some((ca.clone(), rule));
            }
            match self.certs.iter().find(|above| *above != ca && above.is_ca && ca.is_signed_by(above)) {
                // The cross-signed CA of a rotation leads to the other CA, and from there back.
                Some(above) if above.public_der != self.cert.public_der => ca = above,
                _ => break,
            }
        }
        None
    }

    /// Fails if this CA may not sign `what`, with these SANs and usages.
    pub fn require_permits(&self, what: &str, sans: &Sans, usages: &[Usage]) -> Result<(), PkiError> {
        match self.broken_by(sans, usages) {
            None => Ok(()),
            Some((cert, rule)) => Err(PkiError::CaLimited {
                ca: self.path.clone(),
                subject: cert.whole_subject(),
                what: what.into(),
                rule,
            }),
        }
    }

    /// Fails if this CA, with this row, may not sign everything that the host needs from it. What an external CA may sign
    /// is verified in the certificates that it has signed.
    pub fn require_permits_all(
        &self,
        spec: &CertSpec,
        cluster: &ClusterConfig,
        node: &NodeConfig,
    ) -> Result<(), PkiError> {
        if self.key.is_none() {
            return Ok(());
        }
        let minor = minor_of(cluster)?;
        for leaf in catalog::certs_of(cluster).filter(|leaf| leaf.ca == Some(spec.name)) {
            self.require_permits(leaf.name, &Sans::of(leaf.sans, "", cluster, node, minor)?, leaf.usages)?;
        }
        if spec.name == CA { self.require_permits("kubeconfigs", &Sans::default(), &[Usage::Client]) } else { Ok(()) }
    }
}
