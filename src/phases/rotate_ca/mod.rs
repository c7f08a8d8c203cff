//! `certs rotate-ca`: new authorities for a running cluster, in stages that each are safe to stop at.
//!
//! What each stage does and why that is safe is told in docs/rotate-ca.md. Each file here is one action; all of them
//! look at the stage and at what is there, so that a run that was cut short is continued by the same command.

pub mod announce;
pub mod cas;
pub mod certificates;
pub mod check;
pub mod distribute;
pub mod error;
#[cfg(test)]
pub mod fixture;
pub mod kubelet;
pub mod signing;
pub mod tokens;

use crate::base::fault::Result;
use crate::base::files::{Content, Written};
use crate::context::Context;
use crate::context::access::ADMIN_CONF;
use crate::kube::cluster::Cluster;
use crate::pki::PrivateKey;
use crate::pki::catalog::{self, CertSpec, SERVICE_ACCOUNT};
use crate::state::rotation;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What can be changed. A cluster whose etcd is run by others has no `etcd-ca`.
pub const AUTHORITIES: [&str; 4] = ["ca", "front-proxy-ca", "etcd-ca", SERVICE_ACCOUNT];
/// The kubelet's own kubeconfig, with which a worker asks the cluster.
pub const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";

/// The cluster, as the administrator on a control plane and as the kubelet on a worker.
pub fn cluster(cx: &mut Context) -> Result<Arc<Cluster>> {
    let path = if cx.rotation()?.control_plane { ADMIN_CONF } else { KUBELET_CONF };
    cx.running_cluster(Path::new(path))
}

/// `cluster-info`, which a worker reads as anybody may: its kubelet has no right to it. The connection is vouched for
/// by the CA that the kubelet trusts.
pub fn information(cx: &mut Context, kubeconfig: &Path, leads: bool) -> Result<Value> {
    let cluster = if leads { cx.running_cluster(kubeconfig)? } else { cx.cluster_for_anybody(kubeconfig)? };
    Ok(cluster.find(&rotation::cluster_info())?.ok_or(error::RotationError::NoClusterInfo)?)
}

/// What the cluster knows of the change, to this command.
///
/// # Errors
/// When it cannot be reached or refuses.
pub fn world(cx: &mut Context) -> Result<rotation::World> {
    if cx.rotation()?.control_plane {
        return look(cx, Path::new(ADMIN_CONF), None);
    }
    let own = cx.node()?.name.clone();
    look(cx, Path::new(KUBELET_CONF), Some(&own))
}

/// What the cluster knows of the change, to the user of a kubeconfig. `own`: it is that of the kubelet of this node, who
/// sees no other.
///
/// # Errors
/// When it cannot be reached or refuses.
pub fn look(cx: &mut Context, kubeconfig: &Path, own: Option<&str>) -> Result<rotation::World> {
    let info = information(cx, kubeconfig, own.is_none())?;
    rotation::read(&info, &*cx.running_cluster(kubeconfig)?, own)
}

/// The CAs that this change is about: not the service-account keys.
pub fn changing_cas(cx: &Context) -> Result<Vec<&'static CertSpec>> {
    let plan = cx.rotation_plan()?;
    plan.prints.keys().filter(|name| *name != SERVICE_ACCOUNT).map(|name| Ok(catalog::cert(name)?)).collect()
}

/// The key that signs service-account tokens; None where it is not.
pub fn token_key(cx: &mut Context) -> Result<Option<PrivateKey>> {
    let path = cx.cluster()?.certificates_dir.join(SERVICE_ACCOUNT);
    Ok(cx.pki()?.kept_key(&path)?)
}

/// Where the new key of an authority waits for its stage.
fn next(cx: &Context, name: &str) -> Result<PathBuf> {
    Ok(cx.cluster()?.certificates_dir.join("next").join(name))
}

/// Replaces a file, after a copy of it was put away; does nothing where it is right.
fn replace(cx: &Context, path: &Path, content: &Content, mode: u32, is_right: bool) -> Result<Written> {
    if is_right {
        return Ok(Written::Unchanged);
    }
    crate::phases::renew::back_up(cx, path)?;
    let written = cx.files.write(path, content, mode)?;
    if written != Written::Unchanged {
        cx.events.message(format!("wrote {}", path.display()));
    }
    Ok(written)
}

#[cfg(test)]
mod tests;
