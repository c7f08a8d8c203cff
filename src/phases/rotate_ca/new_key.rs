//! Encrypts the new CAs in the cluster with a certificate key, so that control planes that lack them can get them.
//!
//! Reads: the rotation, the new keys of this host, the cross-signed CA. Writes: the Secret
//! `kube-system/kubewright-next-ca`, the annotation of `cluster-info` of a rotation that an earlier version began;
//! removes the former certificate key of this host.

use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::config::token;
use crate::context::rotation::Plan;
use crate::context::{Rotating, Run};
use crate::phases::rotate_ca::encrypted::encrypted;
use crate::state::rotation;
use crate::state::rotation::error::RotationError;
use crate::state::rotation::handover;
use crate::state::rotation::host::{self, cluster};
use serde_json::json;

/// Encrypts the new CAs of this host again, and returns the certificate key; one that was printed before is void.
pub fn new_key(cx: &mut Run<Rotating>) -> Result<Secret<String>> {
    let plan = host::status(cx)?.plan.ok_or(RotationError::NotBegun)?;
    let new = handover::all(cx, &plan)?;
    // An earlier version recorded only the start of each digest.
    let plan = Plan { prints: new.iter().map(|key| (key.name.clone(), key.print())).collect(), ..plan };
    let (api, store) = (cluster(cx)?, cx.pki()?);
    let ca = new.iter().find(|key| key.name == "ca").and_then(|key| key.cert.as_ref());
    let cross_signed = ca.map(|ca| store.cross_signed_to(ca)).transpose()?.flatten().map(|cert| cert.pem());
    let key = token::certificate_key(&cx.random)?;
    api.create_or_update(&encrypted(cx, &plan, &new, cross_signed, &key)?)?;
    let text = serde_json::to_string(&plan).unwrap_or_default();
    api.modify(&rotation::cluster_info(), |info| info["metadata"]["annotations"][rotation::ANNOTATION] = json!(text))?;
    cx.host.files.remove(&handover::key_file(cx)?)?;
    cx.events.message("the new CAs in the cluster are encrypted with a new certificate key");
    Ok(key)
}
