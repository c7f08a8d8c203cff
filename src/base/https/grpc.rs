//! gRPC calls with one message each way. They need what a plain client does not show: the trailers, in which the status of a
//! call comes. What is asynchronous stays in here.

use super::error::Peer;
use super::{HttpsError, Options, builder, what_may_be_unusable};
use http::HeaderMap;
use http_body_util::{BodyExt, Limited};
use std::time::Duration;

/// As much as gRPC's own clients accept.
pub(super) const LARGEST: usize = 4 << 20;
/// A status for an answer that has none.
const UNKNOWN: u64 = 2;

/// A client for gRPC. Nothing is kept open between calls.
pub struct Grpc {
    options: Options,
}

/// What a gRPC server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The message.
    Message(Vec<u8>),
    /// It did not do what was asked.
    Refused {
        /// gRPC's number of the reason.
        code: u64,
        /// The reason in words.
        message: String,
    },
    /// The peer is not a gRPC server.
    NotGrpc,
}

impl Grpc {
    /// A client; nothing is sent yet.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// Calls a method, such as `https://HOST:2379/etcdserverpb.KV/Range`, with an encoded message.
    pub fn call(&self, url: &str, message: &[u8], limit: Duration) -> Result<Answer, HttpsError> {
        let (peer, request) = self.request(url)?;
        let fail = |e| HttpsError::transport(&peer, limit, e);
        let request = request.timeout(limit).body(framed(message));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| HttpsError::reading(&peer, limit, e))?;
        runtime.block_on(async {
            let response: http::Response<reqwest::Body> = request.send().await.map_err(fail)?.into();
            let headers = response.headers().clone();
            let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            if !kind.starts_with("application/grpc") {
                return Ok(Answer::NotGrpc);
            }
            let whole = Limited::new(response.into_body(), LARGEST).collect().await;
            let whole = whole.map_err(|error| match error.downcast::<reqwest::Error>() {
                Ok(error) => fail(*error),
                Err(_) => HttpsError::too_long(&peer, LARGEST as u64),
            })?;
            let trailers = whole.trailers().cloned().unwrap_or_default();
            Ok(answer(&headers, &trailers, &whole.to_bytes()))
        })
    }

    /// The request of a call, without message and timeout.
    pub(super) fn request(&self, url: &str) -> Result<(Peer, reqwest::RequestBuilder), HttpsError> {
        let uri: http::Uri = url.parse().unwrap_or_default();
        let peer = Peer { address: uri.authority().map(ToString::to_string).unwrap_or_default(), proxy: None };
        let mut builder = builder(&self.options)?;
        if uri.scheme_str() == Some("http") {
            builder = builder.http2_prior_knowledge();
        }
        let what = what_may_be_unusable(&self.options.trust);
        let client = builder.build().map_err(|e| HttpsError::material(what, e))?;
        let request = client.post(url).header("content-type", "application/grpc").header("te", "trailers");
        Ok((peer, request))
    }
}

/// A message with its head: not compressed, and its length.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], length.to_be_bytes().as_slice(), message].concat()
}

/// The status of a call that brings no message may be in the headers already.
pub(super) fn answer(headers: &HeaderMap, trailers: &HeaderMap, body: &[u8]) -> Answer {
    let find = |name: &str| [trailers, headers].into_iter().find_map(|map| map.get(name)?.to_str().ok());
    let status = find("grpc-status").map(|status| status.parse().unwrap_or(UNKNOWN));
    match (status, body.get(5..)) {
        (None | Some(0), Some(message)) => Answer::Message(message.to_vec()),
        (status, _) => {
            let message = find("grpc-message").unwrap_or("no reason given").to_owned();
            Answer::Refused { code: status.filter(|code| *code != 0).unwrap_or(UNKNOWN), message }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_status_is_read_from_trailers_and_headers() {
        let none = HeaderMap::new();
        let denied = map(&[("grpc-status", "7"), ("grpc-message", "etcdserver: permission denied")]);
        let refused = Answer::Refused { code: 7, message: "etcdserver: permission denied".into() };
        assert_eq!(answer(&none, &denied, b""), refused);
        assert_eq!(answer(&denied, &none, b""), refused);
        let message = [&[0, 0, 0, 0, 2], b"ab".as_slice()].concat();
        assert_eq!(answer(&none, &map(&[("grpc-status", "0")]), &message), Answer::Message(b"ab".to_vec()));
        assert_eq!(answer(&none, &none, b""), Answer::Refused { code: UNKNOWN, message: "no reason given".into() });
    }
}
