//! The new keys on their way to the other control planes: in a Secret, encrypted with a certificate key that the operator
//! carries. The cluster never has that key, and a thief of the old CA's key does not have it either.
//!
//! Reads: the Secret `kube-system/kubewright-next-ca`, the CAs of this host, the new keys and the certificate key in the
//! directory `next`. Writes: nothing.

use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::context::rotation::{Plan, Stage};
use crate::context::{Context, Rotating, Run};
use crate::pki::PrivateKey;
use crate::pki::catalog::{self, SERVICE_ACCOUNT};
use crate::pki::cert::Cert;
use crate::pki::csr::both_pem;
use crate::pki::encryption::CertificateKey;
use crate::pki::rotation::{CERTIFICATE_KEY, NEXT, ca_print, key_print};
use crate::state::rotation::error::RotationError;
use crate::state::rotation::host::{cluster, pending, token_key};
use crate::state::rotation::{annotation, new_keys};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The annotation of the Secret with the host that printed its certificate key. Earlier versions, which encrypted with a
/// key derived from the old `ca.key`, did not set it.
pub const PRINTED_ON: &str = "kubewright.io/certificate-key-printed-on";

/// A new CA, or the new key for service-account tokens.
pub struct NewKey {
    pub name: String,
    /// None for service-account tokens.
    pub cert: Option<Cert>,
    pub key: PrivateKey,
}

impl NewKey {
    fn parse(name: &str, pem: &[u8]) -> Result<Self> {
        let path = Path::new(name);
        let key = PrivateKey::from_file(path, pem)?;
        let cert = match name {
            SERVICE_ACCOUNT => None,
            _ => Cert::bundle_from_file(path, pem)?.into_iter().next(),
        };
        Ok(Self { name: name.to_owned(), cert, key })
    }

    /// The digest that identifies it in the plan.
    pub fn print(&self) -> String {
        self.cert.as_ref().map_or_else(|| key_print(&self.key), ca_print)
    }

    /// What is encrypted.
    pub fn pem(&self) -> Secret<Vec<u8>> {
        let certs: Vec<Cert> = self.cert.iter().cloned().collect();
        Secret::new(both_pem(&certs, &self.key))
    }
}

/// The file with the certificate key, on the host that made it.
pub fn key_file(cx: &Context) -> Result<PathBuf> {
    Ok(cx.cluster()?.certificates_dir.join(NEXT).join(CERTIFICATE_KEY))
}

/// The certificate keys that this run knows: the given one, and the one on this host.
fn known_keys(cx: &Run<Rotating>) -> Result<Vec<Secret<String>>> {
    let kept = cx.host.files.read(&key_file(cx)?)?.map(Secret::new);
    let text = |bytes: &Secret<Vec<u8>>| std::str::from_utf8(bytes.expose()).ok().map(|text| text.trim().to_owned());
    let kept = kept.as_ref().and_then(text).map(Secret::new);
    Ok(cx.work.purpose.certificate_key.iter().cloned().chain(kept).collect())
}

/// The certificate key with which the new keys are encrypted now, if this run knows it.
pub fn current_key(cx: &mut Run<Rotating>) -> Result<Option<Secret<String>>> {
    let Some(plan) = cx.work.purpose.plan.clone() else { return Ok(None) };
    let secret = cluster(cx)?.find(&new_keys())?.unwrap_or_default();
    let names: Vec<String> = plan.prints.keys().cloned().collect();
    let keys = known_keys(cx)?;
    Ok(keys.into_iter().find(|key| decrypt_with(key, &plan, &secret, &names).is_some()))
}

/// The names whose new key is not on this host.
pub fn missing(cx: &mut Context, plan: &Plan) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (name, print) in &plan.prints {
        if here(cx, name)?.is_none_or(|key| key.print() != *print) && in_use(cx, name)?.as_ref() != Some(print) {
            names.push(name.clone());
        }
    }
    Ok(names)
}

