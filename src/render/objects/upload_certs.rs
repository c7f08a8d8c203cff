//! Phase `upload-certs`: the encrypted CA certificates and keys for joining control planes.
//!
//! The Secret is owned by a token that expires after two hours. The cluster's token cleaner then deletes the token, and
//! the garbage collector the Secret.

use super::bootstrap_token;
use super::rbac::{self, BOOTSTRAPPERS, Readable};
use super::templates;
use super::{Object, ObjectError};
use crate::base::secret::Secret;
use crate::config::model::BootstrapToken;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the encrypted certificates stay in the cluster.
pub const LIFETIME: Duration = Duration::from_hours(2);

/// The Secret of the short-lived token, which has no usages.
pub fn owner_token(token: Secret<String>, now: i64) -> Result<Vec<Object>, ObjectError> {
    let token = BootstrapToken {
        token,
        description: "Proxy for managing TTL for the kubeadm-certs secret".into(),
        ttl: Some(LIFETIME),
        expires: None,
        usages: Vec::new(),
        groups: Vec::new(),
    };
    bootstrap_token::token_secret(&token, now)
}

/// The Secret `kubeadm-certs` and the permission to read it. `owner` is the token's Secret as returned by the API
/// server, with its uid. `encrypted` contains the files by their names in the PKI directory, such as `etcd/ca.crt`;
/// empty if the host does not have the file.
pub fn certificates(owner: &Value, encrypted: &BTreeMap<String, Vec<u8>>) -> Result<Vec<Object>, ObjectError> {
    let text = |pointer, what| owner.pointer(pointer).and_then(Value::as_str).ok_or(ObjectError::Nameless(what));
    let data: Map<String, Value> =
        encrypted.iter().map(|(name, bytes)| (name.replace('/', "-"), STANDARD.encode(bytes).into())).collect();
    let mut objects = templates::objects(
        "tokens/kubeadm-certs.yaml.tera",
        &json!({
            "token_name": text("/metadata/name", "name")?,
            "token_uid": text("/metadata/uid", "uid")?,
            "data": data,
        }),
    )?;
    let readable = Readable { namespace: "kube-system", resource: "secrets", name: "kubeadm-certs" };
    objects.extend(rbac::reader("kubeadm:kubeadm-certs", &readable, &[BOOTSTRAPPERS])?);
    Ok(objects)
}
