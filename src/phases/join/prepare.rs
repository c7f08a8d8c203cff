//! The files of a joining control plane: its own certificates, kubeconfigs and static Pod manifests.
//!
//! Reads: the configuration and the files that all control planes share, which must exist. Writes: missing files. It
//! never creates a CA: that would be another cluster.

use crate::base::fault::Result;
use crate::context::{Context, Joining, Run};
use crate::phases::certs::Certificate;
use crate::phases::control_plane;
use crate::phases::control_plane::ComponentManifest;
use crate::phases::join::error::JoinError;
use crate::phases::kubeconfig::{self, KUBERNETES_DIR};
use crate::pipeline::{Action, Phase, Target};
use crate::pki::catalog;
use crate::pki::shared::shared_files;
use crate::state::cluster_ca::require_same_ca;
use std::path::Path;

/// The kubeconfigs of a joining control plane; the kubelet gets its own with TLS bootstrap.
const KUBECONFIGS: [&str; 3] = ["admin", "controller-manager", "scheduler"];

/// The certificates.
pub struct JoinCerts;

impl Phase<Joining> for JoinCerts {
    fn keys_wanted(&self, cx: &mut Run<Joining>, target: &Target) -> Result<usize> {
        own_certs(cx)?.into_iter().map(|item| Action::keys_wanted(&Certificate, cx, &of(target, item))).sum()
    }

    fn run(&self, cx: &mut Run<Joining>, target: &Target) -> Result<()> {
        require_shared(cx)?;
        own_certs(cx)?.into_iter().try_for_each(|item| Action::run(&Certificate, cx, &of(target, item)))
    }
}

/// The kubeconfigs.
pub struct JoinKubeconfig;

impl Action for JoinKubeconfig {
    fn keys_wanted(&self, cx: &mut Context, _: &Target) -> Result<usize> {
        KUBECONFIGS.into_iter().map(|name| kubeconfig::keys_wanted(cx, name, Path::new(KUBERNETES_DIR))).sum()
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        KUBECONFIGS.into_iter().try_for_each(|name| kubeconfig::write(cx, name, Path::new(KUBERNETES_DIR)))
    }
}

/// The static Pod manifests.
pub struct JoinManifests;

impl Action for JoinManifests {
    fn run(&self, cx: &mut Context, target: &Target) -> Result<()> {
        control_plane::items()
            .into_iter()
            .try_for_each(|item| Action::run(&ComponentManifest, cx, &of(target, item.name)))
    }
}

fn of(target: &Target, item: &'static str) -> Target {
    Target { path: target.path.clone(), item: Some(item) }
}

/// The certificates that each control plane has of its own.
fn own_certs(cx: &Context) -> Result<Vec<&'static str>> {
    Ok(catalog::certs_of(cx.cluster()?).filter(|spec| !spec.is_ca()).map(|spec| spec.name).collect())
}

/// Checks that all shared files exist, and that the CA is the verified one. CA keys may be elsewhere; the store
/// reports it if it needs one.
pub fn require_shared(cx: &Run<Joining>) -> Result<()> {
    let is_ca_key = |name: &str| name.ends_with("ca.key");
    let missing: Vec<String> = shared_files(cx.cluster()?)
        .into_iter()
        .filter(|file| !is_ca_key(file.name) && !cx.host.files.exists(&file.path))
        .map(|file| file.path.display().to_string())
        .collect();
    if !missing.is_empty() {
        return Err(JoinError::NotShared { missing }.into());
    }
    let path = cx.cluster()?.certificates_dir.join("ca.crt");
    let there = cx.host.files.read(&path)?.unwrap_or_default();
    require_same_ca(cx, &path, &there)
}
