//! `host`: this host for the commands for many hosts. All of it can be used by hand.

mod change;
mod diff;
mod labels;
mod run;
mod work;

use super::args::host::HostCommand;
use super::session::Session;
use crate::base::events::Events;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::context::Context;
use crate::context::access::AccessError;
use crate::domain::paths::ADMIN_CONF;
use crate::state::host_facts;
use serde_json::json;
use std::path::Path;

pub fn run(command: HostCommand, session: &mut Session) -> Result<ExitCode> {
    match command {
        HostCommand::Facts(_) => facts(session),
        HostCommand::AdminConf(_) => admin_conf(session),
        HostCommand::Run(args) => run::run(&args, session),
        HostCommand::Attach(args) => run::attach(&args, session),
        HostCommand::Diff(args) => diff::run(&args, session),
        HostCommand::Change(args) => change::run(&args, session),
        HostCommand::Labels(args) => labels::run(&args, session),
        HostCommand::Work(args) => work::run(&args, session),
    }
}

fn facts(session: &mut Session) -> Result<ExitCode> {
    let gate = Gate::recording();
    // What is unknown is part of the result.
    let files = HostFiles::new(session.root(), gate.clone());
    let cx = Context::new(&session.env, Events::silent(), files, gate);
    let facts = host_facts::gather(&cx);
    let text = serde_json::to_string_pretty(&facts).unwrap_or_default() + "\n";
    session.print(&facts, &text)?;
    Ok(ExitCode::Ok)
}

/// As text, or as the field `kubeconfig` of an object.
fn admin_conf(session: &mut Session) -> Result<ExitCode> {
    let cx = session.context(false);
    let bytes = cx.host.files.read(Path::new(ADMIN_CONF))?.ok_or_else(|| AccessError::absent(&cx, ADMIN_CONF))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    session.print(&json!({ "kubeconfig": text }), &text)?;
    Ok(ExitCode::Ok)
}
