//! Whether a host renews its certificates: if one expires within the time that the file gives, or a renewal was interrupted.
//!
//! The same rule decides on the host, in `certs renew all --within`.

use crate::config::cluster::ClusterFile;
use crate::domain::certificates::is_due;
use crate::pki::moment;
use crate::state::host_facts::{CertificateFacts, HostFacts};
use serde::{Deserialize, Serialize};

/// What a run of it is called.
const COMMAND: &str = "certs renew";

/// The renewal of a control plane's certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Renewal {
    /// The one that expires first.
    pub first: String,
    pub expires: String,
    /// It has expired, so that the cluster may not respond.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expired: bool,
    /// The last one was interrupted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
}

impl Renewal {
    /// In a few words.
    pub fn shown(&self) -> String {
        let Self { first, expires, .. } = self;
        match (self.continues, self.expired) {
            (true, _) => "continue to renew certificates".to_owned(),
            (false, true) => format!("renew certificates ({first} expired on {expires})"),
            (false, false) => format!("renew certificates ({first} expires on {expires})"),
        }
    }
}

/// The renewal of a host's certificates; None if nothing is due.
pub(super) fn of(file: &ClusterFile, facts: &HostFacts) -> Option<Renewal> {
    let continues =
        facts.run.as_ref().is_some_and(|run| run.command == COMMAND && !run.running && run.exit_code != Some(0));
    let certificates = &facts.node.as_ref()?.certificates;
    let mut possible = certificates.iter().filter(|certificate| certificate.obstacle.is_none());
    let due = possible.clone().find(|certificate| ends(file, facts, certificate));
    let first = due.or_else(|| possible.next().filter(|_| continues))?;
    Some(Renewal {
        first: first.name.clone(),
        expires: moment::text(first.not_after),
        expired: first.not_after <= seconds(facts),
        continues,
    })
}

/// True for a control plane whose cluster may not respond because a certificate of it has expired, which is renewed.
pub(super) fn has_expired(file: &ClusterFile, facts: &HostFacts) -> bool {
    of(file, facts).is_some_and(|renewal| renewal.expired)
}

/// True if it is to be renewed, whether or not it can be.
pub(super) fn ends(file: &ClusterFile, facts: &HostFacts, certificate: &CertificateFacts) -> bool {
    is_due(certificate.not_before, certificate.not_after, seconds(facts), file.renew.seconds)
}

/// The host's own clock: it verifies by it.
pub(super) fn seconds(facts: &HostFacts) -> i64 {
    facts.clock.div_euclid(1000)
}
