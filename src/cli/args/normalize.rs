//! Flag spellings that kubeadm's parser accepts and clap does not.
//!
//! `--pod_network_cidr` means `--pod-network-cidr`, and every switch may have an explicit value: `--dry-run=true`,
//! `--force=false`, `-f=true`. The last occurrence of a switch counts. `-v` without a level means `-v=1`. clap's own definitions say which flags are switches.

use clap::{Arg, ArgAction, Command};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// The same arguments, the program's name first, in the spelling that the parser of `root` knows. What follows `--` is left
/// alone.
pub fn normalize(args: Vec<OsString>, root: &Command) -> Vec<OsString> {
    let mut reader = Reader {
        commands: vec![root],
        switches: BTreeMap::new(),
        words: Vec::new(),
        is_value: true,
        is_over: false,
        level: None,
    };
    for arg in args {
        reader.read(arg);
    }
    reader.assume_level();
    reader.words.into_iter().flatten().collect()
}

struct Reader<'a> {
    /// The commands that were named, from the program on.
    commands: Vec<&'a Command>,
    /// The places of the switches that are on.
    switches: BTreeMap<String, usize>,
    words: Vec<Option<OsString>>,
    /// The next word belongs to the one before: it is an option's value.
    is_value: bool,
    /// `--` was read.
    is_over: bool,
    /// The place of a `-v` whose level may be the next word.
    level: Option<usize>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, word: OsString) {
        let is_level = word.to_str().is_some_and(|word| word.parse::<u8>().is_ok());
        if !is_level {
            self.assume_level();
        }
        self.level = None;
        let is_plain = std::mem::take(&mut self.is_value) || self.is_over;
        let Some(text) = word.to_str().filter(|_| !is_plain) else { return self.words.push(Some(word)) };
        if let Some(flag) = text.strip_prefix("--") {
            self.is_over = flag.is_empty();
            let (name, value) = split(flag);
            let name = name.replace('_', "-");
            let arg = self.find(|arg| {
                arg.get_long() == Some(&name) || arg.get_all_aliases().is_some_and(|all| all.contains(&name.as_str()))
            });
            let spelt = value.map_or_else(|| format!("--{name}"), |value| format!("--{name}={value}"));
            return self.flag(arg, &name, value, spelt);
        }
        if let Some(flag) = text.strip_prefix('-').filter(|flag| !flag.is_empty()) {
            let (letters, value) = split(flag);
            let mut letters = letters.chars();
            if let (Some(letter), None) = (letters.next(), letters.next()) {
                let arg = self.find(|arg| arg.get_short() == Some(letter));
                let name = arg.and_then(Arg::get_long).map_or_else(|| letter.to_string(), str::to_owned);
                return self.flag(arg, &name, value, text.to_owned());
            }
        } else if let Some(below) = self.commands.last().and_then(|command| command.find_subcommand(text)) {
            self.commands.push(below);
        }
        self.words.push(Some(word));
    }

    /// Takes an option over, and a switch only where it is on.
    fn flag(&mut self, arg: Option<&'a Arg>, name: &str, value: Option<&str>, spelt: String) {
        let is_switch = arg.is_some_and(|arg| matches!(arg.get_action(), ArgAction::SetTrue));
        let on = if is_switch { value.map_or(Some(true), as_go_reads_it) } else { None };
        let Some(on) = on else {
            self.level = (name == "v" && arg.is_some() && value.is_none()).then_some(self.words.len());
            self.is_value = value.is_none()
                && arg.is_some_and(|arg| arg.get_action().takes_values() && !arg.is_require_equals_set());
            return self.words.push(Some(spelt.into()));
        };
        if let Some(earlier) = self.switches.remove(name).and_then(|place| self.words.get_mut(place)) {
            *earlier = None;
        }
        if on {
            self.switches.insert(name.to_owned(), self.words.len());
            let bare = spelt.split('=').next().unwrap_or_default();
            self.words.push(Some(bare.into()));
        }
    }

    /// Gives a `-v` that no level follows the level 1.
    fn assume_level(&mut self) {
        if let Some(word) = self.level.take().and_then(|place| self.words.get_mut(place)) {
            *word = Some("-v=1".into());
            self.is_value = false;
        }
    }

    /// The option of the command that was named, or one of all commands.
    fn find(&self, is_it: impl Fn(&Arg) -> bool) -> Option<&'a Arg> {
        let (last, above): (&&'a Command, &[&'a Command]) = self.commands.split_last()?;
        let global = above.iter().flat_map(|command| command.get_arguments()).filter(|arg| arg.is_global_set());
        last.get_arguments().chain(global).find(|arg| is_it(arg))
    }
}

