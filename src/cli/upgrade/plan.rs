//! `upgrade plan`: the versions that the cluster can be upgraded to, and what would stop the upgrade.

use super::object::{Available, Plan};
use super::opened::{Opened, open, resolve};
use super::text;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::cli::args::upgrade::PlanArgs;
use crate::cli::session::Session;
use crate::config::{UpgradeConfig, UpgradeFlags, UpgradeTask};
use crate::state::upgrade::checks::{Subject, review};
use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::component::{Component, components};
use crate::state::upgrade::etcd;
use crate::state::upgrade::goal::{Goal, Situation, Source, goals};
use crate::state::upgrade::hops::Destination;
use crate::versions::facts_of;
use crate::versions::upgrade_policy::Class;

pub fn run(args: &PlanArgs, session: &mut Session) -> Result<ExitCode> {
    let flags = UpgradeFlags {
        version: args.version.clone(),
        allow_experimental_upgrades: args.allow_experimental_upgrades.then_some(true),
        allow_release_candidate_upgrades: args.allow_release_candidate_upgrades.then_some(true),
        etcd_upgrade: args.etcd_upgrade,
        print_config: args.print_config.then_some(true),
        ignore_preflight_errors: args.ignore_preflight_errors.clone(),
        ..UpgradeFlags::default()
    };
    let config = resolve(args.config.as_deref(), UpgradeTask::Plan, &flags, session)?;
    let to = config.version.clone().map(Destination::exact);
    let Opened { mut cx, api, reading } = open(&args.kubeconfig, None, session)?;
    let etcd = etcd::read(&cx, &reading);
    let packages = args.packages.as_ref().map(|directory| session.env.cwd.join(directory));
    let is_behind = reading.is_behind(&cx.node()?.name);
    let now = Situation { files: &cx.host.files, cluster: &reading.version, is_behind, packages: packages.as_deref() };
    let goals = goals(now, to.as_ref())?;
    let asked = goals.last().filter(|goal| goal.source == Source::Given).map(|goal| goal.version.clone());
    let mut available = Vec::new();
    for goal in goals {
        available.extend(upgrade_to(goal, &reading, &config)?);
    }
    let target = match available.last() {
        Some(last) => last.goal.version.clone(),
        None => asked.unwrap_or_else(|| reading.version.clone()),
    };
    let (minor, etcd_upgrade) = (facts_of(&target)?, config.etcd_upgrade);
    let hops = available.last().filter(|_| packages.is_some()).map(|last| last.goal.hops.clone()).unwrap_or_default();
    let subject = Subject { reading: &reading, etcd: &etcd, target: &target, minor, etcd_upgrade, hops: &hops };
    let review = review(&mut cx, &api, subject, &config.ignore_preflight_errors);
    let stored = if config.print_config { Some(cx.cluster_document()?) } else { None };
    let code = if args.exit_code { code(&available) } else { ExitCode::Ok };
    let plan = Plan::new(&reading, available, target, review, stored);
    let shown = text::plan(&plan, session.paint().is_on());
    session.print(&plan, &shown)?;
    Ok(code)
}

/// The upgrade to a goal; None if everything has that version already.
fn upgrade_to(goal: Goal, reading: &ClusterReading, config: &UpgradeConfig) -> Result<Option<Available>> {
    let minor = facts_of(&goal.version)?;
    let components = components(reading, &goal.version, minor, config.etcd_upgrade);
    if !components.iter().any(Component::changes) {
        return Ok(None);
    }
    let violations = reading.violations(&goal.version, config.allow_experimental, config.allow_release_candidates);
    Ok(Some(Available { goal, components, violations }))
}

/// Whether an upgrade is available and allowed.
fn code(available: &[Available]) -> ExitCode {
    let is_refused = |upgrade: &Available| upgrade.violations.iter().any(|one| one.class == Class::Fatal);
    match available {
        [] => ExitCode::Ok,
        all if all.iter().all(is_refused) => ExitCode::Refused,
        _ => ExitCode::Changes,
    }
}
