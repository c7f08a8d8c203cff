//! The requests to etcd that a membership change needs.

use super::error::EtcdError;
use super::member::{Health, Member};

/// The requests of a membership change. Tests implement it in memory.
pub(super) trait MemberApi: Sync {
    fn members(&self) -> Result<Vec<Member>, EtcdError>;
    /// The members from a serializable read: as the member that is asked knows them, without a quorum.
    fn members_serializable(&self) -> Result<Vec<Member>, EtcdError>;
    /// Adds a learner; returns all members after that.
    fn add_learner(&self, peer_url: &str) -> Result<Vec<Member>, EtcdError>;
    fn promote(&self, id: u64) -> Result<(), EtcdError>;
    fn remove(&self, id: u64) -> Result<(), EtcdError>;
    fn health(&self, member: &Member) -> Health;
}
