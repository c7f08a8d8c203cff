//! `doctor`: what is wrong with this host and its cluster, why, and what to do; `doctor report` writes an archive for others.
//!
//! Reads: what `status` and the checks of preflight read, files and logs of this host. Writes: with `--fix` what can be fixed
//! while Pods run; the archive.

mod archive;
mod contents;

use super::args::status::{DoctorArgs, DoctorCommand};
use super::session::Session;
use super::status;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::checks::fix::Fixed;
use crate::checks::{Report, Role};
use crate::config::model::{ClusterConfig, InitConfig, NodeConfig};
use crate::context::upgrading::Upgrading;
use crate::context::{Context, InitOptions, Task};
use crate::phases::preflight::{self, Subject};
use crate::report::{self, ChangeList, count};
use crate::state::doctor::{self, Findings, Severity, of_running_host};
use crate::state::status::{Chosen, Status};
use crate::state::{current_config, stored_config};
use serde::Serialize;
use std::path::Path;

pub fn run(args: &DoctorArgs, session: &mut Session) -> Result<ExitCode> {
    if let Some(DoctorCommand::Report(args)) = &args.command {
        return archive::run(args, session);
    }
    if args.fix {
        session.hold_host("doctor --fix", args.dry_run)?;
    }
    let Examined { findings, fixed, changed, .. } = examine(args.kubeconfig.as_deref(), Fixing::of(args), session)?;
    let text = text(&findings, &fixed, &changed, args, session);
    let code = code(&findings);
    session.print(&Outcome { findings, fixed, dry_run: args.dry_run, changed }, &text)?;
    Ok(code)
}

/// Whether what can be fixed is fixed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fixing {
    No,
    Plan,
    Apply,
}

impl Fixing {
    fn of(args: &DoctorArgs) -> Self {
        match (args.fix, args.dry_run) {
            (false, _) => Self::No,
            (true, true) => Self::Plan,
            (true, false) => Self::Apply,
        }
    }
}

/// The result of `doctor` for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    #[serde(flatten)]
    findings: Findings,
    fixed: Vec<Fixed>,
    dry_run: bool,
    changed: ChangeList,
}

/// Everything that was found out.
struct Examined {
    status: Status,
    findings: Findings,
    /// The configuration that is stored in the cluster, if it can be read.
    stored: Option<ClusterConfig>,
    fixed: Vec<Fixed>,
    changed: ChangeList,
}

fn examine(kubeconfig: Option<&Path>, fixing: Fixing, session: &Session) -> Result<Examined> {
    let (status, chosen) = status::take(kubeconfig, session)?;
    let now = session.env.clock.now();
    let mut findings = Findings::of_status(&status, now);
    let (mut fixed, mut changed, mut stored) = (Vec::new(), ChangeList::new(Vec::new()), None);
    if chosen.host {
        let mut looking = session.context(Task::None, false);
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
    let config = InitConfig {
        cluster: cluster.clone(),
        node: node.clone(),
        bootstrap_tokens: Vec::new(),
        generated_token: false,
        certificate_key: None,
    };
    let cx = session.context(Task::Init(Box::new(config), InitOptions::default()), fixing == Fixing::Plan);
    let subject = Subject {
        role: if control_plane { Role::ControlPlane } else { Role::Worker },
        cluster: cluster.clone(),
        api_host: None,
        ca_cert_path: None,
        certs_downloaded: true,
        images: Vec::new(),
    };
    let report = of_running_host(preflight::check(&cx, &subject)?, is_stored);
    if fixing == Fixing::No {
        return Ok(Checked { report, fixed: Vec::new(), changed: ChangeList::new(Vec::new()) });
    }
    let outcome = preflight::fix(&cx, &subject, report.clone())?;
    let changed = ChangeList::new(cx.gate.entries());
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
    let task = Task::Upgrade(Box::new(Upgrading { cluster: cluster.clone(), node }));
    let mut cx = session.context(task, false);
    doctor::edits(&mut cx, &cluster).map_err(|failure| failure.to_string())
}

fn text(findings: &Findings, fixed: &[Fixed], changed: &ChangeList, args: &DoctorArgs, session: &Session) -> String {
    let mut text = String::new();
    if args.dry_run {
        text += &session.plan(changed);
        text += "\n";
    } else if !fixed.is_empty() {
        text += &format!(
            "Fixed with {}; 'kubewright preflight --undo-fix' reverts it.\n\n",
            count(changed.len(), "change")
        );
    }
    text + &report::doctor::text(findings, status::width(session), session.paint())
}

fn code(findings: &Findings) -> ExitCode {
    match findings.findings.first().map(|finding| finding.severity) {
        Some(Severity::Error) => ExitCode::Unhealthy,
        Some(Severity::Warning) => ExitCode::Warning,
        Some(Severity::Note) | None => ExitCode::Ok,
    }
}
