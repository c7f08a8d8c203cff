//! Layer 2: requests to etcd through its JSON gateway, and membership changes that cannot lose data.
//!
//! `client` is the only code that sends requests to etcd; `membership` adds and removes members and handles every lost
//! response by reading the members again.

mod client;
mod error;
mod kv;
mod member;
mod member_api;
mod membership;
mod quorum;
#[cfg(test)]
mod test_etcd;
pub mod wal;

pub use client::{Access, Client};
pub use error::EtcdError;
pub use member::{Health, Member, Status};
pub use membership::{Admission, Departure, LocalData, Membership, Who};
