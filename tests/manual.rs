//! What is made from the program itself: reference documents, help screens, completion scripts, manual pages.

use crate::support::golden;
use crate::support::run::Run;
use clap::Command;
use kubewright::base::exit_code::ExitCode;
use kubewright::config::schema;
use kubewright::phases;
use std::fmt::Write as _;
use std::process::Stdio;

#[test]
fn the_phases_are_documented_as_they_run() {
    let mut text = "# Phases\n\nThe phases of each command, in order. `kubewright COMMAND phase PATH` runs a single phase, \
                    `--skip-phases PATH` skips it\nand its sub-phases; a PATH is written with spaces in the first case \
                    and with slashes in the second: `certs ca`,\n`certs/ca`. This page is generated from `phases/*.yaml`.\n"
        .to_owned();
    for list in phases::all().unwrap() {
        write!(text, "\n{}", list.markdown()).unwrap();
    }
    golden::check("docs/phases.md", &text);
}

#[test]
fn the_fields_of_configuration_files_are_documented_as_they_are_read() {
    let introduction = "\
# Configuration files

kubewright reads kubeadm's configuration files in every version of their API. A file may contain several documents; `-`
instead of its name reads standard input. To print an example, and to validate a file:

    kubewright config print init-defaults
    kubewright config validate --config cluster.yaml

Unknown fields, fields that the document's version does not have, values of the wrong type, and fields that are set twice
are errors. All errors are reported at once, with line, column, field and the most similar valid name; see
[errors](errors.md). *Versions* lists the versions of the API that have a field, and what replaced it.
This page is generated from the tables that the parser uses.

";
    golden::check("docs/config.md", &format!("{introduction}{}\n", schema::markdown().trim_end()));
}

#[test]
fn the_json_schema_is_that_of_the_tables() {
    golden::check("docs/cluster.schema.json", &format!("{:#}\n", schema::json_schema()));
}

#[test]
fn the_commands_are_documented_as_they_parse() {
    let command = kubewright::cli::command();
    let mut text = "# Commands\n\nEvery command and its options, generated from the parser. Phases are listed in \
                    [phases](phases.md).\n\n## Options of every command\n\n"
        .to_owned();
    text += &table(command.get_arguments().filter(|argument| argument.is_global_set()));
    describe(&command, "", &mut text);
    golden::check("docs/cli.md", &text);
}

fn describe(command: &Command, above: &str, text: &mut String) {
    let path = format!("{above}{}", command.get_name());
    let mut commands: Vec<&Command> = command.get_subcommands().collect();
    commands.sort_by_key(|below| below.get_display_order());
    for below in commands.into_iter().filter(|below| !below.is_hide_set() && below.get_name() != "phase") {
        let own = |argument: &&clap::Arg| !argument.is_global_set() && !argument.is_hide_set();
        write!(text, "\n## {path} {}\n\n{}.\n", below.get_name(), below.get_about().unwrap()).unwrap();
        let rows = table(below.get_arguments().filter(own));
        if rows.lines().count() > 2 {
            write!(text, "\n{rows}").unwrap();
        }
        describe(below, &format!("{path} "), text);
    }
}

fn table<'a>(arguments: impl Iterator<Item = &'a clap::Arg>) -> String {
    let mut text = "| option | what it does |\n|---|---|\n".to_owned();
    for argument in arguments {
        let help = argument.get_help().unwrap_or_else(|| panic!("{} has no help", argument.get_id())).to_string();
        let value = argument.get_value_names().filter(|_| argument.get_action().takes_values());
        let value = value.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        let short = argument.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
        let name = match (argument.get_long(), value) {
            (Some(long), Some(value)) => format!("{short}--{long} {value}"),
            (Some(long), None) => format!("{short}--{long}"),
            (None, value) => value.unwrap(),
        };
        writeln!(text, "| `{}` | {} |", name.replace('|', "\\|"), help.replace('|', "\\|")).unwrap();
    }
    text
}

/// Every command's path, phases included.
fn paths(command: &Command, above: &[String], found: &mut Vec<Vec<String>>) {
    for below in command.get_subcommands() {
        let path: Vec<String> = above.iter().cloned().chain([below.get_name().to_owned()]).collect();
        paths(below, &path, found);
        found.push(path);
    }
}

