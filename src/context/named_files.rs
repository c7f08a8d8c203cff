//! The files that a kubeconfig names instead of having their content.
//!
//! Reads: these files. Writes: nothing.

use super::Context;
use crate::base::fault::Result;
use crate::config::kubeconfig;
use std::path::Path;

/// The CA certificates (PEM) that a kubeconfig has for a cluster; None if it has none.
pub fn ca_certificates(cx: &Context, path: &Path, cluster: &kubeconfig::Cluster) -> Result<Option<Vec<u8>>> {
    match &cluster.certificate_authority_data {
        Some(data) => Ok(Some(data.0.clone())),
        None => beside(cx, path, cluster.certificate_authority.as_ref()),
    }
}

/// A file that a kubeconfig names. A relative path is relative to the directory of the kubeconfig.
pub(super) fn beside(cx: &Context, path: &Path, name: Option<&String>) -> Result<Option<Vec<u8>>> {
    let directory = path.parent().unwrap_or(path);
    Ok(name.map(|name| cx.host.files.read(&directory.join(name))).transpose()?.flatten())
}
