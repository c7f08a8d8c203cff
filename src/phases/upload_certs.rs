//! The certificates that all control planes share, encrypted and stored in the cluster for two hours.
//!
//! Reads: the CAs, the sa and front-proxy keys and certificates of this host. Writes: a short-lived token, the Secret
//! `kube-system/kubeadm-certs` that is deleted with it, and the permission to read it.

use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::config::token;
use crate::context::{Context, Task};
use crate::kube;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{ObjectRef, SECRET};
use crate::ops::objects::settle;
use crate::pipeline::{Action, Target};
use crate::pki::encryption::CertificateKey;
use crate::pki::shared::{SharedFile, shared_files};
use crate::render::objects::upload_certs;
use serde_json::Value;
use std::collections::BTreeMap;

/// Replaces a key that must not be printed.
pub const HIDDEN_KEY: &str = "<certificate key>";

pub struct UploadCerts;

impl Action for UploadCerts {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        let key = match cx.init()?.0.certificate_key.clone() {
            Some(key) => key,
            None => token::certificate_key(&cx.random)?,
        };
        upload(cx, &cluster, &key, &shared_files(cx.cluster()?))?;
        let hides = cx.init()?.1.skip_certificate_key_print;
        cx.result.certificate_key = Some(if hides { HIDDEN_KEY.into() } else { key.expose().clone() });
        if let Task::Init(init, _) = &mut cx.task {
            init.certificate_key = Some(key);
        }
        Ok(())
    }
}

/// Encrypts `files` of this host with `key` and stores them in the cluster for two hours.
pub fn upload(cx: &Context, cluster: &Cluster, key: &Secret<String>, files: &[SharedFile]) -> Result<()> {
    let certificate_key = CertificateKey::parse(key)?;
    let mut sealed = BTreeMap::new();
    for file in files {
        let bytes = cx.files.read(&file.path)?;
        let bytes = bytes.map(|bytes| certificate_key.encrypt(file.name, &bytes, &cx.random)).transpose()?;
        sealed.insert(file.name.to_owned(), bytes.unwrap_or_default());
    }
    let owner_token = earlier_owner(cluster)?.map_or_else(|| token::generate(&cx.random), Ok)?;
    let mut owner = Value::Null;
    for object in upload_certs::owner_token(owner_token, cx.clock.now())? {
        cluster.create_or_update(&object.value)?;
        // The returned token has the uid that makes it the owner of the encrypted certificates.
        owner = ObjectRef::of(&object.value).map(|token| cluster.read(&token)).transpose()?.unwrap_or_default();
    }
    if owner["metadata"]["uid"].is_null() {
        // Only in a plan, where no server has set it.
        owner["metadata"]["uid"] = "(given by the API server)".into();
    }
    settle(cx, cluster, &upload_certs::certificates(&owner, &sealed)?)
}

/// The token that owns an earlier upload, so that uploading again adds none.
fn earlier_owner(cluster: &Cluster) -> Result<Option<Secret<String>>> {
    let certs = ObjectRef::new(&SECRET, "kube-system", "kubeadm-certs");
    let Some(certs) = cluster.find(&certs)? else { return Ok(None) };
    let Some(name) = certs.pointer("/metadata/ownerReferences/0/name").and_then(Value::as_str) else { return Ok(None) };
    let owner = cluster.find(&ObjectRef::new(&SECRET, "kube-system", name))?;
    Ok(owner.and_then(|owner| kube::token::from_secret(&owner).ok()).map(|token| token.token))
}