/// The new key that waits on this host for its stage.
fn here(cx: &mut Context, name: &str) -> Result<Option<NewKey>> {
    let (store, path) = (cx.pki()?, pending(cx, name)?);
    let found = if name == SERVICE_ACCOUNT {
        store.kept_key(&path)?.map(|key| (None, key))
    } else {
        store.kept_pair(&path)?.map(|(cert, key)| (Some(cert), key))
    };
    Ok(found.map(|(cert, key)| NewKey { name: name.to_owned(), cert, key }))
}

/// The digest of the key that signs on this host.
fn in_use(cx: &mut Context, name: &str) -> Result<Option<String>> {
    if name == SERVICE_ACCOUNT {
        return Ok(token_key(cx)?.map(|key| key_print(&key)));
    }
    Ok(cx.pki()?.load_ca(catalog::cert(name)?)?.map(|ca| ca_print(&ca.cert)))
}

/// Every new key, from a host that has all of them. The digests of a rotation that an earlier version began are only
/// the start of what they should be; this host has got the keys already.
pub fn all(cx: &mut Context, plan: &Plan) -> Result<Vec<NewKey>> {
    let mut keys = Vec::new();
    for (name, print) in &plan.prints {
        let is_it = |key: &NewKey| !print.is_empty() && key.print().starts_with(print.as_str());
        let key = match here(cx, name)?.filter(is_it) {
            Some(key) => Some(key),
            None => signing(cx, name)?.filter(is_it),
        };
        keys.push(key.ok_or_else(|| RotationError::NewKeysElsewhere { name: name.clone() })?);
    }
    Ok(keys)
}

/// The key that signs on this host.
fn signing(cx: &mut Context, name: &str) -> Result<Option<NewKey>> {
    let found = if name == SERVICE_ACCOUNT {
        token_key(cx)?.map(|key| (None, key))
    } else {
        let ca = cx.pki()?.load_ca(catalog::cert(name)?)?;
        ca.and_then(|ca| ca.key.map(|key| (Some(ca.cert), key)))
    };
    Ok(found.map(|(cert, key)| NewKey { name: name.to_owned(), cert, key }))
}

/// Fails if this host lacks new keys and cannot decrypt them.
pub fn require(cx: &mut Run<Rotating>, plan: &Plan) -> Result<()> {
    let names = missing(cx, plan)?;
    if names.is_empty() {
        return Ok(());
    }
    let found = cluster(cx)?.find(&new_keys())?;
    // Without the Secret, 'reissue' names the file that is missing.
    if found.is_none() && cx.work.purpose.stage != Stage::Trust {
        return Ok(());
    }
    decrypt(cx, plan, &found.unwrap_or_default(), &names).map(|_| ())
}

/// The new keys with these names from the Secret, with a certificate key that this run knows.
pub fn decrypt(cx: &Run<Rotating>, plan: &Plan, secret: &Value, names: &[String]) -> Result<Vec<NewKey>> {
    if secret.is_null() {
        return Err(RotationError::NotDistributed.into());
    }
    let host = annotation(secret, PRINTED_ON).to_owned();
    if host.is_empty() {
        return Err(RotationError::EarlierVersion.into());
    }
    if names.iter().any(|name| data(secret, name).is_none()) {
        return Err(RotationError::Damaged.into());
    }
    let opened = known_keys(cx)?.iter().find_map(|key| decrypt_with(key, plan, secret, names));
    let is_given = cx.work.purpose.certificate_key.is_some();
    let refusal = || if is_given { RotationError::WrongKey { host } } else { RotationError::KeyNeeded { host } };
    Ok(opened.ok_or_else(refusal)?)
}

/// None unless this key decrypts all of them, and they are those of the plan.
fn decrypt_with(key: &Secret<String>, plan: &Plan, secret: &Value, names: &[String]) -> Option<Vec<NewKey>> {
    let certificate_key = CertificateKey::parse(key).ok()?;
    let one = |name: &String| {
        let pem = certificate_key.decrypt(name, &data(secret, name)?).ok()?;
        NewKey::parse(name, pem.expose()).ok().filter(|key| plan.prints.get(name) == Some(&key.print()))
    };
    names.iter().map(one).collect()
}

/// The value of a key of the Secret.
pub fn data(secret: &Value, name: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret["data"][name].as_str()?).ok()
}
