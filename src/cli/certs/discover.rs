//! Discovers what the certificate commands need: the cluster, this node, and the backup directory.

use crate::base::fault::Result;
use crate::cli::session::Session;
use crate::context::Task;
use crate::context::renewal::Renewal;
use crate::domain::paths::ADMIN_CONF;
use crate::state::backups;
use crate::state::current_config::{self, CurrentConfig, Source};
use std::path::{Path, PathBuf};

/// A task without any work yet, and the source of its configuration.
pub fn task(
    session: &mut Session,
    given: Option<(String, Vec<u8>)>,
    kubeconfig: &Path,
    cert_dir: Option<&PathBuf>,
) -> Result<(Source, Renewal)> {
    let kubeconfig = session.env.cwd.join(kubeconfig);
    let cert_dir = cert_dir.map(|dir| session.env.cwd.join(dir));
    // Only reads. The context that makes changes opens its own connection.
    let mut looking = session.context(Task::None, false);
    let CurrentConfig { cluster, node, source } =
        current_config::find(&mut looking, given, &kubeconfig, cert_dir.as_ref())?;
    Ok((source, Renewal::new(cluster, node, backup(session))))
}

/// [`task`] with admin.conf and without given values.
pub fn own(session: &mut Session) -> Result<(Source, Renewal)> {
    task(session, None, Path::new(ADMIN_CONF), None)
}

/// The directory for copies of the files this run replaces. No earlier run has used it, even one in the same second.
pub fn backup(session: &Session) -> PathBuf {
    backups::new_directory(&session.context(Task::None, false).files, "certs", session.env.clock.now())
}
