//! The subcommands `init phase …`, generated from the list of phases.

use crate::pipeline::PhaseList;
use crate::pipeline::describe::sentence;
use crate::pipeline::spec::PhaseSpec;
use clap::{ArgMatches, Command};

/// `phase` with a subcommand for every phase of `list`; `with_flags` adds the workflow's flags to each of them.
pub fn command(list: &PhaseList, with_flags: &dyn Fn(Command) -> Command) -> Command {
    let mut phase = Command::new("phase")
        .about(format!("Run a single phase of '{}'", list.workflow))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true);
    // Added first: the flags bring an about text of their own, which that of the phase replaces.
    let leaf = |name: &str, short: &str| {
        with_flags(Command::new(name.to_owned())).about(sentence(short)).long_about(None::<&'static str>)
    };
    for spec in &list.phases {
        let mut command = one(spec, &leaf);
        for other in &list.phases {
            if let Some((group, name)) = other.also.as_deref().and_then(|also| also.split_once('/'))
                && group == spec.name
            {
                command = command.subcommand(leaf(name, &other.short));
            }
        }
        phase = phase.subcommand(command);
    }
    phase
}

fn one(spec: &PhaseSpec, leaf: &dyn Fn(&str, &str) -> Command) -> Command {
    let mut below: Vec<Command> = spec.phases.iter().map(|sub| one(sub, leaf)).collect();
    below.extend(spec.items.iter().map(|item| leaf(item.name, item.short)));
    if below.is_empty() {
        return leaf(&spec.name, &spec.short).aliases(&spec.alias).hide(spec.hidden);
    }
    Command::new(spec.name.clone())
        .aliases(&spec.alias)
        .about(sentence(&spec.short))
        .hide(spec.hidden)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(leaf("all", "All of them, in order"))
        .subcommands(below)
}

/// The path selected below `phase`, and the matches of its own flags.
pub fn chosen(matches: &ArgMatches) -> Option<(String, &ArgMatches)> {
    let (name, mut matches) = matches.subcommand_matches("phase")?.subcommand()?;
    let mut path = name.to_owned();
    while let Some((name, inner)) = matches.subcommand() {
        path = format!("{path}/{name}");
        matches = inner;
    }
    Some((path, matches))
}
