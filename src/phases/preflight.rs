//! The checks before anything changes, mending what the user lets us mend, and the images.
//!
//! Reads: the host, the configuration, what earlier runs left. Writes: with `--fix`, what can be mended; and it
//! starts to pull the images, which goes on while certificates and files are made.

use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
use crate::checks::fix::{self, Mended, Outcome, Unmended};
use crate::checks::{self, Consequence, Finding, Inputs, Repair, Report, Rerun, Role, Severity};
use crate::config::images;
use crate::config::model::ClusterConfig;
use crate::config::untrusted;
use crate::context::{Context, Task};
use crate::journal::Journal;
use crate::pipeline::{Action, Target};
use crate::pki::validity;
use crate::state::existing_cluster;
use crate::state::holding;
use crate::state::manifests;
use crate::state::previous_run;
use crate::state::quorum;
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
        let mut planned = Vec::new();
        if cx.fixes() {
            // A run that will be refused must not change the host first.
            report.verdict_on_the_unfixable(subject.role)?;
            let outcome = mend(cx, &subject, report)?;
            (report, planned) = (outcome.after, outcome.planned);
        }
        for finding in report.findings.iter().filter(|finding| finding.severity == Severity::Warning) {
            cx.events.warning(warning(finding));
        }
        report.verdict(subject.role)?;
        follow(cx, &report.consequences);
        if manifests::are_all_written(cx)? {
            // The kubelet of an earlier run sees to their images, also when it has removed some to make room.
            return Ok(());
        }
        if let Some(service) = planned.iter().find_map(Repair::starts_runtime) {
            // It cannot be asked before it runs: the rest of the plan holds for the socket where it will listen.
            cx.expect_runtime(service)?;
            cx.events.message(format!("images that are missing are pulled once {service} runs"));
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
            cluster.kubelet = untrusted::read(joining.kubelet.as_bytes()).unwrap_or_default();
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
    let mut adopted = manifests::as_we_write_them(cx)?;
    if cx.joining().is_ok() {
        adopted.extend(previous_run::files_of_this_cluster(cx)?);
    }
    let rerun = Rerun { journal: Journal::load(&cx.files)?, adopted };
    let mut holding = holding::of(cx, Some(&subject.cluster))?;
    holding.edits = holding::edits(cx)?;
    holding.lost_majority = quorum::require(cx).err().map(|lost| (lost.to_string(), lost.hint().unwrap_or_default()));
    let standing = (subject.role == Role::FirstControlPlane).then(|| existing_cluster::of(cx)).transpose()?;
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
        holding: &holding,
        adopt_etcd_data: cx.init().is_ok_and(|(_, options)| options.adopt_etcd_data),
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

/// Mends, as root, what can be mended and looks again. What cannot be mended is a warning; its finding stays.
///
/// # Errors
/// When what earlier runs left cannot be read.
pub fn mend(cx: &Context, subject: &Subject, report: Report) -> Result<Outcome> {
    if cx.uid != 0 {
        // Nothing of it can be done without root, and that has a finding of its own.
        return Ok(Outcome { after: report, ..Outcome::default() });
    }
    let mut journal = Journal::load(&cx.files)?;
    fix::in_rounds(
        report,
        |round| {
            let mended = fix::apply(&cx.host, &mut journal, round);
            tell(cx, &mended);
            mended
        },
        |round| {
            cx.gate.effect(|| {
                wait_for_runtime(cx, round);
                check(cx, subject)
            })
        },
    )
}

fn tell(cx: &Context, mended: &Mended) {
    for fixed in &mended.fixed {
        cx.events.message(format!("{}: {}", fixed.id, fixed.what));
    }
    for Unmended { id, why, .. } in &mended.failed {
        let why = why.causes().iter().fold(why.to_string(), |text, cause| format!("{text}: {cause}"));
        cx.events.warning(format!("{id}: this could not be mended: {why}"));
    }
}

/// A runtime that was just started takes a moment to listen. One that does not come is a finding of the checks.
fn wait_for_runtime(cx: &Context, before: &Report) {
    const LIMIT: Duration = Duration::from_secs(30);
    let starts = |repair: &Repair| {
        repair.starts_runtime().is_some() || matches!(repair, Repair::CgroupDriver { .. } | Repair::SandboxImage { .. })
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

#[cfg(test)]
mod tests;
