//! The state of a member, the members that it knows, and a snapshot of its data, over gRPC: etcd can be run without its JSON gateway.
//!
//! Writes: nothing.

use super::client::Client;
use super::error::EtcdError;
use super::member::{Member, Status};
use crate::base::https::Answer;
use prost::Message;
use std::time::Duration;

const STATUS: &str = "/etcdserverpb.Maintenance/Status";
const MEMBERS: &str = "/etcdserverpb.Cluster/MemberList";
const SNAPSHOT: &str = "/etcdserverpb.Maintenance/Snapshot";
/// How long etcd may send nothing. It copies its database before it sends the first part.
const PATIENCE: Duration = Duration::from_mins(1);
/// The gRPC status for unknown errors.
const UNKNOWN: u64 = 2;
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

/// `etcdserverpb.MemberListRequest`.
#[derive(Clone, PartialEq, Message)]
struct MemberListRequest {
    #[prost(bool, tag = "1")]
    linearizable: bool,
}

/// The used fields of `etcdserverpb.MemberListResponse`.
#[derive(Clone, PartialEq, Message)]
struct MemberListResponse {
    #[prost(message, repeated, tag = "2")]
    members: Vec<MemberMessage>,
}

/// `etcdserverpb.Member`.
#[derive(Clone, PartialEq, Message)]
struct MemberMessage {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, repeated, tag = "3")]
    peer_urls: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    client_urls: Vec<String>,
    #[prost(bool, tag = "5")]
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
    /// The status of the member at an endpoint, with its revision; over the gateway if a proxy in between does not support
    /// gRPC.
    pub fn status_with_revision(&self, endpoint: &str) -> Result<Status, EtcdError> {
        let refused = |code, message: String| EtcdError::Refused { what: "report its status".into(), code, message };
        let message = match self.grpc(endpoint, STATUS, &[])? {
            Answer::NotGrpc => return self.status(endpoint),
            Answer::Refused { code, message } => return Err(refused(code, message)),
            Answer::Message(message) => message,
        };
        let response = StatusResponse::decode(message.as_slice())
            .map_err(|error| refused(UNKNOWN, format!("its response cannot be parsed: {error}")))?;
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

    /// The members from a linearizable read of the member at an endpoint.
    pub fn members_at(&self, endpoint: &str) -> Result<Vec<Member>, EtcdError> {
        self.list_at(endpoint, true)
    }

    /// The members as the one at an endpoint knows them, with or without a majority.
    pub fn members_known_at(&self, endpoint: &str) -> Result<Vec<Member>, EtcdError> {
        self.list_at(endpoint.trim_end_matches('/'), false)
    }

    fn list_at(&self, endpoint: &str, linearizable: bool) -> Result<Vec<Member>, EtcdError> {
        let refused = |code, message: String| EtcdError::Refused { what: "list the members".into(), code, message };
        let request = MemberListRequest { linearizable }.encode_to_vec();
        let message = match self.grpc(endpoint, MEMBERS, &request)? {
            Answer::NotGrpc => return self.members(),
            Answer::Refused { code, message } => return Err(refused(code, message)),
            Answer::Message(message) => message,
        };
        let response = MemberListResponse::decode(message.as_slice())
            .map_err(|error| refused(UNKNOWN, format!("its response cannot be parsed: {error}")))?;
        let member = |one: MemberMessage| Member {
            id: one.id,
            name: one.name,
            peer_urls: one.peer_urls,
            client_urls: one.client_urls,
            learner: one.learner,
        };
        Ok(response.members.into_iter().map(member).collect())
    }

    /// Passes a snapshot of the member at an endpoint to `take` as it comes, until that returns false: the database, then its
    /// checksum.
    pub fn snapshot(&self, endpoint: &str, take: &mut dyn FnMut(&Part<'_>) -> bool) -> Result<(), EtcdError> {
        let refused = |code, message: String| EtcdError::Refused { what: "send a snapshot".into(), code, message };
        let mut broken = None;
        let answer =
            self.grpc_stream(endpoint, SNAPSHOT, PATIENCE, &mut |message| match SnapshotResponse::decode(message) {
                Ok(part) => take(&Part { bytes: &part.blob, remaining: part.remaining }),
                Err(error) => {
                    broken = Some(refused(UNKNOWN, format!("its response cannot be parsed: {error}")));
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
