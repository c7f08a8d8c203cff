//! Notices during a wait that etcd has lost its majority: waiting longer does not help then.
//!
//! A failed request does not show it, and a successful one does not exclude it: etcd 3.4 lists the members without a majority, and an
//! etcd that restarts without one does not respond at all. So the members themselves are asked.
//!
//! Reads: the health of the voting members. Writes: nothing.

use super::{Membership, PATIENCE};
use crate::base::fault::Failure;
use crate::base::wait::Pace;
use crate::etcd::error::EtcdError;
use crate::etcd::quorum;
use std::time::Duration;

/// How often the members are asked.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long a host may reach no member: its own network may be the problem, and come back.
const CUT_OFF: Duration = Duration::from_secs(20);

/// Asks the members during one wait.
pub struct MajorityWatch<'a> {
    membership: &'a Membership<'a>,
    pace: Pace,
    lost_since: Option<Duration>,
}

impl<'a> Membership<'a> {
    /// For one wait, to be asked in each of its polls.
    pub fn watch_majority(&'a self) -> MajorityWatch<'a> {
        MajorityWatch { membership: self, pace: Pace::new(self.clock, INTERVAL, INTERVAL), lost_since: None }
    }

    /// Whether a majority responds, of the members as one of them lists them, or as they were last listed.
    fn majority(&self) -> Result<(), EtcdError> {
        let members = self.api.members_serializable().unwrap_or_else(|_| self.known.borrow().clone());
        quorum::is_there(self.api, &members)
    }
}

impl MajorityWatch<'_> {
    /// Fails if most members have not responded for longer than an election or the restart of a member takes, or none for
    /// longer.
    pub fn look(&mut self) -> Result<(), Failure> {
        let Membership { clock, .. } = self.membership;
        if !self.pace.is_due(clock) {
            return Ok(());
        }
        let Err(lost) = self.membership.majority() else {
            self.lost_since = None;
            return Ok(());
        };
        let is_alone = matches!(lost, EtcdError::QuorumLost { answering: 0, cut_off: true, .. });
        let patience = if is_alone { CUT_OFF } else { PATIENCE };
        let now = clock.monotonic();
        let since = *self.lost_since.get_or_insert(now);
        if now.saturating_sub(since) < patience { Ok(()) } else { Err(lost.into()) }
    }
}
