//! Layer 8: from arguments to a context and a plan. One file per command; `report` prints errors.

pub mod args;
mod certs;
mod completion;
mod config;
mod confirm;
mod doctor;
mod etcd;
mod facts;
mod fleet;
mod given_secrets;
mod host;
mod init;
mod join;
mod kubeconfig;
mod manifest;
mod network;
mod node;
mod page;
mod parse;
mod preflight;
mod report;
mod reported;
mod reset;
mod screen;
mod session;
mod ssh;
mod status;
mod table;
#[cfg(test)]
mod test_output;
mod token;
mod token_list;
mod upgrade;
mod version;

use crate::base::env::Env;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::files;
use args::Command;
use parse::{Parsed, Request, UsageError};
use session::Session;

pub use parse::command;

/// Runs the command described by `env` and prints its outcome.
pub fn run(mut env: Env) -> ExitCode {
    let secrets = given_secrets::of(&env.args, &env.vars);
    let words = env.args.clone();
    let parsed = match parse::parse(std::mem::take(&mut env.args)) {
        Ok(Parsed::Request(request)) => request,
        Ok(Parsed::Help(text)) => return report::help(&mut env, &text),
        Err(error) => return report::usage(&mut env, &UsageError { secrets, ..error }),
    };
    files::arm_faults(&env.vars);
    let mut session = Session::new(env, &parsed.global);
    session.events.hide(secrets);
    let begun = match reported::of(&parsed.command) {
        Some((name, path)) => session.begin_page(path, name, &words),
        None => Ok(()),
    };
    let outcome = begun.and_then(|()| dispatch(*parsed, &mut session));
    session.events.flush();
    let code = match &outcome {
        Ok(code) => *code,
        Err(failure) => report::failure(&mut session, failure),
    };
    match session.end_page(&outcome) {
        Ok(()) => code,
        // What the command did is more important.
        Err(failure) if code == ExitCode::Ok => report::failure(&mut session, &failure),
        Err(failure) => {
            report::failure(&mut session, &failure);
            code
        }
    }
}

fn dispatch(request: Request, session: &mut Session) -> Result<ExitCode> {
    match request.command {
        Command::Init(args) => init::run(&args, request.phase, session),
        Command::Join(args) => join::run(args, request.phase, session),
        Command::Preflight(args) => preflight::run(&args, session),
        Command::Reset(args) => reset::run(&args, request.phase, session),
        Command::Upgrade(command) => upgrade::run(&command, session),
        Command::Status(args) => status::run(&args, session),
        Command::Doctor(args) => doctor::run(&args, session),
        Command::Network(command) => network::run(&command, session),
        Command::Node(command) => node::run(command, session),
        Command::Token(command) => token::run(command, session),
        Command::Certs(command) => certs::run(command, session),
        Command::Etcd(command) => etcd::run(command, session),
        Command::Kubeconfig(command) => kubeconfig::run(&command, session),
        Command::Config(command) => config::run(command, session),
        Command::Plan(args) => fleet::plan(&args, session),
        Command::Diff(args) => fleet::diff(&args, session),
        Command::Apply(args) => fleet::apply(&args, session),
        Command::Remove(args) => fleet::remove(&args, session),
        Command::Host(command) => host::run(command, session),
        Command::Ssh(command) => ssh::run(command, session),
        Command::Version(_) => version::run(session),
        Command::Completion(args) => completion::completion(&args, session),
        Command::Man(args) => completion::man(&args, session),
    }
}
