//! What a Pod of a network test runs: it answers others, or asks them and prints the answers.
//!
//! Reads: its arguments, `/etc/resolv.conf`. Writes: one line.

use super::super::args::network::AgentCommand;
use super::super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::domain::network_probe::{PORT, Question, line};
use crate::host::network_probe::{ask_all, serve};
use std::path::Path;
use std::time::Duration;

/// The agent cannot do what it is for.
#[derive(Debug, thiserror::Error)]
enum AgentError {
    #[error("cannot listen at port {PORT}")]
    NotListening(#[source] std::io::Error),
    #[error("these are not the questions of a network test")]
    NoQuestions(#[source] serde_json::Error),
}

impl Fault for AgentError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotListening(_) => ExitCode::Host,
            Self::NoQuestions(_) => ExitCode::Input,
        }
    }
    fn hint(&self) -> Option<String> {
        Some("run 'kubewright network test', which starts this in Pods".into())
    }
}

pub fn run(command: &AgentCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        AgentCommand::Serve(args) => {
            serve(PORT).map_err(AgentError::NotListening)?;
            session.env.clock.sleep(Duration::from_secs(args.seconds));
        }
        AgentCommand::Ask(args) => {
            let questions: Vec<Question> = serde_json::from_str(&args.questions).map_err(AgentError::NoQuestions)?;
            let files = HostFiles::new(session.root(), Gate::recording());
            let resolv_conf = files.read_text(Path::new("/etc/resolv.conf"))?.unwrap_or_default();
            let answers = ask_all(&questions, &resolv_conf, &session.env.clock);
            session.print_text(&line(&answers))?;
        }
    }
    Ok(ExitCode::Ok)
}
