//! `certs rotate-ca`: new authorities for a running cluster, in stages that each are safe to stop at.
//!
//! What each stage does and why that is safe is told in docs/rotate-ca.md. Each file here is one action; all of them
//! look at the stage and at what is there, so that a run that was cut short is continued by the same command.

pub mod authorities;
pub mod certificates;
pub mod check;
pub mod cluster;
mod error;
pub mod handover;
pub mod kubelet;
pub mod signing;
pub mod state;
mod tokens;

use crate::base::fault::Result;
use crate::base::files::{Content, Written};
use crate::base::https::Credentials;
use crate::context::Context;
use crate::context::access::{self, ADMIN_CONF};
use crate::kube::client::{Access, Client};
use crate::kube::cluster::Cluster;
use crate::pki::catalog::{self, CertSpec, SERVICE_ACCOUNT};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What can be changed. A cluster whose etcd is run by others has no `etcd-ca`.
pub const AUTHORITIES: [&str; 4] = ["ca", "front-proxy-ca", "etcd-ca", SERVICE_ACCOUNT];
/// The kubelet's own kubeconfig, with which a worker asks the cluster.
pub const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";

/// The cluster, as the administrator on a control plane and as the kubelet on a worker.
pub(super) fn cluster(cx: &mut Context) -> Result<Arc<Cluster>> {
    let path = if cx.rotation()?.control_plane { ADMIN_CONF } else { KUBELET_CONF };
    cx.running_cluster(Path::new(path))
}

/// `cluster-info`, which a worker reads as anybody may: its kubelet has no right to it. The connection is vouched for
/// by the CA that the kubelet trusts.
fn information(cx: &mut Context) -> Result<Value> {
    let leads = cx.rotation()?.control_plane;
    information_by(cx, Path::new(if leads { ADMIN_CONF } else { KUBELET_CONF }), leads)
}

fn information_by(cx: &mut Context, kubeconfig: &Path, leads: bool) -> Result<Value> {
    let place = state::cluster_info();
    let found = if leads {
        cx.running_cluster(kubeconfig)?.find(&place)?
    } else {
        let access = access::access(cx, kubeconfig)?;
        let client = Client::new(Access { credentials: Credentials::Anonymous, ..access })?;
        Cluster::running(client, cx.gate.clone(), cx.clock.clone(), cx.timeouts().kubernetes_api_call).find(&place)?
    };
    Ok(found.ok_or(error::RotationError::NoClusterInfo)?)
}

/// What the cluster knows of the change, to this command.
///
/// # Errors
/// When it cannot be reached or refuses.
pub fn world(cx: &mut Context) -> Result<state::World> {
    let leads = cx.rotation()?.control_plane;
    look(cx, Path::new(if leads { ADMIN_CONF } else { KUBELET_CONF }), leads)
}

/// What the cluster knows of the change, to the user of a kubeconfig; `leads`: it is no kubelet's.
///
/// # Errors
/// When it cannot be reached or refuses.
pub fn look(cx: &mut Context, kubeconfig: &Path, leads: bool) -> Result<state::World> {
    let info = information_by(cx, kubeconfig, leads)?;
    state::read(&info, &*cx.running_cluster(kubeconfig)?)
}

/// The CAs that this change is about: not the service-account keys.
fn cas(cx: &Context) -> Result<Vec<&'static CertSpec>> {
    let plan = cx.rotation_plan()?;
    plan.prints.keys().filter(|name| *name != SERVICE_ACCOUNT).map(|name| Ok(catalog::cert(name)?)).collect()
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
    super::renewal::back_up(cx, path)?;
    let written = cx.files.write(path, content, mode)?;
    if written != Written::Unchanged {
        cx.events.message(format!("wrote {}", path.display()));
    }
    Ok(written)
}
