//! `completion` and `man`: generated from the command tree that parses the arguments.

use super::args::global::{CompletionArgs, ManArgs, Shell};
use super::parse;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::files::FileError;
use clap_complete::shells::{Bash, Fish, PowerShell, Zsh};

pub fn completion(args: &CompletionArgs, session: &mut Session) -> Result<ExitCode> {
    let (mut command, mut script) = (parse::command(), Vec::new());
    let name = "kubewright";
    match args.shell {
        Shell::Bash => clap_complete::generate(Bash, &mut command, name, &mut script),
        Shell::Zsh => clap_complete::generate(Zsh, &mut command, name, &mut script),
        Shell::Fish => clap_complete::generate(Fish, &mut command, name, &mut script),
        Shell::Powershell => clap_complete::generate(PowerShell, &mut command, name, &mut script),
    }
    session.print_text(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Ok)
}

/// Writes a manual page for every command to a directory of this machine.
pub fn man(args: &ManArgs, session: &mut Session) -> Result<ExitCode> {
    let directory = session.env.cwd.join(&args.directory);
    clap_mangen::generate_to(without_lists(parse::command()), &directory).map_err(|source| FileError {
        verb: "write",
        path: directory,
        source,
    })?;
    Ok(ExitCode::Ok)
}

/// Manual pages would join the lines of lists and examples; the pages of the subcommands have the same content.
fn without_lists(command: clap::Command) -> clap::Command {
    command.after_help(None::<&'static str>).mut_subcommands(without_lists)
}
