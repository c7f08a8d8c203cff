//! Creates the new CAs on the first control plane, and distributes them to the others through the cluster.
//!
//! They are encrypted with a key that is derived from the old CA's private key, which every control plane has but the
//! cluster does not.
//!
//! Reads: the old CAs, the Secret `kube-system/kubewright-next-ca`. Writes: that Secret, the annotation of
//! `cluster-info`, the cross-signed CA, and the new keys and certificates in the directory `next` next to the old
//! ones, where no component uses them yet.

use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::config::token;
use crate::context::Context;
use crate::context::rotation::{Plan, Stage};
use crate::kube::cluster::Cluster;
use crate::phases::rotate_ca::check;
use crate::pipeline::{Action, Target};
use crate::pki::PrivateKey;
use crate::pki::catalog::{self, SERVICE_ACCOUNT};
use crate::pki::cert::{Cert, hex};
use crate::pki::csr::both_pem;
use crate::pki::encryption::CertificateKey;
use crate::pki::rotation::key_print;
use crate::pki::rotation::short_print;
use crate::state::rotation;
use crate::state::rotation::error::RotationError;
use crate::state::rotation::host::{cluster, pending, token_key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

pub struct Distribute;

/// The new CA cross-signed by the old one, in the Secret.
const CROSS_SIGNED: &str = "ca-bridge";

impl Action for Distribute {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let rotation = cx.rotation()?;
        if rotation.stage != Stage::Trust || !rotation.control_plane {
            return Ok(());
        }
        let known = rotation.plan.clone();
        let api = cluster(cx)?;
        // At the end of a rotation its Secret is removed first: a missing Secret does not mean a new rotation.
        if let Some(plan) = known {
            let secret = api.find(&rotation::handover())?.unwrap_or_default();
            // A run that was interrupted may have come no further than the Secret.
            announce(&api, &plan)?;
            return take(cx, &plan, &secret);
        }
        if api.find(&rotation::handover())?.is_none() {
            let secret = made(cx)?;
            // Of two hosts that begin at the same time one is the first; both use its result.
            api.create_or_retain(&secret)?;
            cx.events.message("created new CAs, which are not in use yet");
        }
        let secret = api.read(&rotation::handover())?;
        let text = rotation::annotation(&secret, rotation::ANNOTATION).to_owned();
        let plan: Plan = serde_json::from_str(&text).map_err(|_| RotationError::NotDecrypted)?;
        take(cx, &plan, &secret)?;
        announce(&api, &plan)?;
        cx.rotation_mut()?.plan = Some(plan);
        Ok(())
    }
}

/// Has every host know of the change; one that is known already stays as it is.
fn announce(api: &Cluster, plan: &Plan) -> Result<()> {
    let text = serde_json::to_string(plan).unwrap_or_default();
    api.modify(&rotation::cluster_info(), |info| {
        if rotation::annotation(info, rotation::ANNOTATION).is_empty() {
            info["metadata"]["annotations"][rotation::ANNOTATION] = json!(text);
        }
    })?;
    Ok(())
}

/// New CAs, encrypted, as an object for the cluster.
fn made(cx: &mut Context) -> Result<Value> {
    let (store, names) = (cx.pki()?, check::chosen(cx)?);
    cx.expect_keys(names.len());
    let (keys, key_of_secret) = (cx.keys(), encryption_key(cx)?);
    let (mut prints, mut data) = (BTreeMap::new(), Map::new());
    for name in names {
        let (print, bytes) = if name == SERVICE_ACCOUNT {
            let key = keys.take(cx.cluster()?.encryption_algorithm)?;
            (key_print(&key), Secret::new(key.block().expose().clone().into_bytes()))
        } else {
            let old = store.require_ca(catalog::cert(&name)?, "the new CA")?;
            let (cert, key) = store.new_ca(&old.cert, cx.cluster()?, keys.as_ref())?;
            if name == "ca"
                && let Some(old) = old.signer()
            {
                // A certificate, which is public.
                data.insert(CROSS_SIGNED.into(), STANDARD.encode(store.cross_signed(&cert, old)?.pem()).into());
            }
            (short_print(&cert), Secret::new(both_pem(&[cert], &key)))
        };
        data.insert(name.clone(), STANDARD.encode(key_of_secret.encrypt(&name, bytes.expose(), &cx.random)?).into());
        prints.insert(name, print);
    }
    let id = token::certificate_key(&cx.random)?.expose().chars().take(8).collect();
    let plan = Plan { id, begun: cx.clock.now(), prints };
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": rotation::handover().name,
            "namespace": rotation::handover().namespace,
            "annotations": {rotation::ANNOTATION: serde_json::to_string(&plan).unwrap_or_default()},
        },
        "type": "Opaque",
        "data": data,
    }))
}

