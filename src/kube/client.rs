//! The only code that sends HTTP requests to an API server.
//!
//! Reads: the given PEM bytes and address. Writes: what the requests do; callers use [`super::Cluster`], which sends
//! every changing request through the gate.

use super::error::KubeError;
use super::request::Request;
use super::via::{Via, Way};
use crate::base::https::{Credentials, Https, Options, Trust};
use crate::base::proxy::Proxies;
use serde_json::Value;
use std::time::Duration;

/// The timeout of one request. API servers end ordinary requests themselves after 60 s; a healthy one responds to ours
/// within milliseconds.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// The timeout of a health check: the probes of static Pods use 15 s, but ours are repeated at once.
pub const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// Sends requests to an API server. Tests implement it in memory.
pub trait Api: Send + Sync {
    /// Sends `request` and returns the object in the response; `what` names the request in errors.
    fn send(&self, request: &Request, what: &str) -> Result<Value, KubeError>;

    /// Reads a path with a text response, such as `/readyz`: status and text, for any status.
    fn text(&self, path: &str) -> Result<(u16, String), KubeError>;
}

/// The address and credentials of an API server.
#[derive(Clone, Debug)]
pub struct Access {
    /// `https://HOST:PORT`, optionally with a path.
    pub server: String,
    /// The CA certificates that verify the server.
    pub trust: Trust,
    /// The client credentials.
    pub credentials: Credentials,
    pub proxies: Proxies,
    /// What the kubeconfig says about the connection.
    pub via: Via,
}

/// A connection to one API server. Clones share it.
#[derive(Clone)]
pub struct Client {
    https: Https,
    server: String,
    limit: Duration,
}

impl Client {
    /// Creates a client; the first request connects.
    pub fn new(access: Access) -> Result<Self, KubeError> {
        let Access { server, trust, credentials, proxies, via } = access;
        let Way { server, resolved, proxies } = via.way(&server, &proxies)?;
        let https = Https::new(Options { credentials, proxies, resolved, ..Options::new(trust) })?;
        Ok(Self { https, server, limit: REQUEST_LIMIT })
    }

    /// The same client with the timeout `limit` for each request.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    pub fn server(&self) -> &str {
        &self.server
    }

    fn http_request(&self, request: &Request) -> Result<http::Request<Vec<u8>>, KubeError> {
        let mut builder = http::Request::builder()
            .method(request.method.clone())
            .uri(format!("{}{}", self.server, request.path))
            .header("accept", if request.metadata_only { METADATA } else { JSON });
        if let Some(content_type) = request.content_type {
            builder = builder.header("content-type", content_type);
        }
        let body = request.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
        builder.body(body).map_err(|_| KubeError::Address { address: self.server.clone() })
    }
}

const JSON: &str = "application/json, */*;q=0.1";
/// A server that does not support it returns complete objects, which contain the metadata too.
const METADATA: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json;q=0.9, */*;q=0.1";

impl Api for Client {
    fn send(&self, request: &Request, what: &str) -> Result<Value, KubeError> {
        let answer = self.https.send(self.http_request(request)?, self.limit)?;
        if !answer.status().is_success() {
            let code = answer.status().as_u16();
            return Err(KubeError::of_refusal(what, code, answer.body(), request.body.as_ref()));
        }
        serde_json::from_slice(answer.body()).map_err(|source| KubeError::Answer { what: what.into(), source })
    }

    fn text(&self, path: &str) -> Result<(u16, String), KubeError> {
        let answer = self.https.send(self.http_request(&Request::get(path))?, PROBE_LIMIT.min(self.limit))?;
        Ok((answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::{TestCa, TestServer};

    fn access(server: &str, ca: &TestCa) -> Access {
        Access {
            server: server.into(),
            trust: Trust::Only(ca.pem()),
            credentials: Credentials::Anonymous,
            proxies: Proxies::none(),
            via: Via::default(),
        }
    }

    #[test]
    fn requests_are_sent_as_built_below_the_path_of_the_server() {
        let ca = TestCa::new("ca");
        let server = TestServer::start(&ca.local_leaf(), None, |request| {
            let kind = request.header("content-type").unwrap_or("-");
            (200, serde_json::json!([request.method, request.path, kind, request.body.len()]).to_string())
        });
        let client = Client::new(access(&format!("{}/k8s/", server.url()), &ca)).unwrap();
        let object = super::super::ObjectRef::global(&super::super::kind::NODE, "n1");
        let seen = client.send(&Request::update(&object, serde_json::json!({})), "x").unwrap();
        assert_eq!(
            seen,
            serde_json::json!(["PUT", "/k8s/api/v1/nodes/n1?fieldManager=kubewright", "application/json", 2])
        );
        assert_eq!(client.send(&Request::read(&object), "x").unwrap()[2], "-");
    }

    #[test]
    fn refusals_and_invalid_responses_are_errors() {
        let ca = TestCa::new("ca");
        let server = TestServer::start(&ca.local_leaf(), None, |request| {
            if request.path == "/html" { (200, "<html>".into()) } else { (404, r#"{"reason":"NotFound"}"#.into()) }
        });
        let client = Client::new(access(&server.url(), &ca)).unwrap();
        assert!(client.send(&Request::get("/x"), "x").unwrap_err().is_not_found());
        assert!(matches!(client.send(&Request::get("/html"), "x"), Err(KubeError::Answer { .. })));
        assert_eq!(client.text("/x").unwrap().0, 404);
    }

    #[test]
    fn only_https_addresses_are_accepted() {
        let ca = TestCa::new("ca");
        for address in ["", "10.0.0.1:6443", "http://10.0.0.1:6443", "https://", "https://a b", "https://h?x=1"] {
            assert!(matches!(Client::new(access(address, &ca)), Err(KubeError::Address { .. })), "{address}");
        }
        assert!(Client::new(access("https://[fd00::1]:6443", &ca)).is_ok());
    }
}
