//! `host labels`: labels and taints of nodes, as a file lists them.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::cli::args::host::LabelsArgs;
use crate::cli::session::Session;
use crate::domain::paths::ADMIN_CONF;
use crate::ops::node_labels;
use crate::report::ChangeList;
use crate::state::host_facts::labels::Wanted;
use serde::Serialize;
use std::path::Path;

/// Standard input is not a list of nodes.
#[derive(Debug, thiserror::Error)]
#[error("standard input is not a list of nodes: line {line}, column {column}: {why}")]
struct NotNodes {
    line: usize,
    column: usize,
    why: String,
}

impl Fault for NotNodes {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
    fn hint(&self) -> Option<String> {
        Some("run 'kubewright host labels --help' to see its format".into())
    }
}

/// The result for `-o json`.
#[derive(Serialize)]
struct Outcome {
    changes: usize,
    changed: ChangeList,
}

pub fn run(args: &LabelsArgs, session: &mut Session) -> Result<ExitCode> {
    let (_, bytes) = session.read_input(Path::new("-"))?;
    let nodes: Vec<Wanted> = serde_json::from_slice(&bytes).map_err(|error| NotNodes {
        line: error.line(),
        column: error.column(),
        why: error.to_string(),
    })?;
    session.hold_host("host labels", args.dry_run)?;
    let mut cx = session.context(args.dry_run);
    let cluster = cx.running_cluster(Path::new(ADMIN_CONF))?;
    for node in &nodes {
        node_labels::set(&cluster, node)?;
    }
    let (count, changed) = (cx.host.gate.count(), ChangeList::new(cx.host.gate.entries()));
    let text = if args.dry_run {
        session.plan(&changed)
    } else {
        format!("Done: {}.\n", crate::report::count(count, "change"))
    };
    session.print(&Outcome { changes: count, changed }, &text)?;
    Ok(ExitCode::Ok)
}
