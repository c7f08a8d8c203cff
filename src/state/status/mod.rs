//! The state of a whole cluster, as far as this host can see it, within a few seconds.
//!
//! `look` asks the host, its certificates, etcd and the API at once, with one deadline, and makes a [`View`] of the answers;
//! `assess` finds in it what is wrong and why; `causes` is the table of everything that can be wrong, most basic first.
//! A part that did not answer is unknown, never fine.
//!
//! Reads: what these files name. Writes: nothing.

mod assess;
mod causes;
mod certificates;
mod clock;
mod cluster;
mod etcd;
#[cfg(test)]
pub mod fixture;
mod host;
mod kubeconfig;
mod look;
mod objects;
mod under_way;
mod view;

pub use causes::{Cause, ROWS, Row, Severity};
pub use kubeconfig::{Chosen, choose};
pub use look::look;
pub use view::{
    Addon, Api, Certificate, Certificates, Component, ComponentState, ControlPlane, Disk, Etcd, HostView, Manifest,
    ManifestState, Member, Node, PodNetwork, Service, Tokens, Unknown, View, Work,
};

use crate::pki::moment;
use serde::Serialize;

/// The version of the JSON form; it changes when a field is removed or gets another meaning.
pub const API_VERSION: &str = "status.kubewright.io/v1";

/// What was seen, and what is wrong.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    kind: &'static str,
    api_version: &'static str,
    /// When this was seen, in RFC 3339.
    pub at: String,
    /// The severity of the worst cause.
    pub severity: Severity,
    /// What is wrong, the first cause first.
    pub causes: Vec<Cause>,
    #[serde(flatten)]
    pub view: View,
}

impl Status {
    /// Assesses a view at a time in seconds since the epoch.
    pub fn of(view: View, now: i64) -> Self {
        let causes = assess::causes(&view, now);
        let severity = causes.iter().map(|cause| cause.severity).max().unwrap_or_default();
        Self { kind: "Status", api_version: API_VERSION, at: moment::text(now), severity, causes, view }
    }
}
