//! The only code that speaks HTTP to an API server.
//!
//! Reads: PEM bytes and an address that are handed in. Writes: whatever the requests do; callers go through
//! [`super::Cluster`], which sends every changing request through the gate.

use super::error::KubeError;
use super::request::Request;
use crate::base::https::{Credentials, Https, Options, Trust};
use crate::base::proxy::Proxies;
use serde_json::Value;
use std::time::Duration;

/// How long one request may take. API servers end ordinary requests themselves after 60 s; a healthy one
/// answers ours within milliseconds.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// An answer to a question of health is late after this: the probes of static Pods use 15 s, but ours
/// come again at once.
pub const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// What carries requests to an API server. The seam at which tests put a server of their own.
pub trait Api: Send + Sync {
    /// Sends `request` and returns the object in the answer; `what` names the request in errors.
    ///
    /// # Errors
    /// When there is no answer, or it is not a success.
    fn send(&self, request: &Request, what: &str) -> Result<Value, KubeError>;

    /// Reads a path that answers in text, such as `/readyz`: status and text, whatever the status.
    ///
    /// # Errors
    /// When there is no answer.
    fn text(&self, path: &str) -> Result<(u16, String), KubeError>;
}

/// Where an API server is and how it is entered.
#[derive(Clone, Debug)]
pub struct Access {
    /// `https://HOST:PORT`, a path may follow.
    pub server: String,
    /// Whose certificate the server must have.
    pub trust: Trust,
    /// How we show who we are.
    pub credentials: Credentials,
    /// Which proxy is used.
    pub proxies: Proxies,
}

/// A connection to one API server. Clones share it.
#[derive(Clone)]
pub struct Client {
    https: Https,
    server: String,
    limit: Duration,
}

impl Client {
    /// A client; the connection comes up with the first request.
    ///
    /// # Errors
    /// When the address is none, or a certificate or key cannot be used.
    pub fn new(access: Access) -> Result<Self, KubeError> {
        let Access { server, trust, credentials, proxies } = access;
        let uri: Option<http::Uri> = server.parse().ok();
        let usable = uri.is_some_and(|uri| {
            uri.scheme_str() == Some("https") && uri.host().is_some_and(|h| !h.is_empty()) && uri.query().is_none()
        });
        if !usable {
            return Err(KubeError::Address { address: server });
        }
        let https = Https::new(Options { credentials, proxies, ..Options::new(trust) })?;
        Ok(Self { https, server: server.trim_end_matches('/').to_owned(), limit: REQUEST_LIMIT })
    }

    /// The same, each request of which may take no longer than `limit`.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// The server's address.
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
/// A server that does not know it answers with whole objects, which have the same in them.
const METADATA: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json;q=0.9, */*;q=0.1";

impl Api for Client {
    fn send(&self, request: &Request, what: &str) -> Result<Value, KubeError> {
        let answer = self.https.send(self.http_request(request)?, self.limit)?;
        if !answer.status().is_success() {
            return Err(KubeError::of_answer(what, answer.status().as_u16(), answer.body()));
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
        }
    }

    #[test]
    fn requests_go_out_as_built_below_the_path_of_the_server() {
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
    fn refusals_and_nonsense_are_errors() {
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
    fn only_https_addresses_are_taken() {
        let ca = TestCa::new("ca");
        for address in ["", "10.0.0.1:6443", "http://10.0.0.1:6443", "https://", "https://a b", "https://h?x=1"] {
            assert!(matches!(Client::new(access(address, &ca)), Err(KubeError::Address { .. })), "{address}");
        }
        assert!(Client::new(access("https://[fd00::1]:6443", &ca)).is_ok());
    }
}
