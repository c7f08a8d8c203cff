//! `upgrade apply --to VERSION`: one minor version after the other, each with the kubelet of this host.
//!
//! The steps are planned, and what the last version would break is looked for, before the first one begins. A step that other
//! nodes have to prepare ends the run: the same command goes on when they are there.

use super::closing::{Next, after_apply, from_packages};
use super::ending::{self, Ending, StepState};
use super::opened::{Opened, open, resolve_run};
use super::run::{replacement, require_running_host};
use super::step::{Step, Upgraded, apply_flags, kubeconfig, upgrade};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
use crate::cli::args::upgrade::ApplyArgs;
use crate::cli::confirm::confirm;
use crate::cli::session::Session;
use crate::config::{UpgradeConfig, UpgradeTask};
use crate::context::upgrading::Finishing;
use crate::phases::upgrade::error::{Problem, UpgradeFailed};
use crate::state::upgrade::checks::{Subject, review};
use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::etcd;
use crate::state::upgrade::finding::Severity;
use crate::state::upgrade::hops::{Destination, Hop, hops};
use crate::state::upgrade::progress::progress;
use crate::versions::upgrade_policy::{Class, Violation};
use crate::versions::{Version, facts_of};
use std::time::Duration;

/// How long the API server may take to come back after a step.
const RESTART_LIMIT: Duration = Duration::from_mins(2);
/// Checks whose errors an upgrade to a version in between does not remove.
const LASTING: [&str; 10] = [
    "ContainerRuntime",
    "ControlGroups",
    "ExternalEtcdVersion",
    "Flags",
    "FeatureGates",
    "KubeletConfiguration",
    "KubeProxyConfiguration",
    "RemovedApis",
    "Packages",
    "Corefile",
];

pub fn run(args: &ApplyArgs, session: &mut Session) -> Result<ExitCode> {
    let to: Destination = args.to.as_deref().unwrap_or_default().parse()?;
    let (config, dry_run) =
        resolve_run(args.shared.config.as_deref(), UpgradeTask::Apply, &apply_flags(args), session)?;
    require_running_host(session)?;
    session.hold_host("upgrade apply", dry_run)?;
    let hops = planned(args, &to, &config, session)?;
    if !args.yes && !config.force && !dry_run {
        confirm(&question(&hops), session)?;
    }
    let mut states: Vec<StepState> =
        hops.iter().map(|hop| StepState { version: hop.version.clone(), done: false }).collect();
    let mut last = None;
    for (index, hop) in hops.iter().enumerate() {
        let opened = if index > 0 { Some(open_again(args, session)?) } else { None };
        if opened.as_ref().is_some_and(|opened| !is_allowed(&opened.reading, &config, &hop.version, session)) {
            break;
        }
        session.events.message(format!("step {} of {}: {}", index.saturating_add(1), hops.len(), hop.version));
        if let (true, [_, later @ ..]) = (dry_run, hops.as_slice())
            && !later.is_empty()
        {
            // Before the run, because a dry run reports warnings only.
            let later = listed(later.iter().map(|hop| &hop.version));
            session.events.message(format!("the changes for {later} are planned after this step"));
        }
        let finish =
            Finishing { directory: hop.packages.clone(), ..replacement(&args.shared, &config.skip_phases, session) };
        let config = UpgradeConfig { version: Some(hop.version.clone()), ..config.clone() };
        let step = Step { config, version: hop.version.clone(), finish: Some(finish), dry_run, asks: false };
        let done = match upgrade(args, &step, opened, session) {
            Ok(done) => done,
            Err(failure) => {
                if let Some(complete) = index.checked_sub(1).and_then(|before| hops.get(before)) {
                    session.events.warning(format!(
                        "the upgrade to {} is complete; the one to {} is not, and the same command continues with it",
                        complete.version, hop.version
                    ));
                }
                return Err(failure);
            }
        };
        let waits = done.cx.work.purpose.finish.as_ref().is_some_and(|finish| finish.waits.is_some());
        last = Some(done);
        if dry_run || waits {
            break;
        }
        if let Some(state) = states.get_mut(index) {
            state.done = true;
        }
    }
    if let Some(done) = last {
        report(args, &done, &states, dry_run, session)?;
    }
    Ok(ExitCode::Ok)
}

