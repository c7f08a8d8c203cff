//! The only code that sends requests to etcd: to its gRPC API, and to its JSON gateway on the same port.
//!
//! Reads: the given PEM bytes. Writes: changes to the cluster go through the gate.

use super::error::EtcdError;
use super::member::{Member, Status};
use crate::base::fault::Fault;
use crate::base::gate::Change;
use crate::base::https::{Answer, Credentials, Grpc, Https, Options, Trust};
use prost::{DecodeError, Message};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The connect timeout of a member before the next one is tried. It is shorter than [`CALL_LIMIT`]: otherwise an
/// address that does not respond would not count as unreachable.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// The timeout of one request, including its connection. etcd silently drops a membership change that conflicts with
/// another one, and its response never comes; callers then read the members again soon.
const CALL_LIMIT: Duration = Duration::from_secs(2);

/// The endpoints and credentials of an etcd cluster.
#[derive(Clone, Debug)]
pub struct Access {
    /// `https://HOST:2379` of one or more members.
    pub endpoints: Vec<String>,
    /// The CA certificates that verify the members.
    pub trust: Trust,
    /// The client credentials.
    pub credentials: Credentials,
}

/// Whether a request may be sent twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Change,
}

/// A client of an etcd cluster. It adds members that it learns of to its endpoints, so that it continues to work when
/// the given ones are gone.
pub struct Client {
    https: Https,
    grpc: Grpc,
    endpoints: Mutex<Vec<String>>,
}

impl Client {
    /// Creates a client without a request. Requests to etcd never use a proxy.
    pub fn new(access: Access) -> Result<Self, EtcdError> {
        let Access { endpoints, trust, credentials } = access;
        let bad = |endpoint: &&String| !endpoint.starts_with("https://") && !endpoint.starts_with("http://");
        if let Some(address) = endpoints.iter().find(bad).cloned().or(endpoints.is_empty().then(String::new)) {
            return Err(EtcdError::Address { address });
        }
        let options = Options { credentials, connect_limit: CONNECT_LIMIT, ..Options::new(trust) };
        let https = Https::new(options.clone())?;
        let endpoints = endpoints.iter().map(|endpoint| endpoint.trim_end_matches('/').to_owned()).collect();
        Ok(Self { https, grpc: Grpc::new(options), endpoints: Mutex::new(endpoints) })
    }

    /// The status of the member at an endpoint, from the gateway.
    pub(super) fn gateway_status(&self, endpoint: &str) -> Result<Status, EtcdError> {
        Ok(Status::of(&self.call(endpoint, "/v3/maintenance/status", &json!({}), "report its status")?))
    }

    /// The version of the etcd at an endpoint, `3.5.21`, from the path that every etcd 3 serves.
    pub fn version(&self, endpoint: &str) -> Result<String, EtcdError> {
        let request = http::Request::get(format!("{}/version", endpoint.trim_end_matches('/')));
        let value = self.exchange(endpoint, request, Vec::new(), "report its version")?;
        Ok(value["etcdserver"].as_str().unwrap_or_default().to_owned())
    }

    /// Reads from the endpoints in turn until one responds.
    pub(super) fn each_endpoint<T>(&self, read: impl Fn(&str) -> Result<T, EtcdError>) -> Result<T, EtcdError> {
        self.try_each(Kind::Read, read)
    }

    /// Tries the endpoints in turn until one responds; one that does not is tried last from then on. A change is sent
    /// to another one only if it certainly did not arrive: it must not be applied twice.
    pub(super) fn try_each<T>(&self, kind: Kind, ask: impl Fn(&str) -> Result<T, EtcdError>) -> Result<T, EtcdError> {
        let endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut last = EtcdError::Address { address: String::new() };
        for endpoint in &endpoints {
            let error = match ask(endpoint) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // A learner refuses requests to the cluster.
            let nothing_done = error.is_of_a_learner()
                || matches!(&error, EtcdError::Transport(transport) if transport.before_sending());
            if !error.is_of_a_learner() && !error.retryable() {
                return Err(error);
            }
            self.put_last(endpoint);
            if !nothing_done && kind == Kind::Change {
                return Err(error);
            }
            last = error;
        }
        Err(last)
    }

    pub(super) fn call(&self, endpoint: &str, path: &str, body: &Value, what: &str) -> Result<Value, EtcdError> {
        let request = http::Request::post(format!("{endpoint}{path}")).header("content-type", "application/json");
        self.exchange(endpoint, request, body.to_string().into_bytes(), what)
    }

    fn exchange(
        &self,
        endpoint: &str,
        request: http::request::Builder,
        body: Vec<u8>,
        what: &str,
    ) -> Result<Value, EtcdError> {
        let request = request.body(body).map_err(|_| EtcdError::Address { address: endpoint.into() })?;
        let answer = self.https.send(request, CALL_LIMIT)?;
        let value: Value =
            serde_json::from_slice(answer.body()).map_err(|source| EtcdError::Answer { what: what.into(), source })?;
        if answer.status().is_success() {
            return Ok(value);
        }
        let message = value["message"].as_str().or(value["error"].as_str()).unwrap_or("no reason given").to_owned();
        Err(EtcdError::Refused { what: what.into(), code: value["code"].as_u64().unwrap_or(2), message })
    }

