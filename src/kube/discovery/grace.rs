//! How long a missing signature may mean "not yet".
//!
//! The signer in the controller manager signs the cluster information for each token, and removes the signature of a
//! token that ends. So a token without a signature is unknown, has expired, or was made a moment ago, and a host that
//! joins has no right to ask which. Two things are there for everybody to read: how old the cluster information is,
//! and whether the signer has signed for any token. A cluster in its first minutes without any signature has a signer that
//! is still starting, which takes as long as its controller manager takes to start and to become the leader; in any other the
//! signer works, and is a moment behind at most.

use std::time::Duration;

/// For an etcd that does not answer: a restart or an election takes less.
pub(super) const ETCD: Duration = Duration::from_secs(10);
/// For a signer that works.
const MOMENT: Duration = Duration::from_secs(5);
/// For a signer that starts: as long as a slow machine takes to start a controller manager and to elect it.
const START: Duration = Duration::from_mins(2);
/// A cluster is new for so long, by this host's clock. A clock that is wrong makes the grace the wrong one of the two, no more.
const NEW: Duration = Duration::from_mins(10);
/// The signature is awaited by hosts that have nothing else to do, so they look at least this often.
pub(super) const SLOWEST: Duration = Duration::from_secs(1);

/// What cluster information without our signature tells of its signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// When the cluster information was made, in seconds since the epoch.
    pub made: Option<i64>,
    /// It is signed with other tokens.
    pub for_others: bool,
}

impl Unsigned {
    /// How long to wait for the signature, seen at `now`, in seconds since the epoch.
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
