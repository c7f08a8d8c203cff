//! `certs`: the certificates of a cluster.

use super::args::certs::CertsCommand;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::config::token;
use serde_json::json;

mod check;
mod metrics;
mod renew;
mod timer;

/// Runs a command of `certs`.
pub fn run(command: CertsCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        CertsCommand::CertificateKey(_) => {
            let key = token::certificate_key(&session.env.random)?;
            session.print(&json!({ "certificateKey": key.expose() }), &format!("{}\n", key.expose()))?;
            Ok(ExitCode::Ok)
        }
        CertsCommand::CheckExpiration(args) => check::run(&args, session),
        CertsCommand::Renew(args) => renew::run(&args, session),
        CertsCommand::Timer(command) => timer::run(&command, session),
    }
}
