//! Merges admin.conf of the cluster into a kubeconfig of this machine.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::config::kubeconfig::Kubeconfig;
use crate::fleet::link::Link;
use serde::Deserialize;
use std::path::Path;

const MODE: u32 = 0o600;

/// What `host admin-conf` prints.
#[derive(Deserialize)]
struct Answer {
    kubeconfig: String,
}

/// The files of this machine.
pub(super) fn own_files() -> HostFiles {
    HostFiles::new("/", Gate::open())
}

/// Merges, and returns the name of the context.
pub(super) fn merge(through: &Link<'_>, path: &Path) -> Result<String> {
    let answer: Answer = through.ask(&["host", "admin-conf"], &[])?;
    let admin = Kubeconfig::parse(Path::new("/etc/kubernetes/admin.conf"), answer.kubeconfig.as_bytes())?;
    let files = own_files();
    let mut merged = match files.read(path)? {
        Some(bytes) => Kubeconfig::parse(path, &bytes)?,
        None => Kubeconfig::default(),
    };
    let context = merged.merge(&admin);
    if let Some(directory) = path.parent() {
        files.create_dir(directory, 0o700)?;
    }
    files.write(path, &merged.content()?, MODE)?;
    Ok(context)
}
