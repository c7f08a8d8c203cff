//! Downloads the files that all control planes share.
//!
//! Reads: the Secret `kube-system/kubeadm-certs`, which is deleted after two hours; a host that has all files does not
//! need it. Writes: the CAs, the service-account keys and the certificates of an external etcd, if they are missing; a
//! different existing file is an error.

use crate::base::fault::Result;
use crate::context::{Joining, Run};
use crate::kube::kind::{ObjectRef, SECRET};
use crate::ops::report;
use crate::phases::join::error::JoinError;
use crate::phases::join::prepare::require_shared;
use crate::pipeline::{Phase, Target};
use crate::pki::encryption::CertificateKey;
use crate::pki::shared::shared_files;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub struct DownloadCerts;

impl Phase<Joining> for DownloadCerts {
    fn run(&self, cx: &mut Run<Joining>, _: &Target) -> Result<()> {
        let Some(key) = cx.work.control_plane.as_ref().and_then(|join| join.certificate_key.clone()) else {
            cx.events
                .message("no certificate key was specified: the shared certificates must already exist on this host");
            return Ok(());
        };
        let key = CertificateKey::parse(&key)?;
        let secret = cx.work.api.find(&ObjectRef::new(&SECRET, "kube-system", "kubeadm-certs"))?;
        let Some(secret) = secret else { return continue_without(cx) };
        // All are decrypted before the first is written: a wrong key leaves nothing behind.
        let mut opened = Vec::new();
        for file in shared_files(cx.cluster()?) {
            let Some(text) = secret["data"][file.name].as_str() else {
                return Err(JoinError::StoredIncompletely { name: file.name.into() }.into());
            };
            let encrypted = STANDARD.decode(text).map_err(|_| JoinError::StoredBadly { name: file.name.into() })?;
            // The key of an external CA is on another host.
            if !encrypted.is_empty() {
                let bytes = key.decrypt(file.name, &encrypted)?;
                opened.push((file, bytes));
            }
        }
        let store = cx.pki()?;
        store.require_shared_permits(&opened, cx.cluster()?, cx.node()?)?;
        for (file, bytes) in opened {
            let written = store.save_shared(&file, &bytes)?;
            report::written(cx, &file.path, written);
        }
        Ok(())
    }
}

/// A continued run finds the Secret deleted, and its content on this host.
fn continue_without(cx: &Run<Joining>) -> Result<()> {
    require_shared(cx).map_err(|failure| match failure.downcast_ref() {
        Some(JoinError::NotShared { .. }) => JoinError::NothingStored.into(),
        _ => failure,
    })?;
    cx.events.warning(
        "the uploaded certificates have been deleted from the cluster; this host already has the certificates of this \
         cluster",
    );
    Ok(())
}

#[cfg(test)]
mod tests;
