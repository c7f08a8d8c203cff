//! This host during a CA rotation: its CAs and keys, and its access to the cluster.
//!
//! Reads: the CAs and keys of this host, `cluster-info`. Writes: nothing.

use crate::base::fault::Result;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::rotation::Stage;
use crate::context::{Context, Rotating, Run};
use crate::domain::paths::{ADMIN_CONF, KUBELET_CONF};
use crate::kube::cluster::Cluster;
use crate::pki::catalog::{self, CertSpec, SERVICE_ACCOUNT};
use crate::pki::cert::{Cert, bundle_pem};
use crate::pki::rotation::NEXT;
use crate::pki::rotation::ca_print;
use crate::pki::store::LoadedCa;
use crate::pki::{PkiError, PrivateKey};
use crate::state::rotation::error::RotationError;
use crate::state::rotation::{self, RotationStatus};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The cluster, with the administrator's credentials on a control plane and the kubelet's on a worker.
pub fn cluster(cx: &mut Run<Rotating>) -> Result<Arc<Cluster>> {
    let path = if cx.work.purpose.control_plane { ADMIN_CONF } else { KUBELET_CONF };
    cx.running_cluster(Path::new(path))
}

/// `cluster-info`, which a worker reads anonymously, because its kubelet has no permission for it. The server is
/// verified with the CA that the kubelet trusts.
pub fn information(cx: &mut Context, kubeconfig: &Path, leads: bool) -> Result<Value> {
    let cluster = if leads { cx.running_cluster(kubeconfig)? } else { cx.anonymous_cluster(kubeconfig)? };
    Ok(cluster.find(&rotation::cluster_info())?.ok_or(RotationError::NoClusterInfo)?)
}

/// The state of the rotation in the cluster, for this command.
pub fn status(cx: &mut Run<Rotating>) -> Result<RotationStatus> {
    if cx.work.purpose.control_plane {
        return status_for(cx, Path::new(ADMIN_CONF), None);
    }
    let own = cx.node()?.name.clone();
    status_for(cx, Path::new(KUBELET_CONF), Some(&own))
}

/// The state of the rotation in the cluster, with a kubeconfig. `own`: it is that of the kubelet of this node, which
/// can read only this node.
pub fn status_for(cx: &mut Context, kubeconfig: &Path, own: Option<&str>) -> Result<RotationStatus> {
    let info = information(cx, kubeconfig, own.is_none())?;
    rotation::read(&info, &*cx.running_cluster(kubeconfig)?, own)
}

/// The CAs of this rotation, without the service-account keys.
pub fn changing_cas(cx: &Run<Rotating>) -> Result<Vec<&'static CertSpec>> {
    let plan = cx.work.purpose.begun()?;
    plan.prints.keys().filter(|name| *name != SERVICE_ACCOUNT).map(|name| Ok(catalog::cert(name)?)).collect()
}

/// The key that signs service-account tokens; None if it is not on this host.
pub fn token_key(cx: &mut Context) -> Result<Option<PrivateKey>> {
    let path = cx.cluster()?.certificates_dir.join(SERVICE_ACCOUNT);
    Ok(cx.pki()?.kept_key(&path)?)
}

/// Where the new key of a CA is stored until its stage.
pub fn pending(cx: &Context, name: &str) -> Result<PathBuf> {
    Ok(cx.cluster()?.certificates_dir.join(NEXT).join(name))
}

/// The client certificate of a kubeconfig of this host.
pub fn client_of(cx: &mut Context, path: &Path) -> Result<Option<Cert>> {
    let store = cx.pki()?;
    let Some(config) = store.load_kubeconfig(path)? else { return Ok(None) };
    let Some(user) = config.current_user() else { return Ok(None) };
    Ok(store.client_certs(path, user)?.and_then(|chain| chain.into_iter().next()))
}

/// The CAs that the cluster publishes; in the last stage only the new one.
pub fn published_cas(cx: &mut Run<Rotating>) -> Result<Vec<Cert>> {
    let info = information(cx, Path::new(KUBELET_CONF), false)?;
    let text = info["data"]["kubeconfig"].as_str().unwrap_or_default();
    let config = Kubeconfig::parse(Path::new("kube-public/cluster-info"), text.as_bytes())?;
    let data = config.clusters.first().and_then(|named| named.cluster.certificate_authority_data.as_ref());
    let pem = data.map(|data| data.0.clone()).ok_or(RotationError::NoClusterInfo)?;
    let certs = Cert::bundle_from_file(Path::new("kube-public/cluster-info"), &pem)?;
    let plan = cx.work.purpose.begun()?;
    let is_new = |cert: &Cert| plan.prints.get("ca") == Some(&ca_print(cert));
    // The rotation is published before the first control plane publishes its new CA.
    if !certs.iter().any(is_new) {
        return Err(RotationError::NotPublished.into());
    }
    // The last stage on a worker does not wait until cluster-info is updated.
    let alone = cx.work.purpose.stage == Stage::Drop;
    Ok(certs.into_iter().filter(|cert| !alone || is_new(cert)).collect())
}

/// The new certificate of a CA, and its key if it does not sign yet.
pub fn new_ca(cx: &mut Run<Rotating>, spec: &CertSpec, there: &LoadedCa) -> Result<(Cert, Option<PrivateKey>)> {
    let plan = cx.work.purpose.begun()?;
    let print = plan.prints.get(spec.name);
    if print == Some(&ca_print(&there.cert)) {
        return Ok((there.cert.clone(), None));
    }
    let path = pending(cx, spec.name)?;
    let kept = cx.pki()?.kept_pair(&path)?.filter(|(cert, _)| print == Some(&ca_print(cert)));
    let (cert, key) = kept.ok_or(PkiError::KeyMissing { path: path.with_extension("key") })?;
    Ok((cert, Some(key)))
}

/// The certificates of the cluster's CA that this host trusts, PEM.
pub fn bundle(cx: &mut Context) -> Result<String> {
    let store = cx.pki()?;
    Ok(bundle_pem(&store.require_ca(catalog::cert("ca")?, "kubeconfigs")?.certs))
}
