//! `upgrade`: plans and applies the upgrade of a cluster.

mod apply;
mod closing;
mod diff;
mod ending;
mod hops;
pub(super) mod interrupted;
mod node;
mod object;
pub(super) mod opened;
mod plan;
pub(super) mod run;
mod step;
#[cfg(test)]
mod tests;
mod text;

use super::args::upgrade::UpgradeCommand;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;

pub fn run(command: &UpgradeCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        UpgradeCommand::Plan(args) => plan::run(args, session),
        UpgradeCommand::Diff(args) => diff::run(args, session),
        UpgradeCommand::Apply(args) if args.to.is_some() => hops::run(args, session),
        UpgradeCommand::Apply(args) => apply::run(args, session),
        UpgradeCommand::Node(args) => node::run(args, session),
    }
}
