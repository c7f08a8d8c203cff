//! `token`: bootstrap tokens.

use super::args::token::TokenCommand;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::config::token;
use serde_json::json;

pub fn run(command: &TokenCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        TokenCommand::Generate(_) => {
            let token = token::generate(&session.env.random)?;
            session.print(&json!({ "token": token.expose() }), &format!("{}\n", token.expose()))?;
            Ok(ExitCode::Ok)
        }
    }
}