/// The steps. An interrupted one is the first; else what the last version would break is looked for.
fn planned(args: &ApplyArgs, to: &Destination, config: &UpgradeConfig, session: &mut Session) -> Result<Vec<Hop>> {
    let files = session.context(false).host.files;
    let packages = args.shared.packages.as_ref().map(|directory| session.env.cwd.join(directory));
    if let Some(begun) = progress(&files)?.and_then(|progress| progress.to) {
        return hops(&files, &begun, true, to, packages.as_deref());
    }
    let mut opened = open(&kubeconfig(args, session), None, session)?;
    let own = opened.cx.node()?.name.clone();
    let is_behind = opened.reading.is_behind(&own);
    let hops = hops(&files, &opened.reading.version, is_behind, to, packages.as_deref())?;
    if hops.len() > 1 {
        require_possible(&mut opened, &hops, config)?;
    }
    Ok(hops)
}

/// Fails if the last version cannot work with what the cluster has, whatever is upgraded before, or if packages are missing.
fn require_possible(opened: &mut Opened, hops: &[Hop], config: &UpgradeConfig) -> Result<()> {
    let Some(Hop { version, .. }) = hops.last() else { return Ok(()) };
    let Opened { cx, api, reading } = opened;
    let etcd = etcd::read(cx, reading);
    let minor = facts_of(version)?;
    let subject = Subject { reading, etcd: &etcd, target: version, minor, etcd_upgrade: config.etcd_upgrade, hops };
    let review = review(cx, api, subject, &config.ignore_preflight_errors);
    let lasting = review
        .findings
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error && !finding.ignored && LASTING.contains(&finding.check));
    let problems: Vec<Problem> = lasting
        .map(|finding| Problem {
            name: finding.check.into(),
            place: finding.place,
            what: finding.what,
            fix: finding.fix,
        })
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(UpgradeFailed::Refused { goal: format!("the upgrade to {version}"), problems, can_force: false }.into())
}

/// The cluster after a step. Its new kubelet may be replacing the Pod of the API server.
fn open_again(args: &ApplyArgs, session: &Session) -> Result<Opened> {
    let kubeconfig = kubeconfig(args, session);
    let cx = session.context(false);
    let wait = Wait::new("the API server, which may restart with the new kubelet", RESTART_LIMIT);
    wait.until(&cx.host.clock, &cx.events, || Ok(Poll::Ready(open(&kubeconfig, None, session)?)))
}

/// Whether the rules of versions allow the next step already; what they refuse is shown.
fn is_allowed(reading: &ClusterReading, config: &UpgradeConfig, version: &Version, session: &Session) -> bool {
    let broken = reading.violations(version, config.allow_experimental, config.allow_release_candidates);
    let mut is_allowed = true;
    for Violation { rule, place, what, .. } in broken.iter().filter(|one| one.class == Class::Fatal || !config.force) {
        is_allowed = false;
        session.events.warning(format!("{version} has to wait: {rule:?} ({place}): {what}"));
    }
    is_allowed
}

fn question(hops: &[Hop]) -> String {
    format!(
        "Upgrade the cluster in {}: {}. In each, first the components of this host, then the configuration of the cluster, then the \
         kubelet of this host. The API server of this host is away for some seconds in each.",
        counted(hops.len()),
        listed(hops.iter().map(|hop| &hop.version))
    )
}

fn report(args: &ApplyArgs, done: &Upgraded, states: &[StepState], dry_run: bool, session: &mut Session) -> Result<()> {
    let own = done.cx.node()?.name.clone();
    let mut next = after_apply(&done.reading, &own, &done.version, done.cx.work.purpose.finish.as_ref());
    let remaining: Vec<&Version> = states.iter().filter(|state| !state.done).map(|state| &state.version).collect();
    let result = if remaining.is_empty() {
        done.result()
    } else {
        next.push(Next::again(&own, &again(args, session)));
        format!(
            "{} {} of {} remain: {}.",
            done.result(),
            remaining.len(),
            counted(states.len()),
            listed(remaining.iter().copied())
        )
    };
    ending::print(result, Ending { summary: &done.summary, next, dry_run, steps: states }, &done.cx, session)
}

/// The command that goes on.
fn again(args: &ApplyArgs, session: &Session) -> String {
    let mut command = format!("kubewright upgrade apply --to {}", args.to.as_deref().unwrap_or_default());
    if let Some(packages) = &args.shared.packages {
        command += &format!(" {}", from_packages(&session.env.cwd.join(packages)));
    }
    command
}

fn counted(steps: usize) -> String {
    format!("{steps} {}", if steps == 1 { "step" } else { "steps" })
}

fn listed<'a>(versions: impl Iterator<Item = &'a Version>) -> String {
    versions.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
