//! `config`: print, validate and migrate configuration files, and list or pull images.
//!
//! Reads: the given file, and facts of the host where the file leaves a value open. Writes: only the file given to
//! `migrate --new-config`.

mod error;
mod host;
mod images;
mod migrate;
mod print;

use super::args::config::{ConfigCommand, FileArgs, ImagesCommand};
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::config::schema::json_schema;
use crate::config::{Facts, Kind, documents};
use host::installed_kubelet;
use serde_json::json;

pub fn run(command: ConfigCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        ConfigCommand::Print(command) => print::run(&command, session),
        ConfigCommand::Validate(args) => validate(&args, session),
        ConfigCommand::Schema(_) => schema(session),
        ConfigCommand::Migrate(args) => migrate::run(&args, session),
        ConfigCommand::Images(ImagesCommand::List(args)) => images::list(args, session),
        ConfigCommand::Images(ImagesCommand::Pull(args)) => images::pull(args, session),
    }
}

/// Prints the JSON schema, whatever `-o` says: it is JSON in any case.
fn schema(session: &mut Session) -> Result<ExitCode> {
    session.print_text(&format!("{:#}\n", json_schema()))?;
    Ok(ExitCode::Ok)
}

/// Validates every document of a file as the command that reads it would.
fn validate(args: &FileArgs, session: &mut Session) -> Result<ExitCode> {
    let (name, bytes) = session.read_input(&args.config)?;
    let documents = documents::parse(&name, &bytes)?;
    let kinds = documents.kinds();
    let mut facts = Facts::placeholder(session.env.random.clone());
    // The kubelet is only started if its version matters: that takes longer than everything else.
    if kinds.iter().any(|kind| matches!(kind, Kind::Init | Kind::Cluster)) && !documents.names_version() {
        facts.kubelet_version = installed_kubelet(session);
    }
    let warnings = documents.validate(&facts)?;
    for warning in &warnings {
        session.events.warning(warning.to_string());
    }
    let kinds: Vec<&str> = kinds.into_iter().map(Kind::name).collect();
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let outcome = json!({ "file": name, "valid": true, "kinds": kinds, "warnings": warnings });
    session.print(&outcome, &format!("{name} is valid: {}\n", kinds.join(", ")))?;
    Ok(ExitCode::Ok)
}
