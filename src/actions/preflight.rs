//! The checks before anything changes, mending what the user lets us mend, and the images.
//!
//! Reads: the host, the configuration, what earlier runs left. Writes: with `--fix`, what can be mended; and it
//! starts to pull the images, which goes on while certificates and files are made.

use super::join::earlier;
use super::manifest;
use crate::base::fault::Result;
use crate::checks::{self, Consequence, Finding, Inputs, Report, Rerun, Role, Severity, fix};
use crate::config::images;
use crate::context::{Context, Joining, Task};
use crate::journal::Journal;
use crate::pipeline::{Action, Target};

/// See the module's text.
pub struct Preflight;

impl Action for Preflight {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let images = images_to_run(cx)?;
        let mut report = check(cx, &images)?;
        if cx.mends() {
            report = mend(cx, &images, report)?;
        }
        for finding in report.findings.iter().filter(|finding| finding.severity == Severity::Warning) {
            cx.events.warning(warning(finding));
        }
        report.verdict()?;
        follow(cx, &report.consequences);
        if manifest::are_all_written(cx)? {
            // The kubelet of an earlier run sees to their images, also when it has removed some to make room.
            return Ok(());
        }
        cx.start_pulls(images)
    }
}

/// Judges this host.
///
/// # Errors
/// When what earlier runs left cannot be read.
pub fn check(cx: &Context, images: &[String]) -> Result<Report> {
    let (cluster, node, facts) = (cx.cluster()?, cx.node()?, cx.facts()?);
    let (role, mut adopted) = (role(cx), manifest::as_we_write_them(cx)?);
    let joins = cx.joining().ok();
    if joins.is_some() {
        adopted.extend(earlier::files_of_this_cluster(cx)?);
    }
    let rerun = Rerun { journal: Journal::load(&cx.files)?, adopted };
    let pause = images::pause(cluster, facts).to_string();
    Ok(checks::run(&Inputs {
        host: &cx.host,
        uid: cx.uid,
        vars: &cx.vars,
        role,
        node,
        cluster: Some(cluster),
        api_host: joins.map(Joining::api_host),
        ca_cert_path: cx.join().ok().map(|join| join.ca_cert_path.as_path()),
        certs_downloaded: cx.control_plane_join().is_some_and(|join| join.certificate_key.is_some()),
        images,
        pause_image: Some(&pause),
        rerun: &rerun,
    }))
}

fn role(cx: &Context) -> Role {
    match (&cx.task, cx.control_plane_join()) {
        (Task::Join(..), None) => Role::Worker,
        (Task::Join(..), Some(_)) => Role::ControlPlane,
        _ => Role::FirstControlPlane,
    }
}

/// The images to pull ahead. A worker's kubelet pulls what Pods need as they come.
fn images_to_run(cx: &Context) -> Result<Vec<String>> {
    if role(cx) == Role::Worker { Ok(Vec::new()) } else { control_plane_images(cx) }
}

/// The names of the images that this control plane will run.
///
/// # Errors
/// When the command has no cluster configuration.
pub fn control_plane_images(cx: &Context) -> Result<Vec<String>> {
    Ok(images::all(cx.cluster()?, cx.facts()?).iter().map(ToString::to_string).collect())
}

/// Mends what can be mended and looks again. A dry run has mended nothing, so there what would have been mended
/// is taken out of the report.
fn mend(cx: &Context, images: &[String], report: Report) -> Result<Report> {
    let mut journal = Journal::load(&cx.files)?;
    for fixed in fix::apply(&cx.host, &mut journal, &report)? {
        cx.events.message(format!("{}: {}", fixed.id, fixed.what));
    }
    if let Some(after) = cx.gate.effect(|| check(cx, images))? {
        return Ok(after);
    }
    let findings = report.findings.into_iter().filter(|finding| finding.repair.is_none()).collect();
    Ok(Report { findings, ..report })
}

/// What must be set so that the cluster comes up although a check was ignored.
fn follow(cx: &mut Context, consequences: &[Consequence]) {
    for Consequence::KubeletField { field, value } in consequences {
        if cx.set_kubelet_default(field, *value) {
            cx.events.message(format!("set {field}: {value} for the kubelets, because its check is ignored"));
        }
    }
}
fn warning(finding: &Finding) -> String {
    let ignored = if finding.ignored { " (ignored)" } else { "" };
    let fix = if finding.fix.is_empty() { String::new() } else { format!("\n  fix: {}", finding.fix) };
    format!("{}{ignored}: {}{fix}", finding.id, finding.what)
}