#[test]
fn every_help_screen_fits_a_terminal_and_describes_what_it_lists() {
    let mut all = vec![Vec::new()];
    paths(&kubewright::cli::command(), &[], &mut all);
    for path in all {
        let run = Run::new(path.iter().cloned()).arg("--help").var("COLUMNS", "80");
        let screen = run.finish().exit(ExitCode::Ok).stderr("").stdout;
        for line in screen.lines() {
            // A usage line is to be copied, so it is not broken.
            assert!(line.chars().count() <= 80 || line.starts_with("Usage: "), "{path:?}: {line:?} is too long");
            assert!(line.trim_end() == line, "{path:?}: {line:?} ends in blanks");
        }
        // A line break of the source in the middle of a sentence left short lines.
        for (line, next) in screen.lines().zip(screen.lines().skip(1)) {
            // Two blanks separate the columns of a table.
            let is_prose = |line: &str| {
                !line.is_empty() && !line.starts_with(' ') && !line.starts_with("Usage: ") && !line.contains("  ")
            };
            let word = next.split(' ').next().unwrap_or_default();
            let is_full = line.chars().count() + 1 + word.chars().count() > 80;
            let is_broken = is_prose(line) && is_prose(next) && !line.ends_with(['.', ':', '!']) && !is_full;
            assert!(!is_broken, "{path:?}: {line:?} is broken before {word:?}");
        }
        for clutter in ["[possible values", "Possible values", "Flags of", "see a summary"] {
            assert!(!screen.contains(clutter), "{path:?} has {clutter:?}:\n{screen}");
        }
    }
}

#[test]
fn every_command_and_option_is_described() {
    fn check(command: &Command, path: &str) {
        assert!(command.get_about().is_some(), "{path} is not described");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path}: {} is not described", argument.get_id());
        }
        command.get_subcommands().for_each(|below| check(below, &format!("{path} {}", below.get_name())));
    }
    check(&kubewright::cli::command(), "kubewright");
}

#[test]
fn only_version_has_a_short_form() {
    Run::new(["token", "generate", "-o", "short"]).finish().exit(ExitCode::Usage).stdout("").stderr_has("-o json");
    for format in ["json", "yaml"] {
        let printed = Run::new(["version", "-o", format]).finish().exit(ExitCode::Ok).stdout;
        let value: serde_json::Value = serde_yaml::from_str(&printed).unwrap();
        assert_eq!(value["version"], concat!("v", env!("CARGO_PKG_VERSION")));
        assert_eq!(value["kubernetes"]["oldest"], "v1.20");
    }
}

#[test]
fn completion_scripts_can_be_read_by_their_shells() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        completion(shell);
    }
    assert_readable("bash");
}

#[test]
#[ignore = "needs zsh"]
fn needs_zsh_completion_script_can_be_read() {
    assert_readable("zsh");
}

#[test]
#[ignore = "needs fish"]
fn needs_fish_completion_script_can_be_read() {
    assert_readable("fish");
}

fn completion(shell: &str) -> String {
    let script = Run::new(["completion", shell]).finish().exit(ExitCode::Ok).stderr("").stdout;
    assert!(script.contains("skip-phases") && script.contains("init-defaults"), "{shell} lacks options");
    script
}

#[track_caller]
fn assert_readable(shell: &str) {
    let mut child = start(shell, &["-n", "/dev/stdin"]);
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), completion(shell).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
}

#[test]
fn every_command_has_a_manual_page() {
    let directory = tempfile::tempdir().unwrap();
    Run::new(["man"]).arg(directory.path()).finish().exit(ExitCode::Ok).stderr("");
    for page in PAGES {
        assert!(directory.path().join(page).exists(), "{page} is missing");
    }
    Run::new(["man", "/nowhere/at/all"]).finish().exit(ExitCode::Input).stderr_has("help: check the path");
}

#[test]
#[ignore = "needs groff"]
fn needs_groff_manual_pages_are_rendered_without_complaint() {
    let directory = tempfile::tempdir().unwrap();
    Run::new(["man"]).arg(directory.path()).finish().exit(ExitCode::Ok).stderr("");
    // What man itself does with them.
    for page in PAGES {
        let page = directory.path().join(page);
        let groff = start("groff", &["-Kutf8", "-man", "-Tutf8", "-ww", page.to_str().unwrap()]);
        let output = groff.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}: {output:?}", page.display());
    }
}

const PAGES: [&str; 4] =
    ["kubewright.1", "kubewright-init.1", "kubewright-config-migrate.1", "kubewright-init-phase-certs-ca.1"];

fn start(program: &str, args: &[&str]) -> std::process::Child {
    let mut command = std::process::Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"))
}