fn split(flag: &str) -> (&str, Option<&str>) {
    flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)))
}

/// The words that Go's `strconv.ParseBool` takes.
pub fn as_go_reads_it(value: &str) -> Option<bool> {
    match value {
        "true" | "True" | "TRUE" | "T" | "t" | "1" => Some(true),
        "false" | "False" | "FALSE" | "F" | "f" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parse;

    fn normalized(line: &str) -> String {
        let args = ["kubewright"].into_iter().chain(line.split(' ')).map(OsString::from).collect();
        let words = normalize(args, &parse::command());
        words[1..].iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn spellings_of_kubeadm_are_understood() {
        for (given, meant) in [
            ("init --pod_network_cidr=10.0.0.0/8", "init --pod-network-cidr=10.0.0.0/8"),
            ("init --dry-run=true --upload-certs=false", "init --dry-run"),
            ("init --node-name=a_b x_y -v5", "init --node-name=a_b x_y -v5"),
            ("init -- --dry-run=true", "init -- --dry-run=true"),
            ("init --dry-run --dry-run=false", "init"),
            ("init --dry-run=false --dry_run", "init --dry-run"),
            ("init --dry-run=perhaps", "init --dry-run=perhaps"),
            ("reset -f=true --force=0", "reset"),
            ("reset -f=1", "reset -f"),
            ("init --dry-run -v", "init --dry-run -v=1"),
            ("-v init --v --dry-run=true", "-v=1 init -v=1 --dry-run"),
            ("init -v 5 --v=2 --v 1", "init -v 5 --v=2 --v 1"),
            // The value of an option may look like a switch or a command.
            ("init --node-name reset --dry-run=true", "init --node-name reset --dry-run"),
            ("init --node-name --dry-run=true", "init --node-name --dry-run=true"),
            ("init phase certs all --dry-run=true", "init phase certs all --dry-run"),
        ] {
            assert_eq!(normalized(given), meant, "{given}");
        }
    }

    #[test]
    fn every_switch_of_every_command_takes_true_and_false() {
        fn walk(command: &Command, path: &str, seen: &mut usize) {
            for arg in command.get_arguments().filter(|arg| matches!(arg.get_action(), ArgAction::SetTrue)) {
                let Some(long) = arg.get_long() else { continue };
                for (value, expected) in [("true", format!("{path}--{long}")), ("false", path.trim_end().to_owned())] {
                    let args = format!("kubewright {path}--{long}={value}").split(' ').map(OsString::from).collect();
                    let words = normalize(args, &parse::command());
                    let words: Vec<&str> = words[1..].iter().map(|word| word.to_str().unwrap()).collect();
                    assert_eq!(words.join(" "), expected, "{path}--{long}={value}");
                }
                *seen += 1;
            }
            // Below `phase` all commands have the flags of their workflow.
            for below in command.get_subcommands().filter(|_| !path.contains("phase ")) {
                walk(below, &format!("{path}{} ", below.get_name()), seen);
            }
        }
        let mut seen = 0;
        walk(&parse::command(), "", &mut seen);
        assert!(seen > 20, "{seen}");
    }
}
