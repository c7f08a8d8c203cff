//! Tokens of service accounts that the old key has signed, in Secrets and in Pods.
//!
//! A Secret's token never ends, and the controller manager does not sign it anew by itself; it does when the token is
//! taken out. Pods get theirs from the kubelet, for an hour.
//!
//! Reads: Secrets, how far each control plane is. Writes: Secrets with a token of another key.

use super::error::RotationError;
use super::state::World;
use crate::base::fault::Result;
use crate::context::Context;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{ObjectRef, SECRET};
use crate::pki::PrivateKey;
use crate::pki::catalog::SERVICE_ACCOUNT;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The type of Secrets that hold a token.
const TOKEN: &str = "kubernetes.io/service-account-token";
/// How long a kubelet may take to bring a new Secret into a Pod, in seconds, and the Pod to read it.
const SPREADING: i64 = 180;

/// Has every token in a Secret signed with the key that signs now; how many were not.
///
/// # Errors
/// When the cluster cannot be reached or refuses.
pub fn sign_anew(cx: &mut Context, api: &Cluster) -> Result<usize> {
    let path = cx.cluster()?.certificates_dir.join("sa.key");
    let Some(bytes) = cx.files.read(&path)?.map(crate::base::secret::Secret::new) else { return Ok(0) };
    let id = key_id(&PrivateKey::from_file(&path, bytes.expose())?);
    let mut count = 0;
    for secret in api.list(&SECRET, None, "")? {
        let Some(object) = ObjectRef::of(&secret).filter(|_| secret["type"] == TOKEN) else { continue };
        if signer(&secret).is_some_and(|signer| signer != id) {
            api.modify(&object, |secret| {
                if let Some(data) = secret["data"].as_object_mut() {
                    data.remove("token");
                }
            })?;
            count += 1;
        }
    }
    if count > 0 {
        cx.events.message(format!("had {count} tokens in Secrets signed with the new key"));
    }
    Ok(count)
}

/// Refuses as long as tokens of the old key may be in use.
///
/// # Errors
/// When they may.
pub fn require_ended(cx: &mut Context, api: &Cluster, world: &World, lifetime: i64) -> Result<()> {
    let concerned = world.plan.as_ref().is_some_and(|plan| plan.prints.contains_key(SERVICE_ACCOUNT));
    // Once a control plane has dropped the old key, waiting helps nobody.
    let begun = world.hosts.iter().any(|host| host.done == Some(crate::context::rotation::Stage::Drop));
    if !concerned || begun || cx.rotation()?.now {
        return Ok(());
    }
    if sign_anew(cx, api)? > 0 {
        return Err(RotationError::TokensLive { seconds: SPREADING }.into());
    }
    let leaders = world.hosts.iter().filter(|host| host.control_plane);
    let last = leaders.filter_map(|host| host.at).max().unwrap_or_default();
    let seconds = last + lifetime - cx.clock.now();
    if seconds > 0 { Err(RotationError::TokensLive { seconds }.into()) } else { Ok(()) }
}

/// The id of the key that has signed a Secret's token; None when it has none.
fn signer(secret: &Value) -> Option<String> {
    let token = String::from_utf8(STANDARD.decode(secret["data"]["token"].as_str()?).ok()?).ok()?;
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?).ok()?;
    header["kid"].as_str().map(str::to_owned)
}

/// The id that Kubernetes gives a key: the hash of its public half.
fn key_id(key: &PrivateKey) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(key.public_der()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_signer_of_a_token_is_in_its_header() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"abc"}"#);
        let secret = json!({"data": {"token": STANDARD.encode(format!("{header}.e30.x"))}});
        assert_eq!(signer(&secret).as_deref(), Some("abc"));
        for odd in [json!({}), json!({"data": {"token": "?"}}), json!({"data": {"token": STANDARD.encode("no token")}})]
        {
            assert_eq!(signer(&odd), None);
        }
    }
}
