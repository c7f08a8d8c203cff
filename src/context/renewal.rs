//! The options of `certs renew` and related commands, and what they have renewed so far.

use super::rotation::{Rotation, Stage};
use super::upgrading::HostUpgrade;
use super::{Context, Run};
use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::domain::paths::KUBERNETES_DIR;
use crate::pki::Cert;
use crate::pki::renew::Names;
use std::path::{Path, PathBuf};

/// A renewal, for a purpose that has options and results of its own.
pub struct Renewal<P = ()> {
    pub purpose: P,
    /// The one thing to renew; None: everything.
    pub only: Option<String>,
    /// The SANs of renewed certificates.
    pub names: Names,
    /// The directory for backups.
    pub backup: PathBuf,
    /// Certificates to import, which an external CA signed.
    pub signed: Vec<Signed>,
    /// The directory of the kubeconfig files.
    pub kubeconfig_dir: PathBuf,
    /// What was renewed.
    pub renewed: Vec<Renewed>,
    /// The files that this run changes, as they were before.
    pub kept: Vec<Kept>,
}

/// A CA rotation on this host, which renews the certificates that the CAs sign.
pub type Rotating = Renewal<Rotation>;

/// An upgrade of this host, which renews certificates with the static Pods.
pub type Upgrading = Renewal<HostUpgrade>;

/// Why certificates are renewed.
pub trait Purpose {
    /// True for the stage that ends a CA rotation.
    fn ends_rotation(&self) -> bool {
        false
    }
}

/// Only to renew them: `certs renew`, `certs import`, `certs add-san`.
impl Purpose for () {}

impl Purpose for HostUpgrade {}

impl Purpose for Rotation {
    fn ends_rotation(&self) -> bool {
        self.stage == Stage::Drop
    }
}

/// A certificate that an external CA signed.
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
    /// The time of the renewal, in seconds since the epoch.
    pub at: i64,
}

/// A file as it was before this run.
#[derive(Clone)]
pub struct Kept {
    /// Where it is.
    pub path: PathBuf,
    /// Its content, which may be a key.
    pub bytes: Secret<Vec<u8>>,
    /// Its permission bits.
    pub mode: u32,
}

impl<P> Renewal<P> {
    /// No certificate selected, SANs unchanged.
    pub fn new(purpose: P, backup: PathBuf) -> Self {
        Self {
            purpose,
            only: None,
            names: Names::Keep,
            backup,
            signed: Vec::new(),
            kubeconfig_dir: KUBERNETES_DIR.into(),
            renewed: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// True when `name` is to be renewed.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == name)
    }
}

impl<P> Run<Renewal<P>> {
    /// A renewal on this host.
    pub fn renewing(cx: Context, cluster: ClusterConfig, node: NodeConfig, work: Renewal<P>) -> Self {
        let mut cx = cx.configured(cluster, node);
        cx.backup = Some(work.backup.clone());
        Self { cx, work }
    }

    /// Backs up the current content of a file; an earlier backup stays. Does nothing if the file does not exist.
    pub fn keep(&mut self, path: &Path) -> Result<()> {
        if self.work.kept.iter().any(|kept| kept.path == path) {
            return Ok(());
        }
        if let Some(bytes) = self.host.files.read(path)?.map(Secret::new) {
            let mode = self.host.files.mode(path).unwrap_or(0o600);
            self.work.kept.push(Kept { path: path.to_path_buf(), bytes, mode });
        }
        Ok(())
    }
}
