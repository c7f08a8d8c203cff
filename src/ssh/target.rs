//! Where to connect and how: what was typed, and what it means after `ssh_config` has been read.

use super::host_key::Pin;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What OpenSSH does not limit by default, and a run over many hosts must.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Notices a dead connection within a minute.
pub const KEEPALIVE: Keepalive = Keepalive { interval: Duration::from_secs(15), count: 4 };

/// A host as typed: `[USER@]HOST[:PORT]`. HOST is a name, an address (IPv6 in brackets if a port follows), or an alias of
/// `ssh_config`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    pub user: Option<String>,
    pub host: String,
    pub port: Option<u16>,
}

/// The text is not `[USER@]HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not [USER@]HOST[:PORT]: {why}")]
pub struct AddressError {
    pub text: String,
    pub why: &'static str,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = |why| AddressError { text: crate::base::sanitize::line(text), why };
        let rest = text.strip_prefix("ssh://").map_or(text, |rest| rest.trim_end_matches('/'));
        let (user, rest) = match rest.rsplit_once('@') {
            Some(("", _)) => return Err(wrong("the user is empty")),
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, rest),
        };
        let (host, port) = if let Some(rest) = rest.strip_prefix('[') {
            let (host, after) = rest.split_once(']').ok_or_else(|| wrong("a ']' is missing"))?;
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return Err(wrong("only ':PORT' may follow ']'")),
            }
        } else if rest.matches(':').count() > 1 {
            (rest, None)
        } else {
            rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)))
        };
        let port =
            port.map(str::parse::<u16>).transpose().map_err(|_| wrong("the port is not a number up to 65535"))?;
        if port == Some(0) {
            return Err(wrong("the port is not a number from 1 on"));
        }
        if host.is_empty() {
            return Err(wrong("the host is empty"));
        }
        if let Some(user) = &user
            && (user.starts_with('-') || user.chars().any(|c| !is_plain(c) || "'\"`;&<>|(){}$\\".contains(c)))
        {
            return Err(wrong("the user has characters that no user has"));
        }
        if host.starts_with('-') || host.chars().any(|c| !is_plain(c) || !(c.is_alphanumeric() || "._-:%".contains(c)))
        {
            return Err(wrong("the host has characters that no host has"));
        }
        Ok(Self { user, host: host.to_owned(), port })
    }
}

fn is_plain(c: char) -> bool {
    !c.is_control() && !c.is_whitespace()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match (self.port, self.host.contains(':')) {
            (Some(port), true) => write!(f, "[{}]:{port}", self.host),
            (Some(port), false) => write!(f, "{}:{port}", self.host),
            (None, _) => f.write_str(&self.host),
        }
    }
}

/// What a caller knows better than `ssh_config`: the entry of a host in a file of the cluster, or flags. Fields that are
/// None or empty leave `ssh_config` as it is.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub user: Option<String>,
    pub port: Option<u16>,
    /// Private keys; if there are any, only they are offered.
    pub keys: Vec<PathBuf>,
    /// `[USER@]HOST[:PORT],…`, or `none`.
    pub jump: Option<String>,
    /// Host keys that the host must have; if there are any, `known_hosts` does not decide.
    pub pins: Vec<Pin>,
    pub unknown_keys: Option<UnknownKeys>,
    pub connect_timeout: Option<Duration>,
    pub keepalive: Option<Keepalive>,
    pub transport: Option<Transports>,
}

/// What happens with a host whose key is unverified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownKeys {
    /// The fingerprint is shown, and nothing is sent.
    Stop,
    /// The key is accepted, and added to the user's file of known hosts. A changed key is not.
    Accept,
}

/// The program that speaks SSH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transports {
    /// This one.
    Own,
    /// `ssh` of this machine, with its own configuration, for what ours cannot do.
    System,
}

/// How a dead connection is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// The time without any data after which the host is asked for a sign of life; zero: never.
    pub interval: Duration,
    /// The number of unanswered requests after which the connection is lost.
    pub count: u32,
}

