//! `host diff`: how the files of this control plane differ from what a configuration of its cluster makes.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::cli::args::host::DiffArgs;
use crate::cli::session::Session;
use crate::cli::upgrade::opened::{Opened, open};
use crate::config::Facts;
use crate::domain::paths::ADMIN_CONF;
use crate::report::count;
use crate::report::file_difference::{CONTEXT, FileDifference, State};
use crate::state::upgrade::files;
use serde_json::json;
use std::path::Path;

pub fn run(args: &DiffArgs, session: &mut Session) -> Result<ExitCode> {
    let documents = session.documents(Some(Path::new("-")))?;
    let Opened { mut cx, reading, .. } = open(Path::new(ADMIN_CONF), args.patches.clone(), session)?;
    let mut facts = Facts::placeholder(session.env.random.clone());
    facts.cluster_version = Some(reading.version.clone());
    let cluster = documents.cluster(&facts)?.config;
    let stored = reading.kubelet.as_ref().map(|(_, document)| document);
    let kubelet = Some(&cluster.kubelet).filter(|document| !document.is_empty()).or(stored);
    let wanted = files::changes(&mut cx, &cluster, kubelet, &reading.version)?;
    let mut files: Vec<FileDifference> = wanted.iter().map(|change| FileDifference::of(change, CONTEXT)).collect();
    let compared = files.len();
    files.retain(|file| file.state != State::Unchanged);
    let paint = session.paint();
    let mut text: String = files.iter().map(|file| file.painted(paint)).collect();
    if files.is_empty() {
        text = format!("No file differs: {} compared.\n", count(compared, "file"));
    }
    session.print(&json!({ "compared": compared, "files": files }), &text)?;
    Ok(ExitCode::Ok)
}
