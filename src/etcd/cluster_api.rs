//! The members of a cluster, listed and changed over gRPC: etcd can be run without its JSON gateway, which is used only if a proxy in
//! between does not support gRPC.

use super::client::{CONNECT_LIMIT, Client, Kind};
use super::error::EtcdError;
use super::member::{Health, Member};
use super::member_api::MemberApi;
use crate::base::https::{HttpsError, Trouble, is_reachable};
use prost::Message;
use serde_json::{Value, json};

/// A method, with its path in both APIs.
struct Method {
    grpc: &'static str,
    gateway: &'static str,
    what: &'static str,
}

const LIST: Method =
    Method { grpc: "/etcdserverpb.Cluster/MemberList", gateway: "/v3/cluster/member/list", what: "list the members" };
const ADD: Method =
    Method { grpc: "/etcdserverpb.Cluster/MemberAdd", gateway: "/v3/cluster/member/add", what: "add a member" };
const PROMOTE: Method = Method {
    grpc: "/etcdserverpb.Cluster/MemberPromote",
    gateway: "/v3/cluster/member/promote",
    what: "promote a member",
};
const REMOVE: Method = Method {
    grpc: "/etcdserverpb.Cluster/MemberRemove",
    gateway: "/v3/cluster/member/remove",
    what: "remove a member",
};

/// `etcdserverpb.MemberListRequest`.
#[derive(Clone, PartialEq, Message)]
struct ListRequest {
    #[prost(bool, tag = "1")]
    linearizable: bool,
}

/// `etcdserverpb.MemberAddRequest`.
#[derive(Clone, PartialEq, Message)]
struct AddRequest {
    #[prost(string, repeated, tag = "1")]
    peer_urls: Vec<String>,
    #[prost(bool, tag = "2")]
    learner: bool,
}

/// `etcdserverpb.MemberPromoteRequest` and `MemberRemoveRequest`.
#[derive(Clone, PartialEq, Message)]
struct IdRequest {
    #[prost(uint64, tag = "1")]
    id: u64,
}

/// The used fields of `etcdserverpb.MemberListResponse`, and of the responses to promotions and removals.
#[derive(Clone, PartialEq, Message)]
struct ListResponse {
    #[prost(message, repeated, tag = "2")]
    members: Vec<MemberMessage>,
}

/// The used fields of `etcdserverpb.MemberAddResponse`.
#[derive(Clone, PartialEq, Message)]
struct AddResponse {
    #[prost(message, repeated, tag = "3")]
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

impl From<MemberMessage> for Member {
    fn from(MemberMessage { id, name, peer_urls, client_urls, learner }: MemberMessage) -> Self {
        Self { id, name, peer_urls, client_urls, learner }
    }
}

impl From<ListResponse> for Vec<Member> {
    fn from(response: ListResponse) -> Self {
        response.members.into_iter().map(Member::from).collect()
    }
}

impl From<AddResponse> for Vec<Member> {
    fn from(response: AddResponse) -> Self {
        response.members.into_iter().map(Member::from).collect()
    }
}

impl Client {
    /// The members, from a linearizable read (from etcd 3.5 on; older versions answer from the local member).
    pub fn members(&self) -> Result<Vec<Member>, EtcdError> {
        self.list(true)
    }

    /// The members from a linearizable read, or without a quorum from a serializable read.
    pub fn members_known(&self) -> Result<Vec<Member>, EtcdError> {
        self.list(true).or_else(|_| self.list(false))
    }

    /// The members from a linearizable read of the member at an endpoint.
    pub fn members_at(&self, endpoint: &str) -> Result<Vec<Member>, EtcdError> {
        self.list_at(endpoint, true)
    }

    /// The members as the one at an endpoint knows them, with or without a majority.
    pub fn members_known_at(&self, endpoint: &str) -> Result<Vec<Member>, EtcdError> {
        self.list_at(endpoint.trim_end_matches('/'), false)
    }

    /// True if at least one endpoint lists the members.
    pub fn knows_members(&self) -> bool {
        self.list(false).is_ok()
    }

    /// The health of a member that did not respond at `url`. Without a majority an etcd that starts accepts connections and says nothing.
    /// One with a certificate that is not accepted, or that does not accept ours, runs.
    fn unanswered(url: &str, error: &HttpsError) -> Health {
        match error.trouble {
            Trouble::TurnedAway => Health::Ill(error.to_string()),
            _ if error.is_trust() => Health::Ill(error.to_string()),
            Trouble::Refused => Health::Down(error.to_string()),
            Trouble::NoConnection | Trouble::NoAnswer(_) if is_reachable(url, CONNECT_LIMIT) => {
                Health::Down(format!("its host accepts connections at {url}, but etcd does not respond"))
            }
            _ => Health::Silent(error.to_string()),
        }
    }

    fn list(&self, linearizable: bool) -> Result<Vec<Member>, EtcdError> {
        let members = self.try_each(Kind::Read, |endpoint| self.list_at(endpoint, linearizable))?;
        self.learn(&members);
        Ok(members)
    }

