//! `init` and `init phase …`.

use super::args::init::InitArgs;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;

pub fn run(_args: InitArgs, _phase: Option<String>, _session: &mut Session) -> Result<ExitCode> {
    Ok(ExitCode::Ok)
}
