//! Restores the files that a run replaced, if a component cannot run with the new ones.
//!
//! Reads: the content of the files before this run. Writes: those files, with their former modes.

use crate::base::fault::Result;
use crate::base::files::Content;
use crate::context::renewal::Kept;
use crate::context::{Renewal, Run};
use crate::domain::paths::{ADMIN_CONF, BACKUP_DIR, SUPER_ADMIN_CONF};
use crate::pki::Pair;
use crate::pki::catalog::CERTS;
use crate::state::renewable::Row;
use std::path::{Path, PathBuf};

/// The result of a rollback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollback {
    /// This run changed none of the files.
    Nothing,
    /// Nothing, because the old certificates have expired.
    Expired,
    /// Every file that this run changed.
    Done,
}

impl Rollback {
    /// The end of an error message about a component; `restart` restarts it with the restored files.
    pub fn then(self, restart: impl FnOnce() -> Result<()>) -> String {
        match self {
            Self::Nothing => {
                format!(
                    "this run did not change the files of the component; backups of files that earlier runs replaced \
                     are in {BACKUP_DIR}"
                )
            }
            Self::Expired => "the old files have expired, so the new ones were kept".to_owned(),
            Self::Done => match restart() {
                Ok(()) => "the old files were restored and are in use".to_owned(),
                Err(again) => format!("the old files were restored, but {again}"),
            },
        }
    }
}

/// Restores those of the files that this run changed; a key together with its certificate.
pub fn restore<P>(cx: &mut Run<Renewal<P>>, paths: &[PathBuf]) -> Result<Rollback> {
    let changed = changed(cx, paths)?;
    if changed.is_empty() {
        return Ok(Rollback::Nothing);
    }
    if is_expired(cx, paths)? {
        return Ok(Rollback::Expired);
    }
    let store = cx.pki()?;
    let find = |path: &Path| changed.iter().find(|kept| kept.path == path);
    let mut done: Vec<&Path> = Vec::new();
    for spec in CERTS {
        if let (Some(key), Some(cert)) = (find(&store.key_path(spec)), find(&store.cert_path(spec))) {
            store.restore(spec, &Pair::new(cert.bytes.expose(), key.bytes.expose()), key.mode, cert.mode)?;
            done.extend([key.path.as_path(), &cert.path]);
        }
    }
    for kept in changed.iter().filter(|kept| !done.contains(&kept.path.as_path())) {
        let content = Content::secret(kept.bytes.expose().as_slice(), "(earlier content, not shown)\n");
        cx.host.files.write(&kept.path, &content, kept.mode)?;
    }
    Ok(Rollback::Done)
}

/// The kubeconfigs of administrators.
pub fn admin_files() -> Vec<PathBuf> {
    vec![ADMIN_CONF.into(), SUPER_ADMIN_CONF.into()]
}

fn changed<P>(cx: &Run<Renewal<P>>, paths: &[PathBuf]) -> Result<Vec<Kept>> {
    let mut changed = Vec::new();
    for kept in cx.work.kept.iter().filter(|kept| paths.contains(&kept.path)) {
        if cx.host.files.read(&kept.path)?.as_deref() != Some(kept.bytes.expose()) {
            changed.push(kept.clone());
        }
    }
    Ok(changed)
}

/// True if one of the files differs from what this run found.
pub fn is_changed<P>(cx: &Run<Renewal<P>>, paths: &[PathBuf]) -> Result<bool> {
    Ok(!changed(cx, paths)?.is_empty())
}

/// True if a restored certificate would be expired.
fn is_expired<P>(cx: &mut Run<Renewal<P>>, paths: &[PathBuf]) -> Result<bool> {
    let now = cx.host.clock.now();
    let expired: Vec<&str> =
        cx.work.renewed.iter().filter(|one| one.old.not_after <= now).map(|one| one.name).collect();
    for name in expired {
        if Row::named(name)?.files(cx)?.iter().any(|file| paths.contains(file)) {
            return Ok(true);
        }
    }
    Ok(false)
}
