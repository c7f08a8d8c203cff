//! Writes static Pod manifests.
//!
//! Reads: the configuration and the patches. Writes: `/etc/kubernetes/manifests/<component>.yaml`; for etcd also its data
//! directory.

use crate::base::fault::Result;
use crate::base::files::Content;
use crate::config::model::Etcd;
use crate::context::Context;
use crate::domain::paths::{MANIFESTS_DIR, manifest};
use crate::ops::report;
use crate::ops::signer_copy;
use crate::render::pods::EtcdMember;
use crate::state::manifests::{ETCD, PODS, render};
use crate::state::patches;
use std::path::Path;

/// Only root may see flags, some of which name credentials.
const MANIFEST_MODE: u32 = 0o600;
/// The manifests directory: its files run as root.
const DIRECTORY_MODE: u32 = 0o700;
/// etcd refuses a data directory that others can read.
const ETCD_DATA_MODE: u32 = 0o700;

/// Writes the manifest of etcd on this host; `members` is empty for a new cluster.
pub fn write_etcd(cx: &Context, members: &[EtcdMember]) -> Result<()> {
    let Etcd::Local(local) = &cx.cluster()?.etcd else { return Ok(()) };
    cx.host.files.create_dir(&local.data_dir, ETCD_DATA_MODE)?;
    write(cx, ETCD, members)
}

/// Creates the manifests directory. A kubelet that starts without it checks for it again only after some seconds.
pub fn create_directory(cx: &Context) -> Result<()> {
    cx.host.files.create_dir(Path::new(MANIFESTS_DIR), DIRECTORY_MODE)?;
    Ok(())
}

/// Writes the manifest of a static Pod, patches included.
pub fn write(cx: &Context, pod: &str, members: &[EtcdMember]) -> Result<()> {
    signer_copy::keep(cx, pod)?;
    let (Some(text), Some((_, target))) = (render(cx, pod, members)?, PODS.iter().find(|(name, _)| *name == pod))
    else {
        return Ok(());
    };
    let path = manifest(pod);
    let text = patches::apply(cx, *target, &text)?;
    create_directory(cx)?;
    let written = cx.host.files.write(&path, &Content::public(text), MANIFEST_MODE)?;
    report::written(cx, &path, written);
    Ok(())
}
