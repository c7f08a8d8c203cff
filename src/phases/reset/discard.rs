//! Removes one entry of the list. If the administrator has moved keys, kubeconfigs or manifests and left a link, they
//! are removed at the target of the link; what cannot be removed is recorded, because it still gives access to the
//! cluster.
//!
//! Reads: links, the manifests, the journal. Writes: removes files and directories.

use crate::base::fault::Result;
use crate::context::{Context, Reset, Run};
use crate::domain::paths::{BACKUP_DIR, KUBERNETES_DIR};
use crate::host::removal::{self, Kept, Why};
use crate::journal::{Journal, Ownership};
use crate::state::artifacts;
use crate::state::cluster_certificates as certificates;
use std::path::{Path, PathBuf};

/// Extensions of public files.
const PUBLIC: [&str; 3] = ["crt", "csr", "pub"];

/// Removes it, and records what could not be removed.
pub fn discard(cx: &mut Run<Reset>, path: &Path) -> Result<()> {
    let removed = removal::remove(&cx.host, &artifacts::owning_directory(cx, path)?, path)?;
    if removed.kept.is_empty() {
        return Ok(());
    }
    let may_follow = belongs_to_cluster(cx, path)?;
    let mut stays = Vec::new();
    for kept in removed.kept {
        match link_target(cx, path, &kept)?.filter(|_| may_follow) {
            Some(real) => stays.extend(remove_target(cx, path, &real, &kept)?),
            None => stays.push(kept),
        }
    }
    for kept in stays {
        record_kept(cx, path, kept)?;
    }
    Ok(())
}

/// True for files that give access to the cluster, or start its components again. Public files do not.
fn gives_access(cx: &Context, path: &Path) -> Result<bool> {
    let pki = artifacts::certificates_dir(cx)?;
    let mut directories =
        [KUBERNETES_DIR, BACKUP_DIR, artifacts::KUBELET_PKI].iter().map(Path::new).chain([pki.as_path()]);
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let is_own = directories.any(|directory| path.starts_with(directory)) || ending == "key";
    Ok(is_own && !PUBLIC.contains(&ending))
}

/// True if a link or a mount on the path leaves no doubt that it belongs to the cluster. A directory with the name of
/// the certificates directory may belong to the user, unless a component of the cluster uses its files.
fn belongs_to_cluster(cx: &Context, path: &Path) -> Result<bool> {
    if !gives_access(cx, path)? && !path.starts_with(KUBERNETES_DIR) {
        return Ok(false);
    }
    let pki = artifacts::certificates_dir(cx)?;
    if !path.starts_with(&pki) {
        return Ok(true);
    }
    let is_in = |path: &PathBuf| path.starts_with(&pki);
    Ok(certificates::named(&cx.host.files)?.iter().any(is_in)
        || Journal::load(&cx.host.files)?.files().keys().any(is_in))
}

/// The target of a link to a file of the cluster; None if there is none, or if it may be a file of the user that no
/// component of the cluster refers to.
fn link_target(cx: &Context, path: &Path, kept: &Kept) -> Result<Option<PathBuf>> {
    let Ok(real) = cx.host.files.real(path) else { return Ok(None) };
    let follows = match &kept.why {
        Why::BehindLink(_) => true,
        Why::Link(_) if !real.is_file() => false,
        Why::Link(_) => {
            certificates::named(&cx.host.files)?.contains(path)
                || Journal::load(&cx.host.files)?.ownership(&cx.host.files, path)? == Ownership::Ours
        }
        _ => false,
    };
    let on_host = real.strip_prefix(cx.host.files.root()).ok().map(|real| Path::new("/").join(real));
    Ok(on_host.filter(|_| follows))
}

fn remove_target(cx: &Context, path: &Path, real: &Path, kept: &Kept) -> Result<Vec<Kept>> {
    let removed = removal::remove(&cx.host, real.parent().unwrap_or(real), real)?;
    if !removed.kept.is_empty() {
        return Ok(removed.kept);
    }
    // A link to a file is removed with the file; one to a directory may be used otherwise.
    let place = path.parent().and_then(|directory| cx.host.files.real(directory).ok()).zip(path.file_name());
    if let Some((directory, name)) = place
        && let Ok(directory) = directory.strip_prefix(cx.host.files.root())
    {
        removal::remove_link(&cx.host, &Path::new("/").join(directory).join(name))?;
    }
    Ok(match &kept.why {
        Why::BehindLink(link) => vec![Kept { path: link.clone(), why: Why::Emptied }],
        _ => Vec::new(),
    })
}

fn record_kept(cx: &mut Run<Reset>, wanted: &Path, kept: Kept) -> Result<()> {
    let is_certain = !matches!(kept.why, Why::Mount | Why::BehindLink(_)) || belongs_to_cluster(cx, wanted)?;
    // The link or mount that prevents it may be on the path to it.
    let path = if wanted.starts_with(&kept.path) { wanted } else { &kept.path };
    if kept.why != Why::Emptied && is_certain && gives_access(cx, path)? {
        let exposed = Kept { path: path.to_path_buf(), why: kept.why.clone() };
        let leaving = &mut cx.work;
        if !leaving.exposed.contains(&exposed) {
            leaving.exposed.push(exposed);
        }
    }
    let leaving = &mut cx.work;
    if !leaving.kept.contains(&kept) {
        leaving.kept.push(kept);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
