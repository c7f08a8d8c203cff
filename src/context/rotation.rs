//! The options and the state of `certs rotate-ca`.

use super::Missing;
use crate::base::secret::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A stage of a CA rotation. Every host has to complete it before the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// All components trust the new CAs in addition to the old ones.
    Trust,
    /// The new CAs sign all certificates.
    Reissue,
    /// The old CAs are no longer trusted.
    Drop,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 3] = [Self::Trust, Self::Reissue, Self::Drop];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Reissue => "reissue",
            Self::Drop => "drop",
        }
    }

    /// The stage of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }

    /// The stage that every host must have completed before; None for the first.
    pub fn before(self) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|stage| *stage < self)
    }
}

/// A CA rotation, as it is stored in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// A unique name of this rotation.
    pub id: String,
    /// The start time, in seconds since the epoch.
    pub begun: i64,
    /// What is rotated (`ca`, `front-proxy-ca`, `etcd-ca`, `sa`), each with the digest of the new public key.
    pub prints: BTreeMap<String, String>,
}

/// The digits of a SHA-256 hash.
const DIGEST: usize = 64;

impl Plan {
    /// Earlier versions recorded twelve digits of each digest, which prove nothing.
    pub fn is_of_earlier_version(&self) -> bool {
        self.prints.values().any(|print| print.len() < DIGEST)
    }
}

pub struct Rotation {
    /// The stage.
    pub stage: Stage,
    /// False on a worker.
    pub control_plane: bool,
    /// What to rotate, if this run begins the rotation; empty: everything.
    pub chosen: Vec<String>,
    /// Nodes that no longer exist and are not waited for.
    pub without: Vec<String>,
    /// The certificate key that encrypts the new keys in the cluster, if it was given.
    pub certificate_key: Option<Secret<String>>,
    /// Do not wait until tokens that the old key signed have expired.
    pub now: bool,
    /// The current rotation, once known.
    pub plan: Option<Plan>,
    /// True when this host has already completed the stage or does not take part in it.
    pub done: bool,
}

impl Rotation {
    /// The current rotation.
    pub fn begun(&self) -> Result<Plan, Missing> {
        self.plan.clone().ok_or(Missing("a CA rotation that has begun"))
    }

    /// A stage with default options.
    pub fn new(stage: Stage, control_plane: bool) -> Self {
        Self {
            stage,
            control_plane,
            chosen: Vec::new(),
            without: Vec::new(),
            certificate_key: None,
            now: false,
            plan: None,
            done: false,
        }
    }
}
