//! `network test`: does the network of the Pods carry traffic, and if not, why; and what its Pods run.

mod agent;
mod outcome;
mod proof;
mod test;
#[cfg(test)]
mod tests;
mod text;

pub use outcome::Outcome;
pub use proof::proved;

use super::args::network::NetworkCommand;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;

pub fn run(command: &NetworkCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        NetworkCommand::Test(args) => test::run(args, session),
        NetworkCommand::Agent(command) => agent::run(command, session),
    }
}
