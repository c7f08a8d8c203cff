//! Removes one thing of the list. Where the administrator has put keys, kubeconfigs or manifests elsewhere and left a link,
//! they are removed there; what of them stays is noted, as it still gives access to the cluster.
//!
//! Reads: links, the manifests, the journal. Writes: removes files and trees.

use crate::base::fault::Result;
use crate::context::Context;
use crate::domain::paths::{BACKUP_DIR, KUBERNETES_DIR};
use crate::host::removal::{self, Kept, Why};
use crate::journal::{Journal, Ownership};
use crate::state::artifacts;
use crate::state::cluster_certificates as certificates;
use std::path::{Path, PathBuf};

/// Endings of files that anybody may read.
const PUBLIC: [&str; 3] = ["crt", "csr", "pub"];

/// Removes it; what stays of it is noted.
///
/// # Errors
/// When a folder on the way cannot be looked into.
pub fn discard(cx: &mut Context, path: &Path) -> Result<()> {
    let removed = removal::remove(&cx.host, &artifacts::own_folder(cx, path)?, path)?;
    if removed.kept.is_empty() {
        return Ok(());
    }
    let may_follow = is_the_clusters(cx, path)?;
    let mut stays = Vec::new();
    for kept in removed.kept {
        match real_place(cx, path, &kept)?.filter(|_| may_follow) {
            Some(real) => stays.extend(follow(cx, path, &real, &kept)?),
            None => stays.push(kept),
        }
    }
    for kept in stays {
        note(cx, path, kept)?;
    }
    Ok(())
}

/// True for what gives access to the cluster, or starts its components again. Public files beside it do not matter.
fn gives_access(cx: &Context, path: &Path) -> Result<bool> {
    let pki = artifacts::certificates_dir(cx)?;
    let mut folders = [KUBERNETES_DIR, BACKUP_DIR, artifacts::KUBELET_PKI].iter().map(Path::new).chain([pki.as_path()]);
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let is_own = folders.any(|folder| path.starts_with(folder)) || ending == "key";
    Ok(is_own && !PUBLIC.contains(&ending))
}

/// True when a link or a mount on the way to it makes no doubt of whose it is. A directory that is called like that of
/// the certificates may be somebody's, unless a component of the cluster uses what is in it.
fn is_the_clusters(cx: &Context, path: &Path) -> Result<bool> {
    if !gives_access(cx, path)? && !path.starts_with(KUBERNETES_DIR) {
        return Ok(false);
    }
    let pki = artifacts::certificates_dir(cx)?;
    if !path.starts_with(&pki) {
        return Ok(true);
    }
    let is_in = |path: &PathBuf| path.starts_with(&pki);
    Ok(certificates::named(&cx.files)?.iter().any(is_in) || Journal::load(&cx.files)?.files().keys().any(is_in))
}

/// Where something of the cluster is that a link leads to; None where nothing leads to it, or where it may be
/// somebody's own file, which nothing of the cluster names.
fn real_place(cx: &Context, path: &Path, kept: &Kept) -> Result<Option<PathBuf>> {
    let Ok(real) = cx.files.real(path) else { return Ok(None) };
    let follows = match &kept.why {
        Why::BehindLink(_) => true,
        Why::Link(_) if !real.is_file() => false,
        Why::Link(_) => {
            certificates::named(&cx.files)?.contains(path)
                || Journal::load(&cx.files)?.ownership(&cx.files, path)? == Ownership::Ours
        }
        _ => false,
    };
    let on_host = real.strip_prefix(cx.files.root()).ok().map(|real| Path::new("/").join(real));
    Ok(on_host.filter(|_| follows))
}

fn follow(cx: &Context, path: &Path, real: &Path, kept: &Kept) -> Result<Vec<Kept>> {
    let removed = removal::remove(&cx.host, real.parent().unwrap_or(real), real)?;
    if !removed.kept.is_empty() {
        return Ok(removed.kept);
    }
    // A link to a file goes with the file; one to a directory may serve others.
    let place = path.parent().and_then(|folder| cx.files.real(folder).ok()).zip(path.file_name());
    if let Some((folder, name)) = place
        && let Ok(folder) = folder.strip_prefix(cx.files.root())
    {
        removal::remove_link(&cx.host, &Path::new("/").join(folder).join(name))?;
    }
    Ok(match &kept.why {
        Why::BehindLink(link) => vec![Kept { path: link.clone(), why: Why::Emptied }],
        _ => Vec::new(),
    })
}

fn note(cx: &mut Context, wanted: &Path, kept: Kept) -> Result<()> {
    let is_certain = !matches!(kept.why, Why::Mount | Why::BehindLink(_)) || is_the_clusters(cx, wanted)?;
    // What keeps it may be on the way to it.
    let path = if wanted.starts_with(&kept.path) { wanted } else { &kept.path };
    if kept.why != Why::Emptied && is_certain && gives_access(cx, path)? {
        let exposed = Kept { path: path.to_path_buf(), why: kept.why.clone() };
        let leaving = cx.leaving_mut()?;
        if !leaving.exposed.contains(&exposed) {
            leaving.exposed.push(exposed);
        }
    }
    let leaving = cx.leaving_mut()?;
    if !leaving.kept.contains(&kept) {
        leaving.kept.push(kept);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
