//! The options of `certs renew` and related commands, and what they have renewed so far.

use super::rotation::Rotation;
use super::upgrading::HostUpgrade;
use crate::base::secret::Secret;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::pki::Cert;
use crate::pki::renew::Names;
use std::path::PathBuf;

pub struct Renewal {
    /// The cluster configuration, as far as it is known.
    pub cluster: ClusterConfig,
    /// The node configuration of this host.
    pub node: NodeConfig,
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
    /// The CA rotation that this belongs to.
    pub rotation: Option<Rotation>,
    /// The upgrade that this belongs to.
    pub upgrade: Option<HostUpgrade>,
    /// What was renewed.
    pub renewed: Vec<Renewed>,
    /// The files that this run changes, as they were before.
    pub kept: Vec<Kept>,
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

impl Renewal {
    /// An empty task: no certificate selected, SANs unchanged.
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
            upgrade: None,
            renewed: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// True when `name` is to be renewed.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == name)
    }
}
