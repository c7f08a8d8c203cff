//! What the commands on certificates have to know first: the cluster, this node, and where copies go.

use crate::base::fault::Result;
use crate::cli::session::Session;
use crate::context::Task;
use crate::context::renewal::Renewal;
use crate::domain::paths::ADMIN_CONF;
use crate::domain::paths::BACKUP_DIR;
use crate::pki::moment;
use crate::state::current_config::{self, Known, Source};
use std::path::{Path, PathBuf};

/// A task without anything to do yet, and where its configuration is from.
///
/// # Errors
/// When a given configuration is wrong, or files of this host cannot be read.
pub fn task(
    session: &mut Session,
    given: Option<(String, Vec<u8>)>,
    kubeconfig: &Path,
    cert_dir: Option<&PathBuf>,
) -> Result<(Source, Renewal)> {
    let kubeconfig = session.env.cwd.join(kubeconfig);
    let cert_dir = cert_dir.map(|dir| session.env.cwd.join(dir));
    // This context only looks; the one that works has no connection from before.
    let mut looking = session.context(Task::None, false);
    let Known { cluster, node, source } = current_config::find(&mut looking, given, &kubeconfig, cert_dir.as_ref())?;
    Ok((source, Renewal::new(cluster, node, backup(session))))
}

/// The same with the administrator's kubeconfig and nothing given.
///
/// # Errors
/// As [`task`].
pub fn own(session: &mut Session) -> Result<(Source, Renewal)> {
    task(session, None, Path::new(ADMIN_CONF), None)
}

/// The folder for copies of what this run replaces: one that no earlier run has, also none of the same second.
pub fn backup(session: &Session) -> PathBuf {
    let files = session.context(Task::None, false).files;
    let stamp = moment::text(session.env.clock.now()).replace([':', '-'], "");
    let plain = Path::new(BACKUP_DIR).join(format!("certs-{stamp}"));
    let others = (2..100).map(|nth| Path::new(BACKUP_DIR).join(format!("certs-{stamp}-{nth}")));
    std::iter::once(plain.clone()).chain(others).find(|folder| !files.exists(folder)).unwrap_or(plain)
}
