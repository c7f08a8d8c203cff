//! What `certs rotate-ca` was asked for, and what it has found out so far.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A step of a change of CA that every host has to have done before the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Everybody trusts the new authorities beside the old ones.
    Trust,
    /// Everything is signed by the new ones.
    Reissue,
    /// Nobody trusts the old ones any more.
    Drop,
}

impl Stage {
    /// All of them, in their order.
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

    /// The stage that every host must have done before; None for the first.
    pub fn before(self) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|stage| *stage < self)
    }
}

/// A change of CA, as the cluster knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// A name for this change, unlike any before.
    pub id: String,
    /// When it began, in seconds since the epoch.
    pub begun: i64,
    /// What is changed (`ca`, `front-proxy-ca`, `etcd-ca`, `sa`), each with the print of the new key.
    pub prints: BTreeMap<String, String>,
}

/// See the module's text.
pub struct Rotation {
    /// The stage.
    pub stage: Stage,
    /// False on a worker.
    pub control_plane: bool,
    /// What is to be changed, where this run begins the change; empty: all of it.
    pub chosen: Vec<String>,
    /// Nodes that are gone for good and not waited for.
    pub without: Vec<String>,
    /// Do not wait until tokens that the old key has signed have ended.
    pub now: bool,
    /// The change that is going on, once it is known.
    pub plan: Option<Plan>,
    /// True when this host has done the stage before, or has no part in it.
    pub done: bool,
}

impl Rotation {
    /// A run of a stage that nothing more is known of.
    pub fn new(stage: Stage, control_plane: bool) -> Self {
        Self { stage, control_plane, chosen: Vec::new(), without: Vec::new(), now: false, plan: None, done: false }
    }
}