    /// Calls a method of etcd's gRPC API, to do `what`; None if the peer does not support gRPC.
    pub(super) fn grpc<T: Message + Default>(
        &self,
        endpoint: &str,
        method: &str,
        request: &impl Message,
        what: &str,
    ) -> Result<Option<T>, EtcdError> {
        match self.grpc.call(&format!("{endpoint}{method}"), &request.encode_to_vec(), CALL_LIMIT)? {
            Answer::NotGrpc => Ok(None),
            Answer::Refused { code, message } => Err(EtcdError::Refused { what: what.into(), code, message }),
            Answer::Message(message) => T::decode(message.as_slice()).map(Some).map_err(|error| unparsed(what, &error)),
        }
    }

    /// Calls a method of etcd's gRPC API that is answered with a stream.
    pub(super) fn grpc_stream(
        &self,
        endpoint: &str,
        method: &str,
        patience: Duration,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Answer, EtcdError> {
        Ok(self.grpc.stream(&format!("{endpoint}{method}"), &[], patience, take)?)
    }

    fn put_last(&self, endpoint: &str) {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = endpoints.iter().position(|known| known == endpoint) {
            endpoints.get_mut(at..).into_iter().for_each(|rest| rest.rotate_left(1));
        }
    }

    /// Adds the members to the endpoints.
    pub(super) fn learn(&self, members: &[Member]) {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        let urls = members.iter().filter(|member| !member.learner).flat_map(|member| &member.client_urls);
        for url in urls.map(|url| url.trim_end_matches('/')) {
            if !endpoints.iter().any(|known| known == url) {
                endpoints.push(url.to_owned());
            }
        }
    }
}

/// A message of etcd's gRPC API that is none.
pub(super) fn unparsed(what: &str, error: &DecodeError) -> EtcdError {
    /// The gRPC status for unknown errors.
    const UNKNOWN: u64 = 2;
    EtcdError::Refused { what: what.into(), code: UNKNOWN, message: format!("its response cannot be parsed: {error}") }
}

/// A change of etcd, for the gate.
pub(super) fn request(verb: &str, object: &str, body: Option<String>) -> Change {
    Change::request("etcd", verb, object, body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::{TestCa, TestServer, dead_address};
    use crate::etcd::member::Health;
    use crate::etcd::member_api::MemberApi;

    fn client(ca: &TestCa, endpoints: &[String]) -> Client {
        let leaf = ca.local_leaf();
        let credentials = Credentials::Certificate { certificate: leaf.certificate, key: leaf.key.into() };
        Client::new(Access { endpoints: endpoints.to_vec(), trust: Trust::Only(ca.pem()), credentials }).unwrap()
    }

    #[test]
    fn an_unreachable_endpoint_is_skipped_and_then_tried_last() {
        let ca = TestCa::new("etcd-ca");
        let server = TestServer::start(&ca.local_leaf(), Some(&ca), |request| {
            assert!(matches!(request.path.as_str(), "/etcdserverpb.Cluster/MemberList" | "/v3/cluster/member/list"));
            (200, r#"{"members":[{"ID":"1","name":"a","clientURLs":["https://192.0.2.1:2379"]}]}"#.into())
        });
        let dead = format!("https://{}", dead_address());
        let client = client(&ca, &[dead.clone(), server.url()]);
        assert_eq!(client.members().unwrap()[0].name, "a");
        let known = client.endpoints.lock().unwrap().clone();
        assert_eq!(known, [server.url(), dead, "https://192.0.2.1:2379".into()]);
    }

    const MEMBER_A: &str = r#"{"members":[{"ID":"1","name":"a"}]}"#;

    /// The unreachable endpoint was tried again and again, because a timeout while connecting did not count as skipped.
    #[test]
    fn an_unresponsive_endpoint_is_skipped_and_then_tried_last_for_changes_too() {
        let ca = TestCa::new("etcd-ca");
        // It accepts connections, as the kernel does for a process that hangs, and never responds.
        let (keep, kept) = std::sync::mpsc::channel();
        let keep = Mutex::new(keep);
        let silent = TestServer::start_raw(move |stream| _ = keep.lock().unwrap().send(stream));
        let server = TestServer::start(&ca.local_leaf(), Some(&ca), |_| (200, MEMBER_A.into()));
        for change in [false, true] {
            let client = client(&ca, &[silent.url(), server.url()]);
            if change {
                MemberApi::remove(&client, 1).unwrap();
            } else {
                assert_eq!(client.members().unwrap()[0].name, "a");
            }
            assert_eq!(*client.endpoints.lock().unwrap(), [server.url(), silent.url()]);
        }
        drop(kept);
    }

    #[test]
    fn another_member_is_asked_if_one_has_no_leader() {
        let ca = TestCa::new("etcd-ca");
        let lost = TestServer::start(&ca.local_leaf(), Some(&ca), |_| {
            (503, r#"{"message":"etcdserver: no leader","code":14}"#.into())
        });
        let server = TestServer::start(&ca.local_leaf(), Some(&ca), |_| (200, MEMBER_A.into()));
        let endpoints = [lost.url(), server.url()];
        assert_eq!(client(&ca, &endpoints).members().unwrap()[0].name, "a");
        // The change may have been applied. A retry uses another endpoint.
        let client = client(&ca, &endpoints);
        assert!(MemberApi::remove(&client, 1).unwrap_err().retryable());
        MemberApi::remove(&client, 1).unwrap();
    }

    /// A live member answered for a dead one, so the quorum seemed safe.
    #[test]
    fn the_health_of_a_member_comes_from_that_member_only() {
        let ca = TestCa::new("etcd-ca");
        let status = r#"{"header":{"member_id":"1"},"leader":"1","version":"3.5.0"}"#;
        let server = TestServer::start(&ca.local_leaf(), Some(&ca), move |_| (200, status.into()));
        let client = client(&ca, &[server.url()]);
        let health = |id: u64, urls: &[String]| {
            MemberApi::health(&client, &Member { id, client_urls: urls.to_vec(), ..Member::default() })
        };
        let dead = format!("https://{}", dead_address());
        assert_eq!(health(1, &[server.url()]), Health::Well);
        assert_eq!(health(1, &[dead, server.url()]), Health::Well, "any of its addresses will do");
        let other = health(2, &[server.url()]);
        assert!(matches!(&other, Health::Silent(why) if why.contains("the member 1 answers")), "{other:?}");
        assert!(matches!(health(2, &[]), Health::Silent(_)));
        assert!(matches!(health(2, &[format!("https://{}", dead_address())]), Health::Down(_)));
    }

    /// `certs renew` named a lost majority where the certificates of all members had expired, and so did not renew them.
    #[test]
    fn a_member_whose_certificate_has_expired_is_ill_and_not_missing() {
        let ca = TestCa::new("etcd-ca");
        let expired = TestServer::start(&ca.leaf(&["127.0.0.1"], (-9, -1)), Some(&ca), |_| panic!("it was accepted"));
        let strict = TestServer::start(&ca.local_leaf(), Some(&TestCa::new("other")), |_| panic!("it was accepted"));
        for server in [&expired, &strict] {
            let client = client(&ca, &[server.url()]);
            let members: Vec<Member> = [1, 2, 3]
                .map(|id| Member { id, name: "n".into(), client_urls: vec![server.url()], ..Member::default() })
                .into();
            let health = MemberApi::health(&client, &members[0]);
            assert!(matches!(&health, Health::Ill(why) if why.contains("certificate")), "{health:?}");
            crate::etcd::quorum::is_there(&client, &members).unwrap();
        }
    }

    #[test]
    fn the_version_is_read_from_the_path_that_every_etcd_serves() {
        let ca = TestCa::new("etcd-ca");
        let server = TestServer::start(&ca.local_leaf(), Some(&ca), |request| {
            assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/version"));
            (200, r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"#.into())
        });
        assert_eq!(client(&ca, &[server.url()]).version(&format!("{}/", server.url())).unwrap(), "3.4.23");
    }

    #[test]
    fn a_change_that_may_have_arrived_is_not_sent_to_another_member() {
        let ca = TestCa::new("etcd-ca");
        let breaking = TestServer::start(&ca.local_leaf(), Some(&ca), |_| (503, "<html>".into()));
        let other = TestServer::start(&ca.local_leaf(), Some(&ca), |_| (200, "{}".into()));
        let client = client(&ca, &[breaking.url(), other.url()]);
        assert!(matches!(MemberApi::remove(&client, 1), Err(EtcdError::Answer { .. })));
        assert_eq!(other.connections.load(std::sync::atomic::Ordering::SeqCst), 0);
    }

    #[test]
    fn refusals_contain_the_message_of_etcd() {
        let ca = TestCa::new("etcd-ca");
        let server = TestServer::start(&ca.local_leaf(), Some(&ca), |_| {
            (
                404,
                r#"{"error":"etcdserver: member not found","message":"etcdserver: member not found","code":5}"#.into(),
            )
        });
        let error = MemberApi::promote(&client(&ca, &[server.url()]), 7).unwrap_err();
        assert!(error.is_not_found() && !error.retryable());
    }

    #[test]
    fn endpoints_must_be_addresses() {
        let access = |endpoints: &[&str]| Access {
            endpoints: endpoints.iter().map(ToString::to_string).collect(),
            trust: Trust::Anyone,
            credentials: Credentials::Anonymous,
        };
        for bad in [&[][..], &["10.0.0.1:2379"], &["https://10.0.0.1:2379", "x"]] {
            assert!(matches!(Client::new(access(bad)), Err(EtcdError::Address { .. })), "{bad:?}");
        }
    }
}
