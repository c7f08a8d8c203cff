//! Layer 2: etcd, spoken to through its JSON gateway, and changes of its membership that cannot lose data.
//!
//! `client` is the only code that speaks to etcd; `membership` takes a member in or out and resolves every
//! lost answer by reading the members again.

mod client;
mod error;
mod kv;
mod member;
mod membership;
mod quorum;
#[cfg(test)]
mod test_etcd;
pub mod wal;

pub use client::{Access, Client};
pub use error::EtcdError;
pub use member::{Health, Member, Status};
pub use membership::{Admission, Departure, LocalData, Membership, Who};
