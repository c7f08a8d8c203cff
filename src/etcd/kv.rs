//! Reads keys of etcd: over gRPC, as the API server does, because etcd's JSON gateway ignores the client certificate;
//! over the gateway if a proxy in between does not support gRPC.
//!
//! Writes: nothing.

use super::client::Client;
use super::error::EtcdError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use serde_json::{Value, json};

const METHOD: &str = "/etcdserverpb.KV/Range";
const TRANSACTION: &str = "/etcdserverpb.KV/Txn";
const GATEWAY: &str = "/v3/kv/range";
const WHAT: &str = "read and write keys";

/// The keys below a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The number of keys.
    pub count: u64,
    /// The value of the first key.
    pub value: Vec<u8>,
}

/// The used fields of `etcdserverpb.RangeRequest`.
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

/// The used fields of `etcdserverpb.TxnRequest`.
#[derive(Clone, PartialEq, Message)]
struct TxnRequest {
    #[prost(message, repeated, tag = "1")]
    compare: Vec<Compare>,
    #[prost(message, repeated, tag = "2")]
    success: Vec<RequestOp>,
}

/// `etcdserverpb.Compare`: the version of a key (target 0) with the version 0.
#[derive(Clone, PartialEq, Message)]
struct Compare {
    #[prost(int32, tag = "1")]
    result: i32,
    #[prost(bytes = "vec", tag = "3")]
    key: Vec<u8>,
}

/// `etcdserverpb.RequestOp`, with a put.
#[derive(Clone, PartialEq, Message)]
struct RequestOp {
    #[prost(message, optional, tag = "2")]
    put: Option<PutRequest>,
}

/// The used fields of `etcdserverpb.PutRequest`.
#[derive(Clone, PartialEq, Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

/// The used fields of `etcdserverpb.RangeResponse`.
#[derive(Clone, PartialEq, Message)]
struct RangeResponse {
    #[prost(message, repeated, tag = "2")]
    kvs: Vec<KeyValue>,
    #[prost(int64, tag = "4")]
    count: i64,
}

/// The used fields of `mvccpb.KeyValue`.
#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(bytes = "vec", tag = "5")]
    value: Vec<u8>,
}

impl Client {
    /// The value of a key; None if it does not exist.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, EtcdError> {
        let found = self.range(&RangeRequest { key: key.into(), ..RangeRequest::default() })?;
        Ok((found.count > 0).then_some(found.value))
    }

    /// The number of keys that begin with `prefix`; of all keys if that is empty.
    pub fn count(&self, prefix: &str) -> Result<u64, EtcdError> {
        let range_end = after_prefix(prefix.as_bytes());
        // etcd refuses an empty key.
        let key = if prefix.is_empty() { vec![0] } else { prefix.into() };
        Ok(self.range(&RangeRequest { key, range_end, limit: 1, keys_only: true })?.count)
    }

    /// Whether the user may write below `prefix`: etcd checks that before it evaluates the transaction, which never
    /// writes because a key's version is never less than 0.
    pub fn may_write(&self, prefix: &str) -> Result<(), EtcdError> {
        const LESS: i32 = 2;
        let key = format!("{prefix}kubewright-permission").into_bytes();
        let compare = Compare { result: LESS, key: key.clone() };
        let success = RequestOp { put: Some(PutRequest { key }) };
        let transaction = TxnRequest { compare: vec![compare], success: vec![success] };
        self.each_endpoint(|endpoint| self.grpc::<()>(endpoint, TRANSACTION, &transaction, WHAT).map(drop))
    }

    fn range(&self, request: &RangeRequest) -> Result<Found, EtcdError> {
        self.each_endpoint(|endpoint| {
            if let Some(found) = self.range_by_grpc(endpoint, request)? {
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

    /// None if the server does not support gRPC.
    fn range_by_grpc(&self, endpoint: &str, request: &RangeRequest) -> Result<Option<Found>, EtcdError> {
        let Some(response) = self.grpc::<RangeResponse>(endpoint, METHOD, request, WHAT)? else { return Ok(None) };
        let value = response.kvs.into_iter().next().map(|kv| kv.value).unwrap_or_default();
        Ok(Some(Found { count: u64::try_from(response.count).unwrap_or(0), value }))
    }
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
    // All keys from the prefix on.
    vec![0]
}

fn of_gateway(answer: &Value) -> Found {
    let count = answer["count"].as_u64().or_else(|| answer["count"].as_str()?.parse().ok()).unwrap_or(0);
    let value = answer["kvs"][0]["value"].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    Found { count, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_range_ends_before_the_next_key_without_it() {
        assert_eq!(after_prefix(b"/registry/"), b"/registry0");
        assert_eq!(after_prefix(&[b'a', 0xff]), b"b");
        assert_eq!(after_prefix(&[0xff]), [0]);
    }

    #[test]
    fn the_gateway_encodes_numbers_and_values_as_strings() {
        let found = of_gateway(&json!({"kvs": [{"key": "YQ==", "value": "djE="}], "count": "12"}));
        assert_eq!(found, Found { count: 12, value: b"v1".to_vec() });
        assert_eq!(of_gateway(&json!({"header": {}})), Found::default());
    }
}
