//! A cluster as its file describes it.

use super::host::{HostEntry, Role};
use crate::config::schema::{Document, Kind};

/// A cluster as its file describes it.
#[derive(Clone, Debug)]
pub struct ClusterFile {
    /// In the file's order.
    pub hosts: Vec<HostEntry>,
    pub limits: Limits,
    /// What a new cluster gets.
    pub pod_network: Option<GivenNetwork>,
    /// The directory on the hosts with the packages of releases.
    pub packages: Option<String>,
    pub renew: Renew,
    /// kubeadm's and the components' documents, unchanged.
    pub(super) documents: Vec<Document>,
}

/// The pod network of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenNetwork {
    /// `flannel`, or the path or address of a manifest, which this machine reads.
    pub given: String,
    /// The manifest, once it was read.
    pub manifest: Option<String>,
}

/// How much happens at once, and how much may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub parallel: usize,
    pub failures: Failures,
    /// Workers whose kubelet is replaced.
    pub upgrades: usize,
}

/// When certificates are renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renew {
    /// As `certs renew --within` takes it.
    pub within: String,
    /// The same in seconds.
    pub seconds: i64,
}

/// How many workers may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failures {
    Number(usize),
    Percent(usize),
}

impl Failures {
    /// The number for this many workers. A share is at least one.
    pub fn of(self, workers: usize) -> usize {
        match self {
            Self::Number(number) => number,
            Self::Percent(percent) => (workers.saturating_mul(percent) / 100).max(1),
        }
    }
}

impl ClusterFile {
    /// The document of a kind.
    pub fn document(&self, kind: Kind) -> Option<&Document> {
        self.documents.iter().find(|document| document.kind == kind)
    }

    /// The control planes, in the file's order.
    pub fn control_planes(&self) -> impl Iterator<Item = &HostEntry> {
        self.hosts.iter().filter(|host| host.role == Role::ControlPlane)
    }
}
