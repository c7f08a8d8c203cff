//! From arguments to a request: kubeadm's spellings, the phase subcommands, and helpful errors for a command line that
//! cannot be parsed.

use super::args::global::Output;
use super::args::{Cli, Command, Global, init::InitArgs, join::JoinArgs, normalize, phase, reset::ResetArgs};
use crate::base::suggest::similar;
use crate::phases;
use crate::pipeline::{PhaseList, PipelineError};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches};
use std::ffi::OsString;

/// The outcome of parsing.
pub enum Parsed {
    /// A command to run.
    Request(Box<Request>),
    /// A text to print: help or version.
    Help(String),
}

/// A command, its options, and the selected phase.
pub struct Request {
    /// Options of every command.
    pub global: Global,
    /// The command.
    pub command: Command,
    /// The path below `… phase`, if a phase was selected.
    pub phase: Option<String>,
}

/// A command line that cannot be parsed.
pub struct UsageError {
    /// The error, in a line or two.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// Texts that must not be printed.
    pub secrets: Vec<String>,
}

impl UsageError {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), secrets: Vec::new() }
    }
}

/// Parses the arguments, including the program name.
pub fn parse(args: Vec<OsString>) -> Result<Parsed, UsageError> {
    let args = without_help_command(args);
    let named = |name: &str| args.iter().any(|arg| arg == name);
    let mut command = tree(&named);
    let args = normalize::normalize(args, &command);
    let matches = match command.try_get_matches_from_mut(args) {
        Ok(matches) => matches,
        Err(error) => return help_or_usage(&error),
    };
    let usage = |error: clap::Error| UsageError::new(error.to_string(), "run 'kubewright --help'");
    let mut cli = Cli::from_arg_matches(&matches).map_err(usage)?;
    let mut path = None;
    let has_phases = matches!(cli.command, Command::Init(_) | Command::Join(_) | Command::Reset(_));
    let below = matches.subcommand().filter(|_| has_phases).and_then(|(_, command)| phase::chosen(command));
    if let Some((chosen, leaf)) = below {
        match &mut cli.command {
            Command::Init(args) => **args = InitArgs::from_arg_matches(leaf).map_err(usage)?,
            Command::Join(args) => *args = JoinArgs::from_arg_matches(leaf).map_err(usage)?,
            Command::Reset(args) => *args = ResetArgs::from_arg_matches(leaf).map_err(usage)?,
            _ => {}
        }
        cli.global = Global::from_arg_matches(leaf).map_err(usage)?;
        path = Some(chosen);
    }
    if cli.global.output == Output::Short && !matches!(cli.command, Command::Version(_)) {
        let message = "the output format 'short' is only available for 'version'";
        return Err(UsageError::new(message, "use '-o text', '-o json' or '-o yaml'"));
    }
    Ok(Parsed::Request(Box::new(Request { global: cli.global, command: cli.command, phase: path })))
}

/// `kubewright help COMMAND`, which kubeadm and kubectl have, means `kubewright COMMAND --help`.
fn without_help_command(mut args: Vec<OsString>) -> Vec<OsString> {
    if args.get(1).is_some_and(|word| word == "help") {
        args.remove(1);
        args.push("--help".into());
    }
    args
}

/// The whole command tree including phases: for parsing, completion and manual pages.
pub fn command() -> clap::Command {
    tree(&|_| true)
}

/// A workflow's name, how to load its phases, and how to add its flags to a command.
type List = (&'static str, Load, fn(clap::Command) -> clap::Command);

/// How to load a list of phases.
type Load = fn() -> Result<PhaseList, PipelineError>;

/// The workflows of `upgrade`, whose phases are listed and can be skipped.
const UPGRADES: [(&str, Load); 2] =
    [("apply", || Ok(phases::upgrade_apply_workflow()?.list)), ("node", || Ok(phases::upgrade_node_workflow()?.list))];

/// The command tree with the phases of the `wanted` commands: building all of them takes longer than most commands run.
fn tree(wanted: &dyn Fn(&str) -> bool) -> clap::Command {
    let mut command = Cli::command();
    // A phase list that fails to load is a bug in this build; a test loads all of them.
    let lists: [List; 3] = [
        ("init", || Ok(phases::init_workflow()?.list), InitArgs::augment_args),
        ("join", || Ok(phases::join_workflow()?.list), JoinArgs::augment_args),
        ("reset", || Ok(phases::reset_workflow()?.list), ResetArgs::augment_args),
    ];
    for (name, load, flags) in lists {
        if wanted(name)
            && let Ok(list) = load()
        {
            let phases = phase::command(&list, &flags);
            command = command.mut_subcommand(name, |own| own.after_help(list.help()).subcommand(phases));
        }
    }
    if wanted("upgrade") {
        for (name, load) in UPGRADES {
            if let Ok(list) = load() {
                let help = list.help();
                command = command
                    .mut_subcommand("upgrade", |upgrade| upgrade.mut_subcommand(name, |own| own.after_help(help)));
            }
        }
    }
    like_pflag(command)
}

/// A flag given twice keeps its last value, as in Go; lists are joined.
fn like_pflag(command: clap::Command) -> clap::Command {
    command.args_override_self(true).mut_subcommands(like_pflag)
}

fn help_or_usage(error: &clap::Error) -> Result<Parsed, UsageError> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Ok(Parsed::Help(error.to_string()))
        }
        _ => Err(usage_error(error)),
    }
}

