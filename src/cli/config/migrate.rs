//! `config migrate`: converts a file to a newer API version, keeping its content and comments.
//!
//! Reads: the file given to `--old-config`. Writes: the file given to `--new-config`, atomically, else standard output.

use super::error::OptionError;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::files::{Content, HostFiles, Written};
use crate::base::gate::Gate;
use crate::cli::args::config::MigrateArgs;
use crate::cli::args::global::Output;
use crate::cli::session::Session;
use crate::config::migrate;
use crate::versions::ApiVersion;
use serde_json::json;
use std::path::Path;

/// A new file may hold a token or a certificate key.
const NEW_FILE_MODE: u32 = 0o600;

/// Writes the migrated text and reports every change.
pub fn run(args: &MigrateArgs, session: &mut Session) -> Result<ExitCode> {
    let target = target(args)?;
    let (name, bytes) = session.read_input(&args.old_config)?;
    let migrated = migrate::migrate(&name, &bytes, target)?;
    for change in &migrated.changes {
        session.events.message(change.clone());
    }
    if migrated.changes.is_empty() {
        session.events.message(format!("{name} already is in {}; nothing changed", target.name()));
    }
    if session.global.output == Output::Json {
        let outcome = json!({ "apiVersion": target.to_string(), "changes": migrated.changes, "text": migrated.text });
        session.print(&outcome, "")?;
    }
    match &args.new_config {
        Some(path) => write(path, migrated.text, session)?,
        None if session.global.output == Output::Json => {}
        None => session.print_text(&migrated.text)?,
    }
    Ok(ExitCode::Ok)
}

fn target(args: &MigrateArgs) -> Result<ApiVersion, OptionError> {
    match &args.to {
        None => Ok(ApiVersion::V1Beta4),
        Some(given) => ApiVersion::ALL
            .into_iter()
            .find(|api| api.name() == given || api.to_string() == *given)
            .ok_or_else(|| OptionError::UnknownApi { given: given.clone() }),
    }
}

/// The file belongs to the user, not the host, so `--rootfs` does not apply. An existing file keeps its mode.
fn write(path: &Path, text: String, session: &Session) -> Result<()> {
    let files = HostFiles::new("/", Gate::open());
    let path = session.env.cwd.join(path);
    let mode = files.mode(&path).unwrap_or(NEW_FILE_MODE);
    let outcome = match files.write(&path, &Content::public(text), mode)? {
        Written::Created | Written::Changed => "wrote",
        Written::Unchanged => "already up to date:",
    };
    session.events.message(format!("{outcome} {}", path.display()));
    Ok(())
}
