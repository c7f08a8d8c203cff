//! Options that every command has, and the small commands about kubewright itself.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Take every host path below this folder and touch nothing outside of it
    #[arg(long, global = true, value_name = "DIR", default_value = "/", hide_default_value = true)]
    pub rootfs: PathBuf,
    /// How the result is printed
    #[arg(long, short, global = true, value_enum, value_name = "FORMAT", default_value = "text")]
    pub output: Output,
    /// How progress is told on standard error
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value = "text")]
    pub events: EventFormat,
    /// Say nothing but results, warnings and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Accepted for kubeadm's sake; from 5 on an error shows every place it passed through
    #[arg(long = "v", short = 'v', global = true, value_name = "LEVEL", num_args = 0..=1, default_missing_value = "1", default_value = "0", hide_default_value = true)]
    pub verbosity: u8,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
    /// As short as it can be (`version` only).
    Short,
}

/// How progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EventFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `version` has no options of its own.
#[derive(Clone, Debug, Args)]
pub struct VersionArgs {}

/// Options of `completion`.
#[derive(Clone, Debug, Args)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// The shells with a completion script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU bash.
    Bash,
    /// Z shell.
    Zsh,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
}

/// Options of `man`.
#[derive(Clone, Debug, Args)]
pub struct ManArgs {
    /// The folder, which must be there
    pub folder: PathBuf,
}
