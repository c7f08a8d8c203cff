//! How long a missing signature may mean "not yet".
//!
//! The signer in the controller manager signs the cluster information for each token, and removes the signature of an
//! expired token. So a token without a signature is unknown, has expired, or was just created, and a joining host is
//! not allowed to find out which. Two facts are public: the age of the cluster information, and whether the signer has
//! signed for any token. In a cluster that is some minutes old and has no signature, the signer is still starting,
//! which takes until its controller manager has started and become the leader; in any other cluster the signer works,
//! with a short delay at most.

use std::time::Duration;

/// For an etcd that does not respond: a restart or an election takes less.
pub(super) const ETCD: Duration = Duration::from_secs(10);
/// For a working signer.
const MOMENT: Duration = Duration::from_secs(5);
/// For a signer that is starting: the time in which a slow machine starts a controller manager and elects it.
const START: Duration = Duration::from_mins(2);
/// The age, by this host's clock, up to which a cluster is new. A wrong clock only selects the wrong one of the two
/// waits.
const NEW: Duration = Duration::from_mins(10);
/// The longest pause between polls: hosts that wait for the signature have nothing else to do.
pub(super) const SLOWEST: Duration = Duration::from_secs(1);

/// The state of the signer, from cluster information without our signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// When the cluster information was created, in seconds since the epoch.
    pub made: Option<i64>,
    /// It is signed with other tokens.
    pub for_others: bool,
}

impl Unsigned {
    /// How long to wait for the signature from `now`, in seconds since the epoch.
    pub(super) fn grace(self, now: i64) -> Duration {
        let age = self.made.map(|made| now.saturating_sub(made));
        let is_new = age.is_some_and(|age| u64::try_from(age).unwrap_or(0) < NEW.as_secs());
        if is_new && !self.for_others { START } else { MOMENT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_new_cluster_without_any_signature_is_waited_for_longer() {
        let grace = |made, for_others| Unsigned { made, for_others }.grace(10_000);
        assert_eq!(grace(Some(9_990), false), START);
        assert_eq!(grace(Some(9_990), true), MOMENT);
        assert_eq!(grace(Some(1), false), MOMENT);
        assert_eq!(grace(None, false), MOMENT);
        // The other clock is ahead.
        assert_eq!(grace(Some(10_100), false), START);
    }
}
