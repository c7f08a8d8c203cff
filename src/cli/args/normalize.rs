//! Flag spellings that kubeadm's parser accepts and clap does not.
//!
//! `--pod_network_cidr` means `--pod-network-cidr`, and a switch may have an explicit value: `--dry-run=true`,
//! `--dry-run=false`.

use std::ffi::OsString;

/// The switches that accept `=true` or `=false`.
const SWITCHES: [&str; 19] = [
    "allow-experimental-api",
    "fix",
    "undo-fix",
    "dry-run",
    "upload-certs",
    "skip-token-print",
    "skip-certificate-key-print",
    "quiet",
    "force",
    "control-plane",
    "print-join-command",
    "discovery-token-unsafe-skip-ca-verification",
    "no-restart",
    "offline",
    "sync-config",
    "cleanup-tmp-dir",
    "accept-quorum-loss",
    "yes",
    "dead",
];

/// The same arguments in the spelling that clap knows. Everything after `--` is left unchanged.
pub fn normalize(args: Vec<OsString>) -> Vec<OsString> {
    let mut flags = true;
    args.into_iter()
        .filter_map(|arg| {
            flags &= arg != "--";
            match arg.to_str() {
                Some(text) if flags => normalize_one(text).map(OsString::from),
                _ => Some(arg),
            }
        })
        .collect()
}

/// None if the argument sets a switch to its default.
fn normalize_one(arg: &str) -> Option<String> {
    let Some(flag) = arg.strip_prefix("--") else { return Some(arg.to_owned()) };
    let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
    let name = name.replace('_', "-");
    match value {
        Some("true" | "True" | "TRUE" | "T" | "t" | "1") if SWITCHES.contains(&name.as_str()) => {
            Some(format!("--{name}"))
        }
        Some("false" | "False" | "FALSE" | "F" | "f" | "0") if SWITCHES.contains(&name.as_str()) => None,
        Some(value) => Some(format!("--{name}={value}")),
        None => Some(format!("--{name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(args: &[&str]) -> Vec<String> {
        normalize(args.iter().map(OsString::from).collect()).into_iter().map(|a| a.into_string().unwrap()).collect()
    }

    #[test]
    fn spellings_of_kubeadm_are_understood() {
        assert_eq!(normalized(&["--pod_network_cidr=10.0.0.0/8"]), ["--pod-network-cidr=10.0.0.0/8"]);
        assert_eq!(normalized(&["--dry-run=true", "--upload-certs=false"]), ["--dry-run"]);
        assert_eq!(normalized(&["--node-name=a_b", "x_y", "-v5"]), ["--node-name=a_b", "x_y", "-v5"]);
        assert_eq!(normalized(&["--", "--dry-run=true"]), ["--", "--dry-run=true"]);
    }
}
