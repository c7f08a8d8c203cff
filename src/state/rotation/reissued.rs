//! Whether the new CAs have signed everything that they must sign on this host. A recorded stage means that this was
//! true at that time; a file that was restored from a backup or signed by hand since would become invalid when the old
//! CAs are no longer trusted.
//!
//! Reads: the CAs, certificates and kubeconfigs of this host; on a worker the CA that `cluster-info` publishes.
//! Writes: nothing.

use crate::base::fault::Result;
use crate::context::{Context, Rotating, Run};
use crate::domain::paths::KUBELET_CONF;
use crate::pki::catalog::{KUBECONFIGS, SERVICE_ACCOUNT, certs_of};
use crate::pki::cert::Cert;
use crate::pki::rotation::ca_print;
use crate::pki::rotation::key_print;
use crate::state::rotation::error::RotationError;
use crate::state::rotation::host::client_of;
use crate::state::rotation::host::published_cas;
use crate::state::rotation::host::{changing_cas, token_key};
use std::path::{Path, PathBuf};

/// Fails if a file is still signed by an old CA.
pub fn require_reissued(cx: &mut Run<Rotating>) -> Result<()> {
    let old = if cx.work.purpose.control_plane { on_control_plane(cx)? } else { on_worker(cx)? };
    if old.is_empty() { Ok(()) } else { Err(RotationError::NotReissued { files: old }.into()) }
}

fn on_control_plane(cx: &mut Run<Rotating>) -> Result<Vec<PathBuf>> {
    let (store, plan) = (cx.pki()?, cx.work.purpose.begun()?);
    let mut old = Vec::new();
    for spec in changing_cas(cx)? {
        let ca = store.require_ca(spec, "a CA rotation")?.cert;
        if plan.prints.get(spec.name) != Some(&ca_print(&ca)) {
            old.push(store.cert_path(spec));
            continue;
        }
        for leaf in certs_of(cx.cluster()?).filter(|leaf| leaf.ca == Some(spec.name)) {
            let chain = store.load_certs(leaf)?.unwrap_or_default();
            old.extend(chain.first().filter(|cert| !cert.is_signed_by(&ca)).map(|_| store.cert_path(leaf)));
        }
        if spec.name == "ca" {
            for file in KUBECONFIGS {
                old.extend(old_client(cx, &Path::new("/etc/kubernetes").join(file.file), std::slice::from_ref(&ca))?);
            }
        }
    }
    let signs = token_key(cx)?.map(|key| key_print(&key));
    if plan.prints.get(SERVICE_ACCOUNT).is_some_and(|print| Some(print) != signs.as_ref()) {
        old.push(cx.cluster()?.certificates_dir.join("sa.key"));
    }
    Ok(old)
}

fn on_worker(cx: &mut Run<Rotating>) -> Result<Vec<PathBuf>> {
    if !cx.work.purpose.begun()?.prints.contains_key("ca") {
        return Ok(Vec::new());
    }
    let new = published_cas(cx)?;
    Ok(old_client(cx, Path::new(KUBELET_CONF), &new)?.into_iter().collect())
}

/// The kubeconfig if none of these CAs has signed its client certificate.
fn old_client(cx: &mut Context, path: &Path, new: &[Cert]) -> Result<Option<PathBuf>> {
    let client = client_of(cx, path)?;
    Ok(client.filter(|cert| !new.iter().any(|ca| cert.is_signed_by(ca))).map(|_| path.to_path_buf()))
}