/// Which of a host's addresses are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Any,
    Inet,
    Inet6,
}

/// The socket of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentSocket {
    /// `IdentityAgent none`.
    Never,
    /// `SSH_AUTH_SOCK`, if it is set.
    Environment,
    At(PathBuf),
}

/// A host, and everything that decides how it is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host as typed, for messages and for the system's `ssh`.
    pub alias: String,
    /// What is connected to: an address or a name.
    pub host: String,
    pub port: u16,
    pub user: String,
    /// Private keys in the order in which they are offered.
    pub identity_files: Vec<PathBuf>,
    /// The files were named; those that OpenSSH tries by default were not.
    pub identities_named: bool,
    pub certificate_files: Vec<PathBuf>,
    /// Keys of the agent are offered only if they are in `identity_files`.
    pub identities_only: bool,
    pub agent: AgentSocket,
    /// Files of known hosts; a new key is written to the first.
    pub known_hosts: Vec<PathBuf>,
    pub global_known_hosts: Vec<PathBuf>,
    /// Names in a new line of the file of known hosts are hashed.
    pub hash_known_hosts: bool,
    pub host_key_alias: Option<String>,
    pub unknown_keys: UnknownKeys,
    pub pins: Vec<Pin>,
    /// Lists of algorithms as `ssh_config` has them.
    pub algorithms: Algorithms,
    pub connect_timeout: Duration,
    pub keepalive: Keepalive,
    pub family: Family,
    /// Hosts to connect through, the first one first.
    pub jumps: Vec<Target>,
    pub transport: Transports,
    /// For the system's `ssh`, which decides the rest itself: the file given with `-F`, and what was typed.
    pub config_file: Option<PathBuf>,
    pub typed_user: Option<String>,
    pub typed_port: Option<u16>,
    pub typed_jump: Option<String>,
}

/// Lists of algorithms as `ssh_config` has them: `a,b`, `+a`, `-a*`, `^a`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Algorithms {
    pub host_key: Option<String>,
    pub kex: Option<String>,
    pub ciphers: Option<String>,
    pub macs: Option<String>,
}

impl Target {
    /// The name under which its key is known: `HOST`, `[HOST]:PORT`, or the alias that `HostKeyAlias` gives.
    pub fn key_name(&self) -> String {
        match &self.host_key_alias {
            Some(alias) => alias.to_lowercase(),
            None => super::known_hosts::name(&self.host, self.port),
        }
    }

    /// `USER@HOST:PORT`, as connected to.
    pub fn shown(&self) -> String {
        let (user, host, port) = (Some(self.user.clone()), self.host.clone(), Some(self.port));
        Address { user, host, port }.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (Option<String>, String, Option<u16>) {
        let Address { user, host, port } = text.parse().unwrap();
        (user, host, port)
    }

    #[test]
    fn addresses_are_read_as_people_type_them() {
        assert_eq!(parts("n1"), (None, "n1".into(), None));
        assert_eq!(parts("root@10.0.0.1:2222"), (Some("root".into()), "10.0.0.1".into(), Some(2222)));
        assert_eq!(parts("ssh://ops@n1:22/"), (Some("ops".into()), "n1".into(), Some(22)));
        assert_eq!(parts("[fe80::1%eth0]:22"), (None, "fe80::1%eth0".into(), Some(22)));
        assert_eq!(parts("u@2001:db8::1"), (Some("u".into()), "2001:db8::1".into(), None));
        assert_eq!(parts("dom\u{e4}ne@x@h").0.as_deref(), Some("dom\u{e4}ne@x"));
        assert_eq!("[::1]:7".parse::<Address>().unwrap().to_string(), "[::1]:7");
    }

    #[test]
    fn an_address_is_never_taken_for_an_option_or_a_command() {
        for text in [
            "",
            "@h",
            "u@",
            "h:0",
            "h:70000",
            "h:x",
            "[::1",
            "[::1]x",
            "-oProxyCommand=x",
            "-l@h",
            "a b",
            "h;x",
            "u`x`@h",
            "$(x)",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
