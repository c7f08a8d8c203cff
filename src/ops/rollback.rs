//! Puts back what a run replaced, when a component cannot run with it.
//!
//! Reads: what the run kept of the files before it changed them. Writes: those files, with the modes they had.

use crate::base::fault::Result;
use crate::base::files::Content;
use crate::context::Context;
use crate::context::renewal::Kept;
use crate::domain::paths::{ADMIN_CONF, BACKUP_DIR, SUPER_ADMIN_CONF};
use crate::pki::Pair;
use crate::pki::catalog::CERTS;
use crate::state::renewable::Row;
use std::path::{Path, PathBuf};

/// What was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutBack {
    /// This run changed none of the files.
    Nothing,
    /// Nothing, because what was there before has expired.
    Expired,
    /// Every file that this run changed.
    Done,
}

impl PutBack {
    /// How the error of a component ends; `restart` has it take up what was put back.
    pub fn then(self, restart: impl FnOnce() -> Result<()>) -> String {
        match self {
            Self::Nothing => {
                format!("this run did not change its files; copies of what earlier runs replaced are in {BACKUP_DIR}")
            }
            Self::Expired => "the old files have expired, so the new ones stay".to_owned(),
            Self::Done => match restart() {
                Ok(()) => "the old files are back in place and in use".to_owned(),
                Err(again) => format!("the old files are back in place, but {again}"),
            },
        }
    }
}

/// Puts back those of the files that this run changed: a key and its certificate together.
///
/// # Errors
/// When a file cannot be read or written.
pub fn put_back(cx: &mut Context, paths: &[PathBuf]) -> Result<PutBack> {
    let changed = changed(cx, paths)?;
    if changed.is_empty() {
        return Ok(PutBack::Nothing);
    }
    if is_expired(cx, paths)? {
        return Ok(PutBack::Expired);
    }
    let store = cx.pki()?;
    let find = |path: &Path| changed.iter().find(|kept| kept.path == path);
    let mut done: Vec<&Path> = Vec::new();
    for spec in CERTS {
        if let (Some(key), Some(cert)) = (find(&store.key_path(spec)), find(&store.cert_path(spec))) {
            store.put_back(spec, &Pair::new(cert.bytes.expose(), key.bytes.expose()), key.mode, cert.mode)?;
            done.extend([key.path.as_path(), &cert.path]);
        }
    }
    for kept in changed.iter().filter(|kept| !done.contains(&kept.path.as_path())) {
        let content = Content::secret(kept.bytes.expose().as_slice(), "(what was there before, not shown)\n");
        cx.files.write(&kept.path, &content, kept.mode)?;
    }
    Ok(PutBack::Done)
}

/// The files with which an administrator enters.
pub fn admin_files() -> Vec<PathBuf> {
    vec![ADMIN_CONF.into(), SUPER_ADMIN_CONF.into()]
}

fn changed(cx: &Context, paths: &[PathBuf]) -> Result<Vec<Kept>> {
    let mut changed = Vec::new();
    for kept in cx.renewal()?.kept.iter().filter(|kept| paths.contains(&kept.path)) {
        if cx.files.read(&kept.path)?.as_deref() != Some(kept.bytes.expose()) {
            changed.push(kept.clone());
        }
    }
    Ok(changed)
}

/// True when one of the files is not as this run found it.
///
/// # Errors
/// When a file cannot be read.
pub fn is_changed(cx: &Context, paths: &[PathBuf]) -> Result<bool> {
    Ok(!changed(cx, paths)?.is_empty())
}

/// True when a certificate would be put back that has expired.
fn is_expired(cx: &mut Context, paths: &[PathBuf]) -> Result<bool> {
    let now = cx.clock.now();
    let expired: Vec<&str> =
        cx.renewal()?.renewed.iter().filter(|one| one.old.not_after <= now).map(|one| one.name).collect();
    for name in expired {
        if Row::named(name)?.files(cx)?.iter().any(|file| paths.contains(file)) {
            return Ok(true);
        }
    }
    Ok(false)
}
