//! What an earlier run of `join`, cut short or not, has left of this very cluster.
//!
//! Reads: the kubelet's credentials and the CA on this host. Writes: nothing.

use super::discover::KUBELET_CONF;
use super::kubelet_start::BOOTSTRAP_CONF;
use super::prepare::require_same_ca;
use crate::actions::manifest;
use crate::base::fault::Result;
use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::context::access::authority;
use std::path::{Path, PathBuf};

/// The static Pods of a control plane.
const PODS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// The files that must not stop this run, because they belong to the cluster that this host joins: a kubelet's
/// credentials for that cluster are proof. The kubelet writes some of them itself, and a run that was killed may not
/// have noted the others.
///
/// # Errors
/// When a file cannot be read.
pub fn files_of_this_cluster(cx: &Context) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let ca = &cx.join()?.ca_cert_path;
    if let Some(there) = cx.files.read(ca)?
        && require_same_ca(cx, ca, &there).is_ok()
    {
        files.push(ca.clone());
    }
    let mut has_credentials = false;
    for path in [KUBELET_CONF, BOOTSTRAP_CONF] {
        if is_for_this_cluster(cx, Path::new(path))? {
            files.push(path.into());
            has_credentials = true;
        }
    }
    if has_credentials && cx.control_plane_join().is_some() {
        files.extend(PODS.map(manifest::path));
    }
    Ok(files)
}

fn is_for_this_cluster(cx: &Context, path: &Path) -> Result<bool> {
    let Some(bytes) = cx.files.read(path)? else { return Ok(false) };
    let Ok(kubeconfig) = Kubeconfig::parse(path, &bytes) else { return Ok(false) };
    let Some(cluster) = kubeconfig.current_cluster() else { return Ok(false) };
    let Some(ca) = authority(cx, path, cluster)? else { return Ok(false) };
    Ok(require_same_ca(cx, path, &ca).is_ok())
}
