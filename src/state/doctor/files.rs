//! Files of this host that differ from the cluster's configuration or from what kubewright wrote, and keys that others can read.
//!
//! Reads: the manifests, the kubelet's files, the certificates directory, the journal. Writes: nothing.

use super::{Finding, Severity};
use crate::base::fault::Result;
use crate::config::model::ClusterConfig;
use crate::context::Context;
use crate::domain::paths::{KUBELET_CONFIG, KUBELET_FLAGS, KUBERNETES_DIR};
use crate::journal::{Journal, Ownership};
use crate::pki::catalog::{CERTS, KUBECONFIGS, SERVICE_ACCOUNT};
use crate::state::upgrade::checks::hand_edits;
use crate::state::upgrade::finding::Outcome;
use std::path::{Path, PathBuf};

/// Settings of manifests that the stored configuration does not have. The task of `cx` must be an upgrade.
pub fn edits(cx: &mut Context, stored: &ClusterConfig) -> Result<Vec<Finding>> {
    let Outcome { findings, .. } = hand_edits(cx, stored)?;
    let finding = |one: crate::state::upgrade::finding::Finding| {
        let what = format!("{}: {}", one.place, one.what);
        Finding::new("ManifestEdited", Severity::Warning, &one.place, what, one.fix)
    };
    Ok(findings.into_iter().map(finding).collect())
}

/// Files of the kubelet that were changed since kubewright wrote them, and keys that others can read.
pub fn files(cx: &Context, pki: &Path) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    let journal = Journal::load(&cx.host.files)?;
    for path in [KUBELET_CONFIG, KUBELET_FLAGS] {
        if journal.ownership(&cx.host.files, Path::new(path))? == Ownership::Changed {
            let what = format!("{path} was changed since kubewright wrote it; an upgrade overwrites it");
            let fix = "put the change into the KubeletConfiguration of the cluster (ConfigMap kubelet-config) or into a patch";
            found.push(Finding::new("KubeletFileEdited", Severity::Warning, path, what, fix));
        }
    }
    found.extend(secrets(pki).into_iter().filter_map(|path| readable(cx, &path)));
    Ok(found)
}

/// The keys and kubeconfigs of a control plane.
fn secrets(pki: &Path) -> Vec<PathBuf> {
    let keys = CERTS.iter().map(|spec| spec.base).chain([SERVICE_ACCOUNT]);
    let keys = keys.map(|base| pki.join(format!("{base}.key")));
    let configs = KUBECONFIGS.iter().map(|spec| Path::new(KUBERNETES_DIR).join(spec.file));
    keys.chain(configs).collect()
}

fn readable(cx: &Context, path: &Path) -> Option<Finding> {
    let mode = cx.host.files.mode(path).filter(|mode| mode & 0o077 != 0)?;
    let shown = path.display().to_string();
    let what = format!("other users can read or write {shown} (mode {mode:04o}), which gives access to the cluster");
    Some(Finding::new("SecretReadable", Severity::Warning, &shown, what, format!("run 'chmod 600 {shown}'")))
}
