//! `certs`: the certificates of a cluster.

use super::args::certs::CertsCommand;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::config::token;
use serde_json::json;

mod check;
mod csr;
mod discover;
mod expiration_info;
mod metrics;
mod renew;
mod restart;
mod rotate;
mod san;
mod timer;

pub fn run(command: CertsCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        CertsCommand::CertificateKey(_) => {
            let key = token::certificate_key(&session.env.random)?;
            session.print(&json!({ "certificateKey": key.expose() }), &format!("{}\n", key.expose()))?;
            Ok(ExitCode::Ok)
        }
        CertsCommand::CheckExpiration(args) => check::run(&args, session),
        CertsCommand::Renew(args) => renew::run(&args, session),
        CertsCommand::Restart(args) => restart::run(&args, session),
        CertsCommand::AddSan(args) => san::run(args, session),
        CertsCommand::GenerateCsr(args) => csr::generate(&args, session),
        CertsCommand::Import(args) => csr::import(&args, session),
        CertsCommand::RotateCa(command) => rotate::run(&command, session),
        CertsCommand::Timer(command) => timer::run(&command, session),
    }
}
