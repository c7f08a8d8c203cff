//! Everything that `doctor` finds out about this host and its cluster.
//!
//! Reads: what `status` and the checks of preflight read, files of this host. Writes: with a fix what can be fixed while Pods run.

use crate::base::fault::Result;
use crate::checks::fix::Fixed;
use crate::checks::{Report, Role};
use crate::cli::session::Session;
use crate::cli::status;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::context::Context;
use crate::phases::preflight::{self, Subject};
use crate::report::ChangeList;
use crate::state::doctor::{self, Findings, of_running_host};
use crate::state::status::{Chosen, Status};
use crate::state::{current_config, stored_config};
use std::path::Path;

/// Whether what can be fixed is fixed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fixing {
    No,
    Plan,
    Apply,
}

/// Everything that was found out.
pub struct Examined {
    pub status: Status,
    pub findings: Findings,
    /// The configuration that is stored in the cluster, if it can be read.
    pub stored: Option<ClusterConfig>,
    pub fixed: Vec<Fixed>,
    pub changed: ChangeList,
}

pub fn examine(kubeconfig: Option<&Path>, fixing: Fixing, session: &Session) -> Result<Examined> {
    let (status, chosen) = status::take(kubeconfig, session)?;
    let now = session.env.clock.now();
    let mut findings = Findings::of_status(&status, now);
    let (mut fixed, mut changed, mut stored) = (Vec::new(), ChangeList::new(Vec::new()), None);
    if chosen.host {
        let mut looking = session.context(false);
        let (own, node) = current_config::from_host(&looking)?;
        stored = stored_config(&mut looking, &chosen, &status);
        let cluster = stored.clone().unwrap_or(own);
        let seen = checked(&cluster, &node, stored.is_some(), &status, fixing, session)?;
        findings.add_report(&seen.report);
        (fixed, changed) = (seen.fixed, seen.changed);
        findings.add("Files", doctor::files(&looking, &cluster.certificates_dir).map_err(|e| e.to_string()));
        if status.view.host.as_ref().is_some_and(|host| host.control_plane) {
            findings.add("ManifestsAndConfiguration", edits(stored.as_ref(), node, session));
        }
    }
    Ok(Examined { status, findings: findings.sorted(), stored, fixed, changed })
}

/// The configuration that is stored in the cluster. An API that does not respond is asked once only.
fn stored_config(cx: &mut Context, chosen: &Chosen, status: &Status) -> Option<ClusterConfig> {
    let path = chosen.path.as_ref().filter(|_| status.view.api.as_ref().is_some_and(|api| api.responds))?;
    let cluster = cx.hasty_cluster(path).ok()?;
    stored_config::read(cx, &cluster).ok().flatten()
}

/// What the checks of preflight found, and what was fixed.
struct Checked {
    report: Report,
    fixed: Vec<Fixed>,
    changed: ChangeList,
}

fn checked(
    cluster: &ClusterConfig,
    node: &NodeConfig,
    is_stored: bool,
    status: &Status,
    fixing: Fixing,
    session: &Session,
) -> Result<Checked> {
    let control_plane = status.view.host.as_ref().is_some_and(|host| host.control_plane);
    let cx = session.context(fixing == Fixing::Plan).configured(cluster.clone(), node.clone());
    let subject = Subject {
        role: if control_plane { Role::ControlPlane } else { Role::Worker },
        cluster: cluster.clone(),
        api_host: None,
        ca_cert_path: None,
        certs_downloaded: true,
        images: Vec::new(),
        adopted: Vec::new(),
        adopt_etcd_data: false,
        pod_network: None,
        not_compared: false,
    };
    let report = of_running_host(preflight::check(&cx, &subject)?, is_stored);
    if fixing == Fixing::No {
        return Ok(Checked { report, fixed: Vec::new(), changed: ChangeList::new(Vec::new()) });
    }
    let outcome = preflight::fix(&cx, &subject, report.clone())?;
    let changed = ChangeList::new(cx.host.gate.entries());
    // A dry run shows what it would fix.
    let report = if fixing == Fixing::Plan { report } else { of_running_host(outcome.after, is_stored) };
    Ok(Checked { report, fixed: outcome.fixed, changed })
}

/// Manifests that differ from the stored configuration.
fn edits(
    stored: Option<&ClusterConfig>,
    node: NodeConfig,
    session: &Session,
) -> std::result::Result<Vec<doctor::Finding>, String> {
    let Some(cluster) = stored.cloned() else {
        return Err("the configuration that is stored in the cluster cannot be read".into());
    };
    let mut cx = session.context(false).configured(cluster.clone(), node);
    doctor::edits(&mut cx, &cluster).map_err(|failure| failure.to_string())
}
