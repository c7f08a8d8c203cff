//! Files of an earlier run of `join`, interrupted or not, for the same cluster.
//!
//! Reads: the kubelet's credentials and the CA on this host. Writes: nothing.

use crate::base::fault::Result;
use crate::context::{Joining, Run};
use crate::domain::paths::BOOTSTRAP_KUBELET_CONF;
use crate::domain::paths::KUBELET_CONF;
use crate::domain::paths::manifest;
use crate::state::cluster_ca::require_same_ca;
use crate::state::kubelet_credentials::{self, Credentials};
use std::path::{Path, PathBuf};

/// The static Pods of a control plane.
const PODS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// The files that do not stop this run, because they belong to the cluster that this host joins, as the kubelet's
/// credentials for it show. The kubelet writes some of them itself, and a killed run may not have recorded the others.
pub fn files_of_this_cluster(cx: &Run<Joining>) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let ca = &cx.work.ca_cert_path;
    if let Some(there) = cx.host.files.read(ca)?
        && require_same_ca(cx, ca, &there).is_ok()
    {
        files.push(ca.clone());
    }
    let ca_pem = &cx.work.found.ca_pem;
    let bootstrap = Path::new(BOOTSTRAP_KUBELET_CONF);
    let may_ask = match cx.host.files.read(bootstrap)? {
        Some(bytes) => kubelet_credentials::of_this_cluster(cx, bootstrap, &bytes, ca_pem)?.is_some(),
        None => false,
    };
    let has_own = !matches!(kubelet_credentials::of_kubelet(cx, ca_pem)?, Credentials::Absent | Credentials::Foreign);
    files.extend(may_ask.then(|| bootstrap.into()));
    files.extend(has_own.then(|| KUBELET_CONF.into()));
    if (may_ask || has_own) && cx.work.control_plane.is_some() {
        files.extend(PODS.map(manifest));
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
