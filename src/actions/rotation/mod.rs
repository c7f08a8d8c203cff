//! `certs rotate-ca`: new authorities for a running cluster, in stages that each are safe to stop at.
//!
//! What each stage does and why that is safe is told in docs/rotate-ca.md. Each file here is one action; all of them
//! look at the stage and at what is there, so that a run that was cut short is continued by the same command.

pub mod authorities;
pub mod certificates;
pub mod check;
pub mod cluster;
mod error;
#[cfg(test)]
pub(in crate::actions) mod fixture;
pub mod handover;
pub mod kubelet;
mod proof;
pub mod signing;
pub mod state;
pub mod tokens;

use crate::base::fault::Result;
use crate::base::files::{Content, Written};
use crate::context::Context;
use crate::context::access::ADMIN_CONF;
use crate::kube::cluster::Cluster;
use crate::pki::PrivateKey;
use crate::pki::catalog::{self, CertSpec, SERVICE_ACCOUNT};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What can be changed. A cluster whose etcd is run by others has no `etcd-ca`.
pub const AUTHORITIES: [&str; 4] = ["ca", "front-proxy-ca", "etcd-ca", SERVICE_ACCOUNT];
/// The kubelet's own kubeconfig, with which a worker asks the cluster.
pub const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";

/// Where the new keys wait for their stage, below the directory of the certificates.
pub const NEXT: &str = "next";
/// Where the controller manager finds the pair it signs with meanwhile.
pub const SIGNING: &str = "signing";
/// Both, which only a rotation makes.
pub const FOLDERS: [&str; 2] = [NEXT, SIGNING];
pub use crate::pki::rotation::BRIDGE;

/// True for the name of a file that a rotation keeps in one of its directories: a CA, or the fingerprint of one.
pub fn is_kept_file(name: &str) -> bool {
    let Some((base, "crt" | "key")) = name.rsplit_once('.') else { return false };
    let is_print = base.len() >= 12 && base.bytes().all(|byte| byte.is_ascii_hexdigit());
    AUTHORITIES.contains(&base) || is_print
}

/// The cluster, as the administrator on a control plane and as the kubelet on a worker.
pub(super) fn cluster(cx: &mut Context) -> Result<Arc<Cluster>> {
    let path = if cx.rotation()?.control_plane { ADMIN_CONF } else { KUBELET_CONF };
    cx.running_cluster(Path::new(path))
}

/// `cluster-info`, which a worker reads as anybody may: its kubelet has no right to it. The connection is vouched for
/// by the CA that the kubelet trusts.
fn information(cx: &mut Context, kubeconfig: &Path, leads: bool) -> Result<Value> {
    let cluster = if leads { cx.running_cluster(kubeconfig)? } else { cx.cluster_for_anybody(kubeconfig)? };
    Ok(cluster.find(&state::cluster_info())?.ok_or(error::RotationError::NoClusterInfo)?)
}

/// What the cluster knows of the change, to this command.
///
/// # Errors
/// When it cannot be reached or refuses.
pub fn world(cx: &mut Context) -> Result<state::World> {
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
pub fn look(cx: &mut Context, kubeconfig: &Path, own: Option<&str>) -> Result<state::World> {
    let info = information(cx, kubeconfig, own.is_none())?;
    state::read(&info, &*cx.running_cluster(kubeconfig)?, own)
}

/// The CAs that this change is about: not the service-account keys.
fn cas(cx: &Context) -> Result<Vec<&'static CertSpec>> {
    let plan = cx.rotation_plan()?;
    plan.prints.keys().filter(|name| *name != SERVICE_ACCOUNT).map(|name| Ok(catalog::cert(name)?)).collect()
}

/// The key that signs service-account tokens; None where it is not.
fn token_key(cx: &mut Context) -> Result<Option<PrivateKey>> {
    let path = cx.cluster()?.certificates_dir.join(SERVICE_ACCOUNT);
    Ok(cx.pki()?.kept_key(&path)?)
}

/// Where the new key of an authority waits for its stage.
fn next(cx: &Context, name: &str) -> Result<PathBuf> {
    Ok(cx.cluster()?.certificates_dir.join(NEXT).join(name))
}

/// Replaces a file, after a copy of it was put away; does nothing where it is right. `mode` is that of a new file: a
/// component that is not root may read the old one by its mode.
fn replace(cx: &mut Context, path: &Path, content: &Content, mode: u32, is_right: bool) -> Result<Written> {
    if is_right {
        return Ok(Written::Unchanged);
    }
    super::renewal::back_up(cx, path)?;
    let written = cx.files.write(path, content, cx.files.mode_or(path, mode))?;
    if written != Written::Unchanged {
        cx.events.message(format!("wrote {}", path.display()));
    }
    Ok(written)
}

#[cfg(test)]
mod tests;
