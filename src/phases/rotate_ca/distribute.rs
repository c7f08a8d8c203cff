//! Creates the new CAs on the first control plane, and distributes them to the others through the cluster.
//!
//! They are encrypted with a certificate key that the operator carries to the other control planes. It is on this host
//! before anything is encrypted with it, so that an interrupted run is continued without giving it.
//!
//! Reads: the old CAs, the Secret `kube-system/kubewright-next-ca`. Writes: that Secret, the annotation of
//! `cluster-info`, the cross-signed CA, and in the directory `next` next to the old ones, where no component uses them
//! yet, the new keys and certificates, and the certificate key.

use crate::base::fault::Result;
use crate::base::files::Content;
use crate::base::secret::Secret;
use crate::config::token;
use crate::context::rotation::{Plan, Stage};
use crate::context::{Context, Rotating, Run};
use crate::kube::cluster::Cluster;
use crate::phases::rotate_ca::check;
use crate::phases::rotate_ca::encrypted::{CROSS_SIGNED, encrypted};
use crate::pipeline::{Phase, Target};
use crate::pki::catalog::{self, SERVICE_ACCOUNT};
use crate::pki::cert::Cert;
use crate::pki::rotation::ca_print;
use crate::state::rotation;
use crate::state::rotation::error::RotationError;
use crate::state::rotation::handover::{self, NewKey};
use crate::state::rotation::host::{cluster, pending};
use serde_json::{Value, json};
use std::path::Path;

/// The directory of the new keys, and what is in it.
const DIRECTORY_MODE: u32 = 0o700;
const SECRET_MODE: u32 = 0o600;

pub struct Distribute;

impl Phase<Rotating> for Distribute {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Rotating>, _: &Target) -> Result<()> {
        let rotation = &cx.work.purpose;
        if rotation.stage == Stage::Drop || !rotation.control_plane {
            return Ok(());
        }
        let known = rotation.plan.clone();
        let api = cluster(cx)?;
        // At the end of a rotation its Secret is removed first: a missing Secret does not mean a new rotation.
        if let Some(plan) = known {
            // A run that was interrupted may have come no further than the Secret.
            announce(&api, &plan)?;
            return take(cx, &api, &plan);
        }
        if api.find(&rotation::new_keys())?.is_none() {
            let secret = made(cx)?;
            // Of two hosts that begin at the same time one is the first; both use its result.
            api.create_or_retain(&secret)?;
            cx.events.message("created new CAs, which are not in use yet");
        }
        let secret = api.read(&rotation::new_keys())?;
        let text = rotation::annotation(&secret, rotation::ANNOTATION).to_owned();
        let plan: Plan = serde_json::from_str(&text).map_err(|_| RotationError::Damaged)?;
        take(cx, &api, &plan)?;
        announce(&api, &plan)?;
        cx.work.purpose.plan = Some(plan);
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

/// New CAs, encrypted, as an object for the cluster. Their certificate key is on this host then.
fn made(cx: &mut Run<Rotating>) -> Result<Value> {
    let (store, names) = (cx.pki()?, check::chosen(cx)?);
    cx.expect_keys(names.len());
    let keys = cx.keys();
    let (mut new, mut cross_signed) = (Vec::new(), None);
    for name in names {
        if name == SERVICE_ACCOUNT {
            let key = keys.take(cx.cluster()?.encryption_algorithm)?;
            new.push(NewKey { name, cert: None, key });
            continue;
        }
        let old = store.require_ca(catalog::cert(&name)?, "the new CA")?;
        let (cert, key) = store.new_ca(&old.cert, cx.cluster()?, keys.as_ref())?;
        if let Some(old) = old.signer().filter(|_| name == "ca") {
            cross_signed = Some(store.cross_signed(&cert, old)?.pem());
        }
        new.push(NewKey { name, cert: Some(cert), key });
    }
    let id = token::certificate_key(&cx.random)?.expose().chars().take(8).collect();
    let prints = new.iter().map(|key| (key.name.clone(), key.print())).collect();
    let plan = Plan { id, begun: cx.host.clock.now(), prints };
    let certificate_key = match cx.work.purpose.certificate_key.clone() {
        Some(given) => given,
        None => token::certificate_key(&cx.random)?,
    };
    let secret = encrypted(cx, &plan, &new, cross_signed, &certificate_key)?;
    keep(cx, &certificate_key)?;
    Ok(secret)
}

/// Keeps the certificate key on this host.
fn keep(cx: &Context, key: &Secret<String>) -> Result<()> {
    let path = handover::key_file(cx)?;
    cx.host.files.create_dir(path.parent().unwrap_or(&path), DIRECTORY_MODE)?;
    let content = Content::secret(format!("{}\n", key.expose()), "(certificate key, not shown)\n");
    cx.host.files.write(&path, &content, SECRET_MODE)?;
    Ok(())
}

/// Decrypts what this host lacks of the Secret into the directory `next`. A host that joined with the new CA already has
/// it.
fn take(cx: &mut Run<Rotating>, api: &Cluster, plan: &Plan) -> Result<()> {
    let (store, names) = (cx.pki()?, handover::missing(cx, plan)?);
    let begins = cx.work.purpose.stage == Stage::Trust;
    if names.is_empty() && !begins {
        return Ok(());
    }
    let secret = api.find(&rotation::new_keys())?;
    if let Some(pem) = handover::data(secret.as_ref().unwrap_or(&Value::Null), CROSS_SIGNED)
        && let Some(cross_signed) = Cert::bundle_from_file(Path::new(CROSS_SIGNED), &pem)?.first()
        && plan.prints.get("ca") == Some(&ca_print(cross_signed))
    {
        store.save_cross_signed(cross_signed)?;
    }
    // Without the Secret, 'reissue' names the file that is missing.
    if names.is_empty() || (secret.is_none() && !begins) {
        return Ok(());
    }
    for new in handover::decrypt(cx, plan, &secret.unwrap_or_default(), &names)? {
        let path = pending(cx, &new.name)?;
        cx.host.files.create_dir(path.parent().unwrap_or(&path), DIRECTORY_MODE)?;
        match new.cert {
            None => store.keep_key(&path, &new.key)?,
            Some(cert) => store.keep_pair(&path, &cert, &new.key)?,
        }
    }
    Ok(())
}
