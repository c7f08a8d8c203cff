//! Reads keys of etcd: over gRPC, as the API server does, because etcd's JSON gateway does not see whose certificate a
//! client has; over the gateway where an endpoint has no TLS, or speaks no gRPC.
//!
//! Writes: nothing.

use super::client::Client;
use super::error::EtcdError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Response};
use prost::Message;
use prost::bytes::{BufMut, BytesMut};
use serde_json::{Value, json};

const METHOD: &str = "/etcdserverpb.KV/Range";
const GATEWAY: &str = "/v3/kv/range";
const WHAT: &str = "read keys";
/// A gRPC status for what has no other.
const UNKNOWN: u64 = 2;

/// What was found below a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many keys there are.
    pub count: u64,
    /// The value of the first one.
    pub value: Vec<u8>,
}

/// `etcdserverpb.RangeRequest`, as far as it is used.
#[derive(Clone, PartialEq, Message)]
struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    range_end: Vec<u8>,
    #[prost(int64, tag = "3")]
    limit: i64,
    #[prost(bool, tag = "8")]
    keys_only: bool,
}

/// `etcdserverpb.RangeResponse`, as far as it is used.
#[derive(Clone, PartialEq, Message)]
struct RangeResponse {
    #[prost(message, repeated, tag = "2")]
    kvs: Vec<KeyValue>,
    #[prost(int64, tag = "4")]
    count: i64,
}

/// `mvccpb.KeyValue`, as far as it is used.
#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(bytes = "vec", tag = "5")]
    value: Vec<u8>,
}

impl Client {
    /// The value of a key; None where it is not there.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, EtcdError> {
        let found = self.range(&RangeRequest { key: key.into(), ..RangeRequest::default() })?;
        Ok((found.count > 0).then_some(found.value))
    }

    /// How many keys begin with `prefix`.
    pub fn count(&self, prefix: &str) -> Result<u64, EtcdError> {
        let range_end = after_prefix(prefix.as_bytes());
        Ok(self.range(&RangeRequest { key: prefix.into(), range_end, limit: 1, keys_only: true })?.count)
    }

    fn range(&self, request: &RangeRequest) -> Result<Found, EtcdError> {
        self.each_endpoint(|endpoint| {
            if endpoint.starts_with("https://")
                && let Some(found) = self.range_by_grpc(endpoint, request)?
            {
                return Ok(found);
            }
            let bytes = |bytes: &[u8]| Value::from(STANDARD.encode(bytes));
            let body = json!({
                "key": bytes(&request.key), "range_end": bytes(&request.range_end),
                "limit": request.limit.to_string(), "keys_only": request.keys_only,
            });
            Ok(of_gateway(&self.call(endpoint, GATEWAY, &body, WHAT)?))
        })
    }

    /// None where what answers speaks no gRPC.
    fn range_by_grpc(&self, endpoint: &str, request: &RangeRequest) -> Result<Option<Found>, EtcdError> {
        let answer = self.send_grpc(endpoint, METHOD, frame(request))?;
        let Some(message) = message_of(&answer)? else { return Ok(None) };
        let response = RangeResponse::decode(message)
            .map_err(|error| refused(UNKNOWN, &format!("its answer cannot be read: {error}")))?;
        let value = response.kvs.into_iter().next().map(|kv| kv.value).unwrap_or_default();
        Ok(Some(Found { count: u64::try_from(response.count).unwrap_or(0), value }))
    }
}

fn refused(code: u64, message: &str) -> EtcdError {
    EtcdError::Refused { what: WHAT.into(), code, message: message.into() }
}

/// The first key after all that begin with `prefix`.
fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return end;
        }
    }
    // Everything from the prefix on.
    vec![0]
}

fn frame(message: &impl Message) -> Vec<u8> {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.encoded_len()).unwrap_or(u32::MAX));
    framed.extend_from_slice(&message.encode_to_vec());
    framed.to_vec()
}

/// The message in an answer; None where it is no answer of a gRPC server. An error comes in the headers.
fn message_of(answer: &Response<Vec<u8>>) -> Result<Option<&[u8]>, EtcdError> {
    let header =
        |headers: &HeaderMap, name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if !header(answer.headers(), "content-type").is_some_and(|kind| kind.starts_with("application/grpc")) {
        return Ok(None);
    }
    let status = header(answer.headers(), "grpc-status").and_then(|status| status.parse().ok()).unwrap_or(0);
    if status != 0 {
        let message = header(answer.headers(), "grpc-message").unwrap_or_else(|| "no reason given".into());
        return Err(refused(status, &message));
    }
    match answer.body().get(5..) {
        Some(message) => Ok(Some(message)),
        None => Err(refused(UNKNOWN, "it gave no answer")),
    }
}

fn of_gateway(answer: &Value) -> Found {
    let count = answer["count"].as_u64().or_else(|| answer["count"].as_str()?.parse().ok()).unwrap_or(0);
    let value = answer["kvs"][0]["value"].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    Found { count, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&str, &str)], body: &[u8]) -> Response<Vec<u8>> {
        let build = Response::builder().status(200).header("content-type", "application/grpc");
        headers.iter().fold(build, |build, (name, value)| build.header(*name, *value)).body(body.to_vec()).unwrap()
    }

    #[test]
    fn answers_are_read_and_refusals_come_in_the_headers() {
        let response = RangeResponse { kvs: vec![KeyValue { value: b"v".to_vec() }], count: 3 };
        let framed = frame(&response);
        let answer_with_value = answer(&[], &framed);
        let message = message_of(&answer_with_value).unwrap().unwrap();
        assert_eq!(RangeResponse::decode(message).unwrap(), response);
        let denied = answer(&[("grpc-status", "7"), ("grpc-message", "etcdserver: permission denied")], b"");
        let error = message_of(&denied).unwrap_err();
        assert!(error.is_denied(), "{error}");
        assert!(message_of(&answer(&[], b"")).is_err());
        assert_eq!(message_of(&Response::new(b"{}".to_vec())).unwrap(), None, "that is no gRPC server");
    }

    #[test]
    fn a_prefix_ends_before_the_next_key_that_lacks_it() {
        assert_eq!(after_prefix(b"/registry/"), b"/registry0");
        assert_eq!(after_prefix(&[b'a', 0xff]), b"b");
        assert_eq!(after_prefix(&[0xff]), [0]);
    }

    #[test]
    fn the_gateway_writes_numbers_and_values_as_text() {
        let found = of_gateway(&json!({"kvs": [{"key": "YQ==", "value": "djE="}], "count": "12"}));
        assert_eq!(found, Found { count: 12, value: b"v1".to_vec() });
        assert_eq!(of_gateway(&json!({"header": {}})), Found::default());
    }
}
