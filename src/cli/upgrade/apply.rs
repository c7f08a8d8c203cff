//! `upgrade apply VERSION`: an upgrade of at most one minor version.

use super::closing::after_apply;
use super::ending::{self, Ending};
use super::opened::resolve_run;
use super::run::{finishing, require_finish, require_running_host};
use super::step::{Step, apply_flags, upgrade};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::cli::args::upgrade::ApplyArgs;
use crate::cli::session::Session;
use crate::config::UpgradeTask;
use crate::versions::facts_of;

/// No version was given.
#[derive(Debug, thiserror::Error)]
#[error("upgrade apply needs the version to upgrade to")]
struct NoVersion;

impl Fault for NoVersion {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
    fn hint(&self) -> Option<String> {
        Some("run 'kubewright upgrade plan' to see the versions, then 'kubewright upgrade apply VERSION'".into())
    }
}

pub fn run(args: &ApplyArgs, session: &mut Session) -> Result<ExitCode> {
    require_finish(&args.shared)?;
    let (config, dry_run) =
        resolve_run(args.shared.config.as_deref(), UpgradeTask::Apply, &apply_flags(args), session)?;
    let version = config.version.clone().ok_or(NoVersion)?;
    facts_of(&version)?;
    require_running_host(session)?;
    session.hold_host("upgrade apply", dry_run)?;
    let finish = finishing(&args.shared, &config.skip_phases, session);
    let asks = !args.yes && !config.force && !dry_run;
    let step = Step { config, version, finish, dry_run, asks };
    let done = upgrade(args, &step, None, session)?;
    let next = after_apply(&done.reading, &done.cx.node()?.name, &step.version, done.cx.work.purpose.finish.as_ref());
    let (what, end) = (done.result(), Ending { summary: &done.summary, next, dry_run, steps: &[] });
    ending::print(what, end, &done.cx, session)?;
    Ok(ExitCode::Ok)
}
