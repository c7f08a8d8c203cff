//! Flag spellings that kubeadm's parser accepts and clap does not.
//!
//! `--pod_network_cidr` means `--pod-network-cidr`, and a switch may have an explicit value: `--dry-run=true`,
//! `--dry-run=false`.

use clap::{ArgAction, Command};
use std::collections::BTreeSet;
use std::ffi::OsString;

/// The names of the flags that take no value, anywhere in the command tree.
pub fn switches(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter(|arg| matches!(arg.get_action(), ArgAction::SetTrue));
    let own = own.flat_map(|arg| arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default()));
    let own = own.map(str::to_owned);
    own.chain(command.get_subcommands().flat_map(switches)).collect()
}

/// The same arguments in the spelling that clap knows; `switches` accept `=true` or `=false`. Everything after `--` is left
/// unchanged.
pub fn normalize(args: Vec<OsString>, switches: &BTreeSet<String>) -> Vec<OsString> {
    let mut flags = true;
    args.into_iter()
        .filter_map(|arg| {
            flags &= arg != "--";
            match arg.to_str() {
                Some(text) if flags => normalize_one(text, switches).map(OsString::from),
                _ => Some(arg),
            }
        })
        .collect()
}

/// None if the argument sets a switch to its default.
fn normalize_one(arg: &str, switches: &BTreeSet<String>) -> Option<String> {
    let Some(flag) = arg.strip_prefix("--") else { return Some(arg.to_owned()) };
    let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
    let name = name.replace('_', "-");
    match value {
        Some("true" | "True" | "TRUE" | "T" | "t" | "1") if switches.contains(&name) => Some(format!("--{name}")),
        Some("false" | "False" | "FALSE" | "F" | "f" | "0") if switches.contains(&name) => None,
        Some(value) => Some(format!("--{name}={value}")),
        None => Some(format!("--{name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(args: &[&str]) -> Vec<String> {
        let switches = switches(&crate::cli::command());
        normalize(args.iter().map(OsString::from).collect(), &switches)
            .into_iter()
            .map(|a| a.into_string().unwrap())
            .collect()
    }

    #[test]
    fn spellings_of_kubeadm_are_understood() {
        assert_eq!(normalized(&["--pod_network_cidr=10.0.0.0/8"]), ["--pod-network-cidr=10.0.0.0/8"]);
        assert_eq!(normalized(&["--dry-run=true", "--upload-certs=false"]), ["--dry-run"]);
        assert_eq!(normalized(&["--node-name=a_b", "x_y", "-v5"]), ["--node-name=a_b", "x_y", "-v5"]);
        assert_eq!(normalized(&["--", "--dry-run=true"]), ["--", "--dry-run=true"]);
    }

    #[test]
    fn every_switch_accepts_an_explicit_value() {
        for switch in ["--print-manifest", "--now", "--quiet", "--keep-backups", "--adopt-existing-etcd-data"] {
            assert_eq!(normalized(&[&format!("{switch}=true"), &format!("{switch}=false")]), [switch]);
        }
        assert_eq!(normalized(&["--rootfs=true"]), ["--rootfs=true"], "a flag with a value keeps it");
    }
}
