//! `config`: print, check and migrate configuration files, list images.

use super::args::config::ConfigCommand;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;

pub fn run(_command: ConfigCommand, _session: &mut Session) -> Result<ExitCode> {
    Ok(ExitCode::Ok)
}