/// Decrypts the Secret and writes its content to the directory `next`. A host that joined with the new CA already has
/// it.
fn take(cx: &mut Context, plan: &Plan, secret: &Value) -> Result<()> {
    let (store, own_key) = (cx.pki()?, token_key(cx)?);
    if let Some(pem) = data(secret, CROSS_SIGNED)
        && let Some(cross_signed) = Cert::bundle_from_file(Path::new(CROSS_SIGNED), &pem)?.first()
        && plan.prints.get("ca") == Some(&short_print(cross_signed))
    {
        store.save_cross_signed(cross_signed)?;
    }
    let signs = |name: &str, print: &str| -> Result<bool> {
        if name == SERVICE_ACCOUNT {
            return Ok(own_key.as_ref().is_some_and(|key| key_print(key) == print));
        }
        Ok(store.load_ca(catalog::cert(name)?)?.is_some_and(|ca| short_print(&ca.cert) == print))
    };
    let mut key_of_secret = None;
    for (name, print) in &plan.prints {
        let path = pending(cx, name)?;
        if cx.files.exists(&path.with_extension("key")) && kept_fingerprint(cx, name)?.as_ref() == Some(print) {
            continue;
        }
        if signs(name, print)? {
            continue;
        }
        if key_of_secret.is_none() {
            key_of_secret = Some(encryption_key(cx)?);
        }
        let Some(key_of_secret) = &key_of_secret else { continue };
        let encrypted = data(secret, name).ok_or(RotationError::NotDistributed)?;
        let bytes = key_of_secret.decrypt(name, &encrypted).map_err(|_| RotationError::NotDecrypted)?;
        let key = PrivateKey::from_file(&path, bytes.expose())?;
        let cert = match name.as_str() {
            SERVICE_ACCOUNT => None,
            _ => Cert::bundle_from_file(&path, bytes.expose())?.into_iter().next(),
        };
        if cert.as_ref().map_or_else(|| key_print(&key), short_print) != *print {
            return Err(RotationError::NotDistributed.into());
        }
        cx.files.create_dir(path.parent().unwrap_or(&path), 0o700)?;
        match cert {
            None => store.keep_key(&path, &key)?,
            Some(cert) => store.keep_pair(&path, &cert, &key)?,
        }
    }
    Ok(())
}

/// The value of a key of an object.
fn data(secret: &Value, name: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret["data"][name].as_str()?).ok()
}

fn kept_fingerprint(cx: &mut Context, name: &str) -> Result<Option<String>> {
    let (store, path) = (cx.pki()?, pending(cx, name)?);
    if name == SERVICE_ACCOUNT {
        return Ok(store.kept_key(&path)?.map(|key| key_print(&key)));
    }
    Ok(store.kept_pair(&path)?.map(|(cert, _)| short_print(&cert)))
}

/// The encryption key, derived from the private key of the CA that signs at the beginning.
fn encryption_key(cx: &mut Context) -> Result<CertificateKey> {
    let store = cx.pki()?;
    let spec = catalog::cert("ca")?;
    let key = store
        .load_key(spec)?
        .ok_or_else(|| RotationError::External { path: store.key_path(spec).display().to_string() })?;
    let mut hash = Sha256::new();
    hash.update(b"kubewright: the authorities to come\0");
    hash.update(key.block().expose().as_bytes());
    Ok(CertificateKey::parse(&Secret::new(hex(&hash.finalize())))?)
}
