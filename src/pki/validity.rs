//! The validity of certificates, as in kubeadm of each minor version.

use super::cert::Cert;
use super::error::PkiError;
use crate::config::model::ClusterConfig;
use crate::versions::Minor;
use std::time::Duration;

/// The validity of a certificate, in seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// `notBefore`.
    pub not_before: i64,
    /// `notAfter`.
    pub not_after: i64,
}

impl Validity {
    /// For a CA created at `now`.
    pub fn of_ca(cluster: &ClusterConfig, minor: &Minor, now: i64) -> Self {
        Self { not_before: now - backdate(minor), not_after: now + seconds(cluster.ca_certificate_validity) }
    }

    /// For a leaf certificate in the directory, issued or renewed at `now`. It does not outlive its CA: it would be
    /// rejected then, and its own expiry would hide that.
    pub fn of_leaf(cluster: &ClusterConfig, minor: &Minor, now: i64, ca: &Cert) -> Self {
        let not_before =
            if minor.leaf_starts_with_ca { ca.not_before } else { (now - backdate(minor)).max(ca.not_before) };
        Self { not_before, not_after: end(cluster, now, ca) }
    }

    /// For the client certificate of a new kubeconfig: it starts with its CA in every minor version.
    pub fn of_kubeconfig(cluster: &ClusterConfig, now: i64, ca: &Cert) -> Self {
        Self { not_before: ca.not_before, not_after: end(cluster, now, ca) }
    }
}

fn end(cluster: &ClusterConfig, now: i64, ca: &Cert) -> i64 {
    (now + seconds(cluster.certificate_validity)).min(ca.not_after)
}

fn backdate(minor: &Minor) -> i64 {
    i64::from(minor.certificate_backdate_minutes) * 60
}

fn seconds(time: Duration) -> i64 {
    // Such a long period would end past the last year that a certificate can contain; signing refuses it.
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 2)
}

/// The entry of the cluster's minor version.
pub fn minor_of(cluster: &ClusterConfig) -> Result<&'static Minor, PkiError> {
    crate::versions::facts(cluster.version.minor).ok_or_else(|| PkiError::UnknownMinor {
        version: cluster.version.to_string(),
        window: crate::versions::window(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::KeySource;
    use crate::pki::fixture;

    const YEAR: i64 = 365 * 24 * 3600;

    #[test]
    fn certificates_start_with_their_ca_in_old_minor_versions_and_five_minutes_ago_in_new_ones() {
        let minor = |n| crate::versions::facts(n).unwrap();
        let (old, new) = (fixture::cluster(20), fixture::cluster(36));
        assert_eq!(Validity::of_ca(&old, minor(20), 1000).not_before, 1000);
        assert_eq!(Validity::of_ca(&new, minor(36), 1000), Validity { not_before: 700, not_after: 1000 + 10 * YEAR });
        let ca = ca(1000, 1000 + 10 * YEAR);
        let leaf = Validity::of_leaf(&old, minor(20), 90_000, &ca);
        assert_eq!(leaf, Validity { not_before: 1000, not_after: 90_000 + YEAR });
        let leaf = Validity::of_leaf(&new, minor(36), 90_000, &ca);
        assert_eq!(leaf, Validity { not_before: 89_700, not_after: 90_000 + YEAR });
    }

    #[test]
    fn no_leaf_is_older_than_its_ca() {
        let minor = crate::versions::facts(36).unwrap();
        assert_eq!(Validity::of_leaf(&fixture::cluster(36), minor, 1000, &ca(990, YEAR)).not_before, 990);
    }

    /// A renewed certificate seemed to be good for a year under a CA that had a week.
    #[test]
    fn no_leaf_outlives_its_ca() {
        let (minor, cluster) = (crate::versions::facts(36).unwrap(), fixture::cluster(36));
        let ca = ca(0, 1000 + 7 * 24 * 3600);
        assert_eq!(Validity::of_leaf(&cluster, minor, 1000, &ca).not_after, ca.not_after);
        assert_eq!(Validity::of_kubeconfig(&cluster, 1000, &ca).not_after, ca.not_after);
    }

    fn ca(not_before: i64, not_after: i64) -> Cert {
        let key = crate::pki::Generator.take(crate::config::model::KeyAlgorithm::EcdsaP256).unwrap();
        let template = crate::pki::issue::Template {
            subject_der: crate::pki::subject::Subject::new("kubernetes", &[]).to_der(),
            sans: crate::pki::sans::Sans::default(),
            usages: Vec::new(),
            validity: Validity { not_before, not_after },
            says_no_ca: false,
        };
        crate::pki::issue::self_sign(&template, &key, &crate::base::env::Random::system()).unwrap()
    }
}
