//! When a certificate is valid, as kubeadm of each minor has it.

use super::error::PkiError;
use crate::config::model::ClusterConfig;
use crate::versions::Minor;
use std::time::Duration;

/// The time of a certificate, in seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Its first second.
    pub not_before: i64,
    /// Its last second.
    pub not_after: i64,
}

impl Validity {
    /// A CA made at `now`.
    pub fn of_ca(cluster: &ClusterConfig, minor: &Minor, now: i64) -> Self {
        Self { not_before: now - backdate(minor), not_after: now + seconds(cluster.ca_certificate_validity) }
    }

    /// A leaf in the certificates folder, made or renewed at `now` under a CA that is valid from `ca_not_before`.
    pub fn of_leaf(cluster: &ClusterConfig, minor: &Minor, now: i64, ca_not_before: i64) -> Self {
        let not_before =
            if minor.leaf_starts_with_ca { ca_not_before } else { (now - backdate(minor)).max(ca_not_before) };
        Self { not_before, not_after: now + seconds(cluster.certificate_validity) }
    }

    /// The client certificate of a new kubeconfig: it begins with its CA in every minor.
    pub fn of_kubeconfig(cluster: &ClusterConfig, now: i64, ca_not_before: i64) -> Self {
        Self { not_before: ca_not_before, not_after: now + seconds(cluster.certificate_validity) }
    }
}

fn backdate(minor: &Minor) -> i64 {
    i64::from(minor.certificate_backdate_minutes) * 60
}

fn seconds(time: Duration) -> i64 {
    // A period that long would end past any year that a certificate can hold; the signer refuses it.
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 2)
}

/// The facts of the minor that a cluster has.
///
/// # Errors
/// When the minor is not in the table.
pub fn minor_of(cluster: &ClusterConfig) -> Result<&'static Minor, PkiError> {
    crate::versions::facts(cluster.version.minor).ok_or_else(|| PkiError::UnknownMinor {
        version: cluster.version.to_string(),
        window: crate::versions::window(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::fixture;

    const YEAR: i64 = 365 * 24 * 3600;

    #[test]
    fn old_minors_begin_with_their_ca_and_new_ones_five_minutes_ago() {
        let minor = |n| crate::versions::facts(n).unwrap();
        let (old, new) = (fixture::cluster(20), fixture::cluster(36));
        assert_eq!(Validity::of_ca(&old, minor(20), 1000).not_before, 1000);
        assert_eq!(Validity::of_ca(&new, minor(36), 1000), Validity { not_before: 700, not_after: 1000 + 10 * YEAR });
        let leaf = Validity::of_leaf(&old, minor(20), 90_000, 1000);
        assert_eq!(leaf, Validity { not_before: 1000, not_after: 90_000 + YEAR });
        let leaf = Validity::of_leaf(&new, minor(36), 90_000, 1000);
        assert_eq!(leaf, Validity { not_before: 89_700, not_after: 90_000 + YEAR });
    }

    #[test]
    fn no_leaf_is_older_than_its_ca() {
        let minor = crate::versions::facts(36).unwrap();
        assert_eq!(Validity::of_leaf(&fixture::cluster(36), minor, 1000, 990).not_before, 990);
    }
}
