//! What `certs renew` and its relatives were asked for, and what they have renewed so far.

use super::rotation::Rotation;
use super::{Context, Missing, Task};
use crate::base::fault::Result;
use crate::config::kubeconfig::Kubeconfig;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::pki::renew::Names;
use crate::pki::{Cert, CertSpec, Pair};
use std::path::PathBuf;

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
    /// The files as they were.
    pub before: Before,
}

/// Files as they were before a renewal.
pub enum Before {
    /// A certificate and its key.
    Pair(&'static CertSpec, Pair),
    /// A kubeconfig.
    Kubeconfig(PathBuf, Box<Kubeconfig>),
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
