//! The preflight checks and fixes, and the image pulls.
//!
//! Reads: the host, the configuration, files of earlier runs. Writes: with `--fix`, what can be fixed; starts the
//! image pulls, which continue while certificates and files are created.

use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
use crate::checks::fix::{self, FailedFix, Fixes, Outcome};
use crate::checks::{self, Consequence, Finding, Inputs, Repair, Report, Rerun, Role, Severity};
use crate::config::images;
use crate::context::{Context, Run};
use crate::journal::Journal;
use crate::pipeline::{Phase, Target};
use crate::pki::validity;
use crate::state::existing_cluster;
use crate::state::holding;
use crate::state::lost_data;
use crate::state::manifests;
use crate::state::quorum;
use std::time::Duration;
pub use subject::{NewNode, Subject};

mod subject;

pub struct Preflight;

impl<W: NewNode> Phase<W> for Preflight {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<W>, _: &Target) -> Result<()> {
        let subject = W::subject(cx)?;
        let mut report = check(cx, &subject)?;
        let mut planned = Vec::new();
        if cx.work.fixes() {
            // A run that will be refused must not change the host first.
            report.verdict_on_the_unfixable(subject.role)?;
            let outcome = fix(cx, &subject, report)?;
            (report, planned) = (outcome.after, outcome.planned);
        }
        for finding in report.findings.iter().filter(|finding| finding.severity == Severity::Warning) {
            cx.events.warning(warning(finding));
        }
        report.verdict(subject.role)?;
        apply_overrides(cx, &report.consequences);
        if manifests::are_all_written(cx)? {
            // The kubelet of an earlier run pulls the images, including any that it garbage-collected.
            return Ok(());
        }
        if let Some(service) = planned.iter().find_map(Repair::starts_runtime) {
            // It cannot be queried before it runs: the rest of the plan assumes its default socket.
            cx.expect_runtime(service)?;
            cx.events.message(format!("missing images are pulled once {service} runs"));
            return Ok(());
        }
        cx.start_pulls(subject.images)
    }
}

/// Runs the checks on this host.
pub fn check(cx: &Context, subject: &Subject) -> Result<Report> {
    with_inputs(cx, subject, true, checks::run)
}

/// What `act` finds in the state of this host. A single phase may repair a control plane that does not answer: that its
/// configuration cannot be compared does not speak against it.
pub(super) fn with_inputs<T>(
    cx: &Context,
    subject: &Subject,
    is_whole: bool,
    act: impl FnOnce(&Inputs<'_>) -> T,
) -> Result<T> {
    let mut adopted = manifests::up_to_date(cx)?;
    adopted.extend(subject.adopted.iter().cloned());
    let rerun = Rerun { journal: Journal::load(&cx.host.files)?, adopted };
    let mut holding = holding::of(cx, Some(&subject.cluster))?;
    holding.edits = holding::edits(cx)?;
    let lost = if is_whole { quorum::require(cx).err() } else { None };
    holding.lost_majority = lost.map(|lost| (lost.to_string(), lost.hint().unwrap_or_default()));
    let is_first = subject.role == Role::FirstControlPlane;
    holding.lost_data = if is_whole && is_first { lost_data::of(cx)? } else { None };
    let mut standing = is_first.then(|| existing_cluster::of(cx)).transpose()?;
    if let Some(standing) = standing.as_mut().filter(|_| !is_whole) {
        standing.is_unknown = false;
    }
    if let Some(standing) = &mut standing {
        standing.not_compared = subject.not_compared;
    }
    let pause = images::pause(&subject.cluster, validity::minor_of(&subject.cluster)?).to_string();
    Ok(act(&Inputs {
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
        adopt_etcd_data: subject.adopt_etcd_data,
        standing: standing.as_ref(),
        pod_network: subject.pod_network.as_ref(),
    }))
}

/// Fixes, as root, what can be fixed, and runs the checks again. A failed fix is a warning; its finding stays.
pub fn fix(cx: &Context, subject: &Subject, report: Report) -> Result<Outcome> {
    if cx.uid != 0 {
        // Fixes need root, and there is a finding for that.
        return Ok(Outcome { after: report, ..Outcome::default() });
    }
    let mut journal = Journal::load(&cx.host.files)?;
    fix::in_rounds(
        report,
        |round| {
            let fixes = fix::apply(&cx.host, &mut journal, round);
            report_fixes(cx, &fixes);
            fixes
        },
        |round| {
            cx.host.gate.effect(|| {
                wait_for_runtime(cx, round);
                check(cx, subject)
            })
        },
    )
}

fn report_fixes(cx: &Context, fixes: &Fixes) {
    for fixed in &fixes.fixed {
        cx.events.message(format!("{}: {}", fixed.id, fixed.what));
    }
    for FailedFix { id, why, .. } in &fixes.failed {
        let why = why.causes().iter().fold(why.to_string(), |text, cause| format!("{text}: {cause}"));
        cx.events.warning(format!("{id}: the fix failed: {why}"));
    }
}

/// A runtime that was just started needs some time to listen. If it does not respond, the checks report it.
fn wait_for_runtime(cx: &Context, before: &Report) {
    const LIMIT: Duration = Duration::from_secs(30);
    let starts = |repair: &Repair| {
        let restarts = matches!(
            repair,
            Repair::CgroupDriver { .. } | Repair::DockerCgroupDriver { .. } | Repair::SandboxImage { .. }
        );
        restarts || repair.starts_runtime().is_some()
    };
    if before.findings.iter().filter_map(|finding| finding.repair.as_ref()).any(starts) {
        let wait = Wait::new("the container runtime to respond", LIMIT);
        let _ = wait.until(&cx.host.clock, &cx.events, || {
            Ok(cx.runtime().map_or_else(|failure| Poll::Pending(failure.to_string()), Poll::Ready))
        });
    }
}

/// Sets kubelet fields so that the cluster works although a check is ignored.
fn apply_overrides<W: NewNode>(cx: &mut Run<W>, consequences: &[Consequence]) {
    for Consequence::KubeletField { field, value } in consequences {
        if W::set_kubelet_default(cx, field, value) {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            cx.events.message(format!("set {field}: {shown} for the kubelets, which this host needs"));
        }
    }
}

pub(super) fn warning(finding: &Finding) -> String {
    let ignored = if finding.ignored { " (ignored)" } else { "" };
    let fix = if finding.fix.is_empty() { String::new() } else { format!("\n  fix: {}", finding.fix) };
    format!("{}{ignored}: {}{fix}", finding.id, finding.what)
}

#[cfg(test)]
mod tests;
