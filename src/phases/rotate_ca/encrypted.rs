//! The Secret in which the new CAs wait for the other control planes.
//!
//! Reads: nothing. Writes: nothing.

use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::context::Context;
use crate::context::rotation::Plan;
use crate::pki::encryption::CertificateKey;
use crate::state::rotation;
use crate::state::rotation::handover::{self, NewKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// The new CA cross-signed by the old one, in the Secret. It is a certificate, which is public.
pub const CROSS_SIGNED: &str = "ca-bridge";

/// The Secret with the new keys, encrypted.
pub fn encrypted(
    cx: &Context,
    plan: &Plan,
    new: &[NewKey],
    cross_signed: Option<String>,
    key: &Secret<String>,
) -> Result<Value> {
    let certificate_key = CertificateKey::parse(key)?;
    let mut data = Map::new();
    for one in new {
        let bytes = certificate_key.encrypt(&one.name, one.pem().expose(), &cx.random)?;
        data.insert(one.name.clone(), STANDARD.encode(bytes).into());
    }
    data.extend(cross_signed.map(|pem| (CROSS_SIGNED.to_owned(), STANDARD.encode(pem).into())));
    let name = rotation::new_keys();
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name.name,
            "namespace": name.namespace,
            "annotations": {
                rotation::ANNOTATION: serde_json::to_string(plan).unwrap_or_default(),
                handover::PRINTED_ON: cx.node()?.name,
            },
        },
        "type": "Opaque",
        "data": data,
    }))
}
