//! Discovers what the certificate commands need: the cluster, this node, and the backup directory.

use crate::base::fault::Result;
use crate::cli::session::Session;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::context::{Renewal, Run};
use crate::domain::paths::ADMIN_CONF;
use crate::state::backups;
use crate::state::current_config::{self, CurrentConfig, Source};
use std::path::{Path, PathBuf};

/// What is renewed: the cluster, and this host as a node of it.
pub struct Found {
    pub source: Source,
    pub cluster: ClusterConfig,
    pub node: NodeConfig,
    pub backup: PathBuf,
}

impl Found {
    /// A run that renews its certificates, of which none is selected yet.
    pub fn run<P>(self, purpose: P, dry_run: bool, session: &Session) -> Run<Renewal<P>> {
        let work = Renewal::new(purpose, self.backup);
        Run::renewing(session.context(dry_run), self.cluster, self.node, work)
    }
}

pub fn find(
    session: &mut Session,
    given: Option<(String, Vec<u8>)>,
    kubeconfig: &Path,
    cert_dir: Option<&PathBuf>,
) -> Result<Found> {
    let kubeconfig = session.env.cwd.join(kubeconfig);
    let cert_dir = cert_dir.map(|dir| session.env.cwd.join(dir));
    // Only reads. The context that makes changes opens its own connection.
    let mut looking = session.context(false);
    let CurrentConfig { cluster, node, source } =
        current_config::find(&mut looking, given, &kubeconfig, cert_dir.as_ref())?;
    Ok(Found { source, cluster, node, backup: backup(session) })
}

/// [`find`] with admin.conf and without given values.
pub fn own(session: &mut Session) -> Result<Found> {
    find(session, None, Path::new(ADMIN_CONF), None)
}

/// The directory for copies of the files this run replaces. No earlier run has used it, even one in the same second.
pub fn backup(session: &Session) -> PathBuf {
    backups::new_directory(&session.context(false).host.files, "certs", session.env.clock.now())
}
