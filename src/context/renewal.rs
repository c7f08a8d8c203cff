//! What `certs renew` and its relatives were asked for, and what they have renewed so far.

use super::rotation::Rotation;
use super::{Context, Missing, Task};
use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::pki::Cert;
use crate::pki::renew::Names;
use std::path::{Path, PathBuf};

/// See the module's text.
pub struct Renewal {
    /// The cluster, as far as it is known.
    pub cluster: ClusterConfig,
    /// This host as a node of it.
    pub node: NodeConfig,
    /// The one thing to renew; None: everything.
    pub only: Option<String>,
    /// Which names renewed certificates are valid for.
    pub names: Names,
    /// Where what was there before is kept.
    pub backup: PathBuf,
    /// Certificates that were signed elsewhere, and are to be taken in.
    pub signed: Vec<Signed>,
    /// Where kubeconfigs lie.
    pub kubeconfig_dir: PathBuf,
    /// The change of CA that this belongs to.
    pub rotation: Option<Rotation>,
    /// What was renewed.
    pub renewed: Vec<Renewed>,
    /// The files that this run changes, as it found them.
    pub kept: Vec<Kept>,
}

/// A certificate that was signed elsewhere.
pub struct Signed {
    /// Its name for `certs renew`.
    pub name: &'static str,
    /// PEM: the certificate, then intermediates if there are any.
    pub pem: Vec<u8>,
}

/// A certificate before and after.
pub struct Renewed {
    /// Its name for `certs renew`.
    pub name: &'static str,
    /// The old certificate.
    pub old: Cert,
    /// The new certificate.
    pub new: Cert,
    /// When that was, in seconds since the epoch.
    pub at: i64,
}

/// A file as this run found it.
#[derive(Clone)]
pub struct Kept {
    /// Where it is.
    pub path: PathBuf,
    /// Its content, which may be a key.
    pub bytes: Secret<Vec<u8>>,
    /// Its permission bits.
    pub mode: u32,
}

impl Renewal {
    /// A task without anything to do yet: every name, kept as it is.
    pub fn new(cluster: ClusterConfig, node: NodeConfig, backup: PathBuf) -> Self {
        Self {
            cluster,
            node,
            only: None,
            names: Names::Keep,
            backup,
            signed: Vec::new(),
            kubeconfig_dir: "/etc/kubernetes".into(),
            rotation: None,
            renewed: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// True when `name` is to be renewed.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == name)
    }
}

impl Context {
    /// What `certs renew` was asked for.
    ///
    /// # Errors
    /// When the command is another.
    pub fn renewal(&self) -> Result<&Renewal> {
        match &self.task {
            Task::Renew(renewal) => Ok(renewal),
            _ => Err(Missing("what to renew").into()),
        }
    }

    /// Keeps a file as it is now, for putting it back; what was kept before stays. Does nothing where there is none.
    ///
    /// # Errors
    /// When the command is another, or the file cannot be read.
    pub fn keep(&mut self, path: &Path) -> Result<()> {
        let Task::Renew(renewal) = &mut self.task else { return Err(Missing("what to renew").into()) };
        if renewal.kept.iter().any(|kept| kept.path == path) {
            return Ok(());
        }
        if let Some(bytes) = self.files.read(path)?.map(Secret::new) {
            let mode = self.files.mode(path).unwrap_or(0o600);
            renewal.kept.push(Kept { path: path.to_path_buf(), bytes, mode });
        }
        Ok(())
    }

    /// Notes that something was renewed.
    ///
    /// # Errors
    /// When the command is another.
    pub fn note_renewed(&mut self, renewed: Renewed) -> Result<()> {
        match &mut self.task {
            Task::Renew(renewal) => renewal.renewed.push(renewed),
            _ => return Err(Missing("what to renew").into()),
        }
        Ok(())
    }
}