fn usage_error(error: &clap::Error) -> UsageError {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let help = "run 'kubewright --help' or add '--help' to the command";
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let given = text(ContextKind::InvalidArg).unwrap_or_default();
            let near = text(ContextKind::SuggestedArg).or_else(|| near_flag(&given)).filter(|flag| *flag != given);
            let hint = near.map_or_else(|| help.to_owned(), |flag| format!("did you mean '{flag}'?"));
            UsageError::new(format!("unknown flag '{}'", shown(&given)), hint)
        }
        ErrorKind::InvalidSubcommand => {
            let given = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            let hint = text(ContextKind::SuggestedSubcommand)
                .map_or_else(|| help.to_owned(), |name| format!("did you mean '{name}'?"));
            UsageError::new(format!("unknown command '{}'", shown(&given)), hint)
        }
        _ => {
            let whole = error.to_string();
            let message = whole.strip_prefix("error: ").unwrap_or(&whole);
            let message = message.split("\n\nUsage:").next().unwrap_or(message);
            let message = message.split("\n\nFor more information").next().unwrap_or(message);
            let value = text(ContextKind::InvalidValue).filter(|value| !value.is_empty());
            let message = value.map_or_else(|| message.to_owned(), |value| message.replace(&value, shown(&value)));
            UsageError::new(message.trim_end(), help)
        }
    }
}

/// A word of the command line as a message may repeat it: without the value of a flag, and not if it may be a key or a token.
fn shown(word: &str) -> &str {
    const LONG: usize = 16;
    let name = word.split('=').next().unwrap_or_default();
    match name.starts_with('-') {
        true => name,
        false if word.contains('@') || (word.len() >= LONG && word.contains(|c: char| c.is_ascii_digit())) => "***",
        false => word,
    }
}

/// The flag of any command with the most similar name.
fn near_flag(given: &str) -> Option<String> {
    fn longs(command: &clap::Command, names: &mut Vec<String>) {
        names.extend(command.get_arguments().filter_map(|arg| arg.get_long()).map(|long| format!("--{long}")));
        command.get_subcommands().for_each(|sub| longs(sub, names));
    }
    let mut names = Vec::new();
    longs(&command(), &mut names);
    similar(given, names.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Request {
        match parse(line.split(' ').map(OsString::from).collect()) {
            Ok(Parsed::Request(request)) => *request,
            Ok(Parsed::Help(text)) => panic!("help: {text}"),
            Err(error) => panic!("{}", error.message),
        }
    }

    #[test]
    fn the_command_tree_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn a_phase_takes_the_flags_of_its_workflow() {
        let request = request("kubewright init phase certs apiserver --cert-dir /pki --rootfs /tmp/tree -v5");
        assert_eq!(request.phase.as_deref(), Some("certs/apiserver"));
        assert_eq!(request.global.rootfs, std::path::Path::new("/tmp/tree"));
        let Command::Init(args) = request.command else { panic!("not init") };
        assert_eq!(args.flags.cert_dir.as_deref(), Some("/pki"));
    }

    #[test]
    fn the_last_of_a_repeated_flag_wins_and_lists_add_up() {
        let request =
            request("kubewright init --node-name a --node-name=b --skip-phases addon,certs --skip-phases=etcd");
        let Command::Init(args) = request.command else { panic!("not init") };
        assert_eq!(args.flags.node_name.as_deref(), Some("b"));
        assert_eq!(args.flags.skip_phases, ["addon", "certs", "etcd"]);
    }

    /// A token without its flag, or behind a switch, was repeated in the error.
    #[test]
    fn a_word_that_may_be_a_secret_is_not_repeated() {
        let key = "0123456789abcdef".repeat(4);
        for secret in ["abcdeg.0123456789abcdef", "abcdeg.0123456789abcdeff", &key] {
            for line in [
                "kubewright SECRET",
                "kubewright init --dry-run=SECRET",
                "kubewright init phase SECRET",
                "kubewright init --output SECRET",
                "kubewright version -o=SECRET",
                "kubewright init --SECRET",
                "kubewright token create a --ttl b SECRET",
            ] {
                let line = line.replace("SECRET", secret);
                let Err(error) = parse(line.split(' ').map(OsString::from).collect()) else { panic!("{line}") };
                let text = format!("{} {}", error.message, error.hint);
                assert!(!text.contains(secret) || line.contains("--0") || line.contains("--a"), "{text}");
            }
        }
    }

    #[test]
    fn a_misspelled_word_is_answered_with_the_right_one() {
        let error = |line: &str| parse(line.split(' ').map(OsString::from).collect()).err().unwrap();
        assert_eq!(error("kubewright init --pod-network-cird x").hint, "did you mean '--pod-network-cidr'?");
        assert_eq!(error("kubewright int").hint, "did you mean 'init'?");
        assert_eq!(error("kubewright init --tokn=abcdef.0123456789abcde").message, "unknown flag '--tokn'");
        assert_eq!(error("kubewright init phase cert ca").hint, "did you mean 'certs'?");
    }
}
