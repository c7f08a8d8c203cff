//! Layer 2: requests to etcd through its JSON gateway, and membership changes that cannot lose data.
//!
//! `client` is the only code that sends requests to etcd; `membership` adds and removes members and handles every lost
//! response by reading the members again. `bolt`, `database` and `snapshot` read what etcd writes to disks;
//! `fresh` makes the copy of a database one for a new cluster.

mod bolt;
mod client;
mod cluster_api;
mod database;
mod error;
pub mod fresh;
mod kv;
pub mod loss;
mod maintenance;
mod member;
mod member_api;
mod membership;
mod quorum;
pub mod snapshot;
#[cfg(test)]
mod test_etcd;
#[cfg(test)]
pub(crate) mod test_grpc;
pub mod wal;

pub use client::{Access, Client};
#[cfg(test)]
pub(crate) use database::sample::database as sample_database;
pub use database::{Contents, members_in};
pub use error::EtcdError;
pub use maintenance::Part;
pub use member::{Health, Member, Status};
pub use membership::{Admission, Departure, LocalData, Membership, Who};
