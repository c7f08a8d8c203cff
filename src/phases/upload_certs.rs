//! The certificates that all control planes share, encrypted and stored in the cluster for two hours.
//!
//! Reads: the CAs, the sa and front-proxy keys and certificates of this host. Writes: a short-lived token, the Secret
//! `kube-system/kubeadm-certs` that is deleted with it, and the permission to read it.

use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::config::token;
use crate::context::{Context, Init, Run};
use crate::kube;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{ObjectRef, SECRET};
use crate::ops::objects::{report, settle};
use crate::pipeline::{Phase, Target};
use crate::pki::encryption::CertificateKey;
use crate::pki::shared::{SharedFile, shared_files};
use crate::render::objects::upload_certs;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;

/// Replaces a key that must not be printed.
pub const HIDDEN_KEY: &str = "<certificate key>";

pub struct UploadCerts;

impl Phase<Init> for UploadCerts {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, run: &mut Run<Init>, _: &Target) -> Result<()> {
        let Run { cx, work: init } = run;
        let cluster = cx.new_cluster()?;
        let key = match init.certificate_key.clone() {
            Some(key) => key,
            None => token::certificate_key(&cx.random)?,
        };
        upload(cx, &cluster, &key, &shared_files(cx.cluster()?))?;
        let hides = init.options.skip_certificate_key_print;
        init.found.certificate_key = Some(if hides { HIDDEN_KEY.into() } else { key.expose().clone() });
        init.certificate_key = Some(key);
        Ok(())
    }
}

/// Encrypts `files` of this host with `key` and stores them in the cluster for two hours.
pub fn upload(cx: &Context, cluster: &Cluster, key: &Secret<String>, files: &[SharedFile]) -> Result<()> {
    let certificate_key = CertificateKey::parse(key)?;
    let mut sealed = BTreeMap::new();
    for file in files {
        let bytes = cx.host.files.read(&file.path)?;
        let bytes = bytes.map(|bytes| certificate_key.encrypt(file.name, &bytes, &cx.random)).transpose()?;
        sealed.insert(file.name.to_owned(), bytes.unwrap_or_default());
    }
    let owner_token = earlier_owner(cluster)?.map_or_else(|| token::generate(&cx.random), Ok)?;
    let mut owner = Value::Null;
    for object in upload_certs::owner_token(owner_token, cx.host.clock.now())? {
        cluster.create_or_update(&object.value)?;
        // The returned token has the uid that makes it the owner of the encrypted certificates.
        owner = ObjectRef::of(&object.value).map(|token| cluster.read(&token)).transpose()?.unwrap_or_default();
    }
    if owner["metadata"]["uid"].is_null() {
        // Only in a plan, where no server has set it.
        owner["metadata"]["uid"] = "(given by the API server)".into();
    }
    let objects = upload_certs::certificates(&owner, &sealed)?;
    // Of two uploads at the same moment one creates the Secret; the other one sees that it is not its own.
    for object in objects.iter().filter(|object| ObjectRef::of(&object.value).as_ref() == Some(&certs())) {
        let written = cluster.create_or_retain(&object.value)?;
        report(cx, object, written);
    }
    let there = cluster.find(&certs())?.unwrap_or_default();
    if !opens(&certificate_key, &there) {
        cx.events.warning(
            "the certificates of an earlier upload are replaced: a certificate key that was printed before is void, and so is \
             each join command for a control plane with it",
        );
    }
    settle(cx, cluster, &objects)
}

fn certs() -> ObjectRef {
    ObjectRef::new(&SECRET, "kube-system", "kubeadm-certs")
}

/// True when the key opens what the Secret holds. A Secret without any file keeps nothing.
fn opens(key: &CertificateKey, secret: &Value) -> bool {
    let mut files = secret["data"].as_object().into_iter().flatten();
    files.all(|(name, data)| {
        let sealed = data.as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
        sealed.is_empty() || key.decrypt(name, &sealed).is_ok()
    })
}

/// The token that owns an earlier upload, so that uploading again adds none.
fn earlier_owner(cluster: &Cluster) -> Result<Option<Secret<String>>> {
    let Some(certs) = cluster.find(&certs())? else { return Ok(None) };
    let Some(name) = certs.pointer("/metadata/ownerReferences/0/name").and_then(Value::as_str) else { return Ok(None) };
    let owner = cluster.find(&ObjectRef::new(&SECRET, "kube-system", name))?;
    Ok(owner.and_then(|owner| kube::token::from_secret(&owner).ok()).map(|token| token.token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::events::{Events, Style};
    use crate::context::rotation::Stage;
    use crate::phases::rotate_ca::fixture::TestHost;
    use std::fs::File;

    /// Of two join commands that were printed at the same time the first was dead, and nothing said so.
    #[test]
    fn an_upload_that_makes_an_earlier_key_void_says_so() {
        let host = TestHost::control_plane();
        let mut cx = host.run(Stage::Trust);
        let cluster = host.api.cluster(&cx.host.gate);
        let files = shared_files(cx.cluster().unwrap());
        let said = host.root.path().join("said");
        let mut warns = |key: &Secret<String>| {
            cx.events = Events::to_writer(Box::new(File::create(&said).unwrap()), Style::Lines);
            upload(&cx, &cluster, key, &files).unwrap();
            cx.events.flush();
            std::fs::read_to_string(&said).unwrap().contains("is void")
        };
        let [first, second] = ["a", "b"].map(|digit| Secret::new(digit.repeat(64)));
        assert!(!warns(&first) && !warns(&first));
        assert!(warns(&second));
        assert!(warns(&first), "it was replaced");
    }
}
