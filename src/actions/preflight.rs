//! The checks before anything changes, mending what the user lets us mend, and the images.
//!
//! Reads: the host, the configuration, what earlier runs left. Writes: with `--fix`, what can be mended; and it
//! starts to pull the images, which goes on while certificates and files are made.

use super::join::earlier;
use super::manifest;
use super::standing;
use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
use crate::checks::fix::{self, Fixed, Mended};
use crate::checks::{self, Consequence, Finding, Inputs, Repair, Report, Rerun, Role, Severity};
use crate::config::images;
use crate::config::model::ClusterConfig;
use crate::context::{Context, Task};
use crate::journal::Journal;
use crate::pipeline::{Action, Target};
use crate::pki::validity;
use std::path::PathBuf;
use std::time::Duration;

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
        let subject = Subject::of(cx)?;
        let mut report = check(cx, &subject)?;
        if cx.mends() {
            report = mend(cx, &subject, report)?.after;
        }
        for finding in report.findings.iter().filter(|finding| finding.severity == Severity::Warning) {
            cx.events.warning(warning(finding));
        }
        report.verdict(subject.role)?;
        follow(cx, &report.consequences);
        if manifest::are_all_written(cx)? {
            // The kubelet of an earlier run sees to their images, also when it has removed some to make room.
            return Ok(());
        }
        cx.start_pulls(subject.images)
    }
}

/// What a host is judged as.
pub struct Subject {
    /// What it is to become.
    pub role: Role,
    /// The cluster's configuration, with what its kubelets are told.
    pub cluster: ClusterConfig,
    /// The API server that a joining host asks first, where it is known.
    pub api_host: Option<String>,
    /// Where a joining worker puts the CA certificate.
    pub ca_cert_path: Option<PathBuf>,
    /// The certificates come from the cluster, so they need not be here yet.
    pub certs_downloaded: bool,
    /// The images that it will run and that can be pulled ahead.
    pub images: Vec<String>,
}

impl Subject {
    /// What `init` or `join` makes of this host.
    fn of(cx: &Context) -> Result<Self> {
        let role = match (&cx.task, cx.control_plane_join()) {
            (Task::Join(..), None) => Role::Worker,
            (Task::Join(..), Some(_)) => Role::ControlPlane,
            _ => Role::FirstControlPlane,
        };
        let joining = cx.joining().ok();
        let mut cluster = cx.cluster()?.clone();
        if let Some(joining) = joining {
            // Of a cluster that was found the kubelets' configuration is a ConfigMap of its own; what is no mapping
            // is told by the phase that needs it.
            cluster.kubelet = serde_yaml::from_str(&joining.kubelet).unwrap_or_default();
        }
        // A worker's kubelet pulls what Pods need as they come.
        let images = if role == Role::Worker { Vec::new() } else { control_plane_images(cx)? };
        Ok(Self {
            role,
            cluster,
            api_host: joining.map(|joining| joining.api_host().to_owned()),
            ca_cert_path: cx.join().ok().map(|join| join.ca_cert_path.clone()),
            certs_downloaded: cx.control_plane_join().is_some_and(|join| join.certificate_key.is_some()),
            images,
        })
    }
}

/// Judges this host.
///
/// # Errors
/// When what earlier runs left cannot be read.
pub fn check(cx: &Context, subject: &Subject) -> Result<Report> {
    let mut adopted = manifest::as_we_write_them(cx)?;
    if cx.joining().is_ok() {
        adopted.extend(earlier::files_of_this_cluster(cx)?);
    }
    let rerun = Rerun { journal: Journal::load(&cx.files)?, adopted };
    let standing = (subject.role == Role::FirstControlPlane).then(|| standing::of(cx)).transpose()?;
    let pause = images::pause(&subject.cluster, validity::minor_of(&subject.cluster)?).to_string();
    Ok(checks::run(&Inputs {
        host: &cx.host,
        uid: cx.uid,
        vars: &cx.vars,
        role: subject.role,
        node: cx.node()?,
        cluster: Some(&subject.cluster),
        api_host: subject.api_host.as_deref(),
        ca_cert_path: subject.ca_cert_path.as_deref(),
        certs_downloaded: subject.certs_downloaded,
        images: &subject.images,
        pause_image: Some(&pause),
        rerun: &rerun,
        standing: standing.as_ref(),
    }))
}

/// The names of the images that this control plane will run.
///
/// # Errors
/// When the command has no cluster configuration.
pub fn control_plane_images(cx: &Context) -> Result<Vec<String>> {
    Ok(images::all(cx.cluster()?, cx.facts()?).iter().map(ToString::to_string).collect())
}

/// What mending came to.
pub struct Outcome {
    /// What was done, or would be.
    pub fixed: Vec<Fixed>,
    /// What is still found. A dry run has mended nothing, so there it is what mending would leave.
    pub after: Report,
}

/// Mends, as root, what can be mended and looks again. What cannot be mended is a warning; its finding stays.
///
/// # Errors
/// When what earlier runs left cannot be read.
pub fn mend(cx: &Context, subject: &Subject, report: Report) -> Result<Outcome> {
    if cx.uid != 0 {
        // Nothing of it can be done without root, and that has a finding of its own.
        return Ok(Outcome { fixed: Vec::new(), after: report });
    }
    let mut journal = Journal::load(&cx.files)?;
    let Mended { fixed, failed } = fix::apply(&cx.host, &mut journal, &report);
    for fixed in &fixed {
        cx.events.message(format!("{}: {}", fixed.id, fixed.what));
    }
    for (id, failure) in &failed {
        let why = failure.causes().iter().fold(failure.to_string(), |text, cause| format!("{text}: {cause}"));
        cx.events.warning(format!("{id}: this could not be mended: {why}"));
    }
    let after = cx.gate.effect(|| {
        wait_for_runtime(cx, &report);
        check(cx, subject)
    })?;
    if let Some(after) = after {
        return Ok(Outcome { fixed, after });
    }
    let findings = report.findings.into_iter().filter(|finding| finding.repair.is_none()).collect();
    Ok(Outcome { fixed, after: Report { findings, ..report } })
}

/// A runtime that was just started takes a moment to listen. One that does not come is a finding of the checks.
fn wait_for_runtime(cx: &Context, before: &Report) {
    const LIMIT: Duration = Duration::from_secs(30);
    let starts = |repair: &Repair| {
        matches!(
            repair,
            Repair::CgroupDriver { .. }
                | Repair::SandboxImage { .. }
                | Repair::StartService { .. }
                | Repair::SwitchCriOn
        )
    };
    if before.findings.iter().filter_map(|finding| finding.repair.as_ref()).any(starts) {
        let wait = Wait::new("an answer of the container runtime", LIMIT);
        let _ = wait.until(&cx.clock, &cx.events, || {
            Ok(cx.runtime().map_or_else(|failure| Poll::Pending(failure.to_string()), Poll::Ready))
        });
    }
}

/// What must be set so that the cluster comes up although a check was ignored.
fn follow(cx: &mut Context, consequences: &[Consequence]) {
    for Consequence::KubeletField { field, value } in consequences {
        if cx.set_kubelet_default(field, value) {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            cx.events.message(format!("set {field}: {shown} for the kubelets, because its check is ignored"));
        }
    }
}

fn warning(finding: &Finding) -> String {
    let ignored = if finding.ignored { " (ignored)" } else { "" };
    let fix = if finding.fix.is_empty() { String::new() } else { format!("\n  fix: {}", finding.fix) };
    format!("{}{ignored}: {}{fix}", finding.id, finding.what)
}