    fn list_at(&self, endpoint: &str, linearizable: bool) -> Result<Vec<Member>, EtcdError> {
        let body = json!({ "linearizable": linearizable });
        self.call_method::<ListResponse>(endpoint, &LIST, &ListRequest { linearizable }, &body)
    }

    fn change<T>(&self, method: &Method, request: &impl Message, body: &Value) -> Result<Vec<Member>, EtcdError>
    where
        T: Message + Default + Into<Vec<Member>>,
    {
        self.try_each(Kind::Change, |endpoint| self.call_method::<T>(endpoint, method, request, body))
    }

    fn call_method<T>(
        &self,
        endpoint: &str,
        method: &Method,
        request: &impl Message,
        body: &Value,
    ) -> Result<Vec<Member>, EtcdError>
    where
        T: Message + Default + Into<Vec<Member>>,
    {
        match self.grpc::<T>(endpoint, method.grpc, request, method.what)? {
            Some(response) => Ok(response.into()),
            None => Ok(Member::all(&self.call(endpoint, method.gateway, body, method.what)?)),
        }
    }
}

impl MemberApi for Client {
    fn members(&self) -> Result<Vec<Member>, EtcdError> {
        self.members()
    }

    fn members_serializable(&self) -> Result<Vec<Member>, EtcdError> {
        self.list(false)
    }

    fn add_learner(&self, peer_url: &str) -> Result<Vec<Member>, EtcdError> {
        let request = AddRequest { peer_urls: vec![peer_url.to_owned()], learner: true };
        self.change::<AddResponse>(&ADD, &request, &json!({ "peerURLs": [peer_url], "isLearner": true }))
    }

    fn promote(&self, id: u64) -> Result<(), EtcdError> {
        self.change::<ListResponse>(&PROMOTE, &IdRequest { id }, &json!({ "ID": id.to_string() })).map(drop)
    }

    fn remove(&self, id: u64) -> Result<(), EtcdError> {
        self.change::<ListResponse>(&REMOVE, &IdRequest { id }, &json!({ "ID": id.to_string() })).map(drop)
    }

    fn health(&self, member: &Member) -> Health {
        let mut health = Health::Silent("it has never started".into());
        for url in &member.client_urls {
            health = match self.status(url.trim_end_matches('/')) {
                Ok(status) if status.member == member.id => return status.health(),
                // Members may share an address, as of a load balancer, or name one that only their own host reaches.
                Ok(status) => Health::Silent(format!("at {url} the member {:x} answers instead", status.member)),
                Err(EtcdError::Transport(error)) => Self::unanswered(url, &error),
                Err(error) => Health::Ill(error.to_string()),
            };
        }
        health
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::{Credentials, Trust};
    use crate::etcd::client::Access;
    use crate::etcd::test_grpc::{self, GrpcServer};
    use std::sync::{Arc, Mutex};

    fn client(server: &GrpcServer) -> Client {
        let access =
            Access { endpoints: vec![server.url()], trust: Trust::Anyone, credentials: Credentials::Anonymous };
        Client::new(access).unwrap()
    }

    /// A join failed if etcd was run with --enable-grpc-gateway=false.
    #[test]
    fn members_are_changed_without_the_gateway() {
        type Asked = Vec<(String, Vec<u8>)>;
        let asked: Arc<Mutex<Asked>> = Arc::default();
        let log = Arc::clone(&asked);
        let server = GrpcServer::start_with(move |path, message| {
            log.lock().unwrap().push((path.rsplit('/').next().unwrap().to_owned(), message.to_vec()));
            let new = MemberMessage {
                id: 3,
                peer_urls: vec!["https://10.0.0.3:2380".into()],
                learner: true,
                ..MemberMessage::default()
            };
            match path {
                "/etcdserverpb.Cluster/MemberAdd" => (vec![AddResponse { members: vec![new] }.encode_to_vec()], 0),
                _ => (vec![test_grpc::members(&["a", "b"])], 0),
            }
        });
        let client = client(&server);
        let names: Vec<String> = client.members().unwrap().into_iter().map(|member| member.name).collect();
        assert_eq!(names, ["a", "b"]);
        let members = client.add_learner("https://10.0.0.3:2380").unwrap();
        assert_eq!((members[0].id, members[0].learner, members[0].peer_urls.len()), (3, true, 1));
        client.promote(3).unwrap();
        MemberApi::remove(&client, 1).unwrap();
        let asked = asked.lock().unwrap();
        let names: Vec<&str> = asked.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["MemberList", "MemberAdd", "MemberPromote", "MemberRemove"]);
        let add = AddRequest::decode(asked[1].1.as_slice()).unwrap();
        assert_eq!((add.peer_urls[0].as_str(), add.learner), ("https://10.0.0.3:2380", true));
        assert_eq!(IdRequest::decode(asked[2].1.as_slice()).unwrap().id, 3);
        assert_eq!(IdRequest::decode(asked[3].1.as_slice()).unwrap().id, 1);
    }

    #[test]
    fn a_refusal_over_grpc_has_its_code() {
        let server = GrpcServer::start(|_| (Vec::new(), 5));
        let error = client(&server).promote(7).unwrap_err();
        assert!(matches!(&error, EtcdError::Refused { code: 5, .. }), "{error:?}");
    }
}
