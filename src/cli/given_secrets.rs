//! The secrets of a command line and its variables. No message repeats them, whatever goes wrong.

use crate::base::suggest::similar;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// The flags with a secret value.
pub const FLAGS: [&str; 4] = ["token", "discovery-token", "tls-bootstrap-token", "certificate-key"];
/// The variables with a secret value.
const VARIABLES: [&str; 2] = ["KUBEWRIGHT_TOKEN", "KUBEWRIGHT_CERTIFICATE_KEY"];
/// The end of the names of variables whose address may have a password.
const PROXY: &str = "_proxy";

/// The secrets in these arguments and variables, the longest first.
pub fn of(args: &[OsString], vars: &BTreeMap<String, String>) -> Vec<String> {
    let words: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let mut secrets: Vec<String> = Vec::new();
    for (nth, word) in words.iter().enumerate() {
        secrets.extend(word.split(['=', ',']).filter(|part| looks_secret(part)).map(str::to_owned));
        let Some(flag) = word.strip_prefix("--") else { continue };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        if is_secret(&name.replace('_', "-")) {
            let next = || words.get(nth + 1).map(String::as_str);
            secrets.extend(value.or_else(next).map(str::to_owned));
        }
    }
    secrets.extend(VARIABLES.iter().filter_map(|name| vars.get(*name)).map(|value| value.trim().to_owned()));
    let proxies = vars.iter().filter(|(name, _)| name.to_ascii_lowercase().ends_with(PROXY));
    for user in proxies.filter_map(|(_, value)| user_of(value)) {
        secrets.extend(user.split_once(':').map(|(_, password)| password.to_owned()));
        secrets.push(user.to_owned());
    }
    secrets.retain(|secret| !secret.is_empty());
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

/// True for a token or a certificate key that is a few characters too long or too short, whatever it was given for.
fn looks_secret(word: &str) -> bool {
    let is_part = |part: &str, about: usize| {
        part.len().abs_diff(about) <= 2 && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match word.split_once('.') {
        Some((id, secret)) => is_part(id, 6) && is_part(secret, 16) && secret.contains(|c: char| c.is_ascii_digit()),
        None => is_part(word, 64) && word.bytes().filter(u8::is_ascii_hexdigit).count() + 2 >= word.len(),
    }
}

/// True for these flags, and for a misspelt one.
fn is_secret(name: &str) -> bool {
    const MISTAKES: usize = 2;
    // Those that name a file, such as --discovery-file, are similar too.
    if name.ends_with("file") {
        return false;
    }
    FLAGS.contains(&name) || similar(name, FLAGS).is_some_and(|near| near.len().abs_diff(name.len()) <= MISTAKES)
}

/// `USER:PASSWORD` of an address.
fn user_of(address: &str) -> Option<&str> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.rsplit_once('@').map(|(user, _)| user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    fn found(line: &str, vars: &[(&str, &str)]) -> Vec<String> {
        let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        of(&args, &vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn every_secret_flag_and_variable_is_known() {
        assert_eq!(
            found("x --token=aaaaaa --discovery_token bbbbbb --certificat-key c", &[]),
            ["aaaaaa", "bbbbbb", "c"]
        );
        assert_eq!(found("x --token-ttl 24h --discovery-token-ca-cert-hash sha256:00 --node-name n", &[]), [""; 0]);
        assert_eq!(found("x --discovery-file missing.conf --token-file t.txt", &[]), [""; 0]);
        let vars = [("KUBEWRIGHT_TOKEN", "t\n"), ("https_proxy", "http://joe:pw@p:1"), ("HOME", "/root")];
        assert_eq!(found("x", &vars), ["joe:pw", "pw", "t"]);
    }

    #[test]
    fn a_mistyped_secret_is_known_wherever_it_is_given() {
        let key = format!("{}x", "0a".repeat(32));
        let line = format!("x --ttl abcdeg.0123456789abcdefg {key} --dry-run=Abcdeg.0123456789abcdef");
        assert_eq!(found(&line, &[]), [key.as_str(), "abcdeg.0123456789abcdefg", "Abcdeg.0123456789abcdef"]);
        assert_eq!(found("join node01.example.com:6443 --node-name cp-1.example --config a.yaml", &[]), [""; 0]);
    }

    /// A flag for a secret that is added later must be listed here.
    #[test]
    fn all_flags_whose_values_are_secret_are_listed() {
        fn walk(command: &clap::Command, longs: &mut Vec<String>) {
            longs.extend(command.get_arguments().filter_map(|arg| arg.get_long()).map(str::to_owned));
            command.get_subcommands().for_each(|below| walk(below, longs));
        }
        let mut longs = Vec::new();
        walk(&command(), &mut longs);
        for flag in FLAGS {
            assert!(longs.iter().any(|long| long == flag), "--{flag}");
        }
        let others = ["ttl", "hash", "file", "print", "verification", "length", "host-keys"];
        let listed = |long: &str| FLAGS.contains(&long) || others.iter().any(|end| long.ends_with(end));
        let named = |long: &&String| ["token", "key", "password", "secret"].iter().any(|part| long.contains(part));
        for long in longs.iter().filter(named) {
            assert!(listed(long), "--{long}");
        }
    }
}
