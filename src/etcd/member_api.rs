//! What a change of the membership asks of etcd.

use super::error::EtcdError;
use super::member::{Health, Member};

/// What a change of membership needs of etcd. The seam at which tests put an etcd of their own.
pub(super) trait MemberApi: Sync {
    fn members(&self) -> Result<Vec<Member>, EtcdError>;
    /// The members as the one that is asked knows them, without a majority's word.
    fn members_by_hearsay(&self) -> Result<Vec<Member>, EtcdError>;
    /// Adds a member without a vote; returns all members then.
    fn add_learner(&self, peer_url: &str) -> Result<Vec<Member>, EtcdError>;
    fn promote(&self, id: u64) -> Result<(), EtcdError>;
    fn remove(&self, id: u64) -> Result<(), EtcdError>;
    fn health(&self, member: &Member) -> Health;
}
