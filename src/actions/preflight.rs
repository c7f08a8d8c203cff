//! The checks before anything changes, mending what the user lets us mend, and the images.
//!
//! Reads: the host, the configuration, what earlier runs left. Writes: with `--fix`, what can be mended; and it
//! starts to pull the images, which goes on while certificates and files are made.

use super::manifest;
use crate::base::fault::Result;
use crate::checks::{self, Consequence, Finding, Inputs, Report, Rerun, Role, Severity, fix};
use crate::config::images;
use crate::context::{Context, Task};
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
        let images = control_plane_images(cx)?;
        let mut report = check(cx, &images)?;
        if cx.init()?.1.fix {
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
    let rerun = Rerun { journal: Journal::load(&cx.files)?, adopted: manifest::as_we_write_them(cx)? };
    let pause = images::pause(cluster, facts).to_string();
    Ok(checks::run(&Inputs {
        host: &cx.host,
        uid: cx.uid,
        vars: &cx.vars,
        role: Role::FirstControlPlane,
        node,
        cluster: Some(cluster),
        api_host: None,
        ca_cert_path: None,
        certs_downloaded: false,
        images,
        pause_image: Some(&pause),
        rerun: &rerun,
    }))
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
    let Task::Init(init, _) = &mut cx.task else { return };
    for Consequence::KubeletField { field, value } in consequences {
        if !init.cluster.kubelet.contains_key(*field) {
            init.cluster.kubelet.insert((*field).to_owned(), (*value).into());
            cx.events.message(format!("set {field}: {value} for the kubelets, because its check is ignored"));
        }
    }
}

fn warning(finding: &Finding) -> String {
    let ignored = if finding.ignored { " (ignored)" } else { "" };
    let fix = if finding.fix.is_empty() { String::new() } else { format!("\n  fix: {}", finding.fix) };
    format!("{}{ignored}: {}{fix}", finding.id, finding.what)
}
