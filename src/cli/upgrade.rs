//! `upgrade`: plans the upgrade of a cluster. Nothing here changes anything.

mod diff;
mod object;
mod opened;
mod plan;
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
    }
}
