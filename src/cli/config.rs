//! `config`: print, validate and migrate configuration files, and list or pull images.
//!
//! Reads: the given file, and facts of the host where the file leaves a value open. Writes: only the file given to
//! `migrate --new-config`.

mod error;
mod host;
mod images;
mod migrate;
mod print;

use super::args::config::{ConfigCommand, FileArgs, ImagesCommand, SchemaArgs};
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::config::schema::json_schema_of;
use crate::config::{Facts, Kind, documents};
use error::OptionError;
use host::installed_kubelet;
use serde_json::json;

pub fn run(command: ConfigCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        ConfigCommand::Print(command) => print::run(&command, session),
        ConfigCommand::Validate(args) => validate(&args, session),
        ConfigCommand::Schema(args) => schema(args, session),
        ConfigCommand::Migrate(args) => migrate::run(&args, session),
        ConfigCommand::Images(ImagesCommand::List(args)) => images::list(args, session),
        ConfigCommand::Images(ImagesCommand::Pull(args)) => images::pull(args, session),
    }
}

/// Prints the JSON schema, whatever `-o` says: it is JSON in any case.
fn schema(args: SchemaArgs, session: &mut Session) -> Result<ExitCode> {
    let find = |given: &String| Kind::find(given).ok_or_else(|| OptionError::UnknownKind { given: given.clone() });
    let kind = args.kind.as_ref().map(find).transpose()?;
    let schema = json_schema_of(kind, args.api_version.as_deref());
    let schema = schema.ok_or(OptionError::NoVersion { kind, given: args.api_version.unwrap_or_default() })?;
    session.print_text(&format!("{schema:#}\n"))?;
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
