//! The state of a member, and a snapshot of its data, over gRPC: etcd can be run without its JSON gateway.
//!
//! Writes: nothing.

use super::client::{Client, unparsed};
use super::error::EtcdError;
use super::member::Status;
use crate::base::https::Answer;
use prost::Message;
use std::time::Duration;

const STATUS: &str = "/etcdserverpb.Maintenance/Status";
const SNAPSHOT: &str = "/etcdserverpb.Maintenance/Snapshot";
const SEND: &str = "send a snapshot";
/// How long etcd may send nothing. It copies its database before it sends the first part.
const PATIENCE: Duration = Duration::from_mins(1);
/// The gRPC status for methods that do not exist.
const UNIMPLEMENTED: u64 = 12;

/// The used fields of `etcdserverpb.ResponseHeader`.
#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(uint64, tag = "1")]
    cluster: u64,
    #[prost(uint64, tag = "2")]
    member: u64,
    #[prost(int64, tag = "3")]
    revision: i64,
}

/// `etcdserverpb.StatusResponse`.
#[derive(Clone, PartialEq, Message)]
struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(string, tag = "2")]
    version: String,
    #[prost(int64, tag = "3")]
    size: i64,
    #[prost(uint64, tag = "4")]
    leader: u64,
    #[prost(uint64, tag = "5")]
    raft_index: u64,
    #[prost(uint64, tag = "7")]
    applied_index: u64,
    #[prost(string, repeated, tag = "8")]
    errors: Vec<String>,
    #[prost(int64, tag = "9")]
    size_in_use: i64,
    #[prost(bool, tag = "10")]
    learner: bool,
}

/// The used fields of `etcdserverpb.SnapshotResponse`.
#[derive(Clone, PartialEq, Message)]
struct SnapshotResponse {
    #[prost(uint64, tag = "2")]
    remaining: u64,
    #[prost(bytes = "vec", tag = "3")]
    blob: Vec<u8>,
}

/// A part of a snapshot.
pub struct Part<'a> {
    pub bytes: &'a [u8],
    /// How many bytes of the database follow.
    pub remaining: u64,
}

impl Client {
    /// The status of the member at an endpoint; over the gateway if a proxy in between does not support
    /// gRPC.
    pub fn status(&self, endpoint: &str) -> Result<Status, EtcdError> {
        let Some(response) = self.grpc::<StatusResponse>(endpoint, STATUS, &(), "report its status")? else {
            return self.gateway_status(endpoint);
        };
        let header = response.header.unwrap_or_default();
        let natural = |number: i64| u64::try_from(number).unwrap_or_default();
        Ok(Status {
            cluster: header.cluster,
            member: header.member,
            version: response.version,
            db_size: natural(response.size),
            db_size_in_use: natural(response.size_in_use),
            revision: natural(header.revision),
            leader: response.leader,
            raft_index: response.raft_index,
            applied_index: response.applied_index,
            learner: response.learner,
            errors: response.errors,
        })
    }

    /// Passes a snapshot of the member at an endpoint to `take` as it comes, until that returns false: the database, then its
    /// checksum.
    pub fn snapshot(&self, endpoint: &str, take: &mut dyn FnMut(&Part<'_>) -> bool) -> Result<(), EtcdError> {
        let refused = |code, message: String| EtcdError::Refused { what: SEND.into(), code, message };
        let mut broken = None;
        let answer =
            self.grpc_stream(endpoint, SNAPSHOT, PATIENCE, &mut |message| match SnapshotResponse::decode(message) {
                Ok(part) => take(&Part { bytes: &part.blob, remaining: part.remaining }),
                Err(error) => {
                    broken = Some(unparsed(SEND, &error));
                    false
                }
            })?;
        match (broken, answer) {
            (Some(error), _) => Err(error),
            (None, Answer::Message(_)) => Ok(()),
            (None, Answer::Refused { code, message }) => Err(refused(code, message)),
            (None, Answer::NotGrpc) => Err(refused(UNIMPLEMENTED, "it does not support gRPC at this address".into())),
        }
    }
}
