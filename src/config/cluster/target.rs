//! How a host is reached: `[USER@]HOST[:PORT]`.

use crate::config::problem::Complaint;
use crate::config::validate::{Validated, net};

/// The address of a host's SSH server, as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// None: as ~/.ssh/config or the current user says.
    pub user: Option<String>,
    /// A name, an alias of ~/.ssh/config or an address without brackets.
    pub host: String,
    pub port: Option<u16>,
}

impl Target {
    /// Parses `[USER@]HOST[:PORT]`, with brackets around an IPv6 address that has a port.
    pub fn parse(text: &str) -> Validated<Self> {
        let (user, rest) = text.rsplit_once('@').map_or((None, text), |(user, rest)| (Some(user), rest));
        let (host, port) = match rest.strip_prefix('[') {
            Some(inner) => {
                let (host, after) = inner.split_once(']').ok_or_else(|| {
                    Complaint::with_help(format!("{text:?} has no closing bracket"), "write '[ADDRESS]:PORT'")
                })?;
                if !after.is_empty() && !after.starts_with(':') {
                    return Err(Complaint::with_help(format!("{text:?} is not a host"), "write '[ADDRESS]:PORT'"));
                }
                (host, after.strip_prefix(':'))
            }
            // More than one colon: an address without brackets and port.
            None if rest.matches(':').count() > 1 => (rest, None),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map(net::port).transpose()?;
        let user = user.map(user_name).transpose()?;
        Ok(Self { user, host: host_name(host)?, port })
    }
}

/// A user, which a shell or an option of ssh could not take for something else.
pub(super) fn user_name(text: &str) -> Validated<String> {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '\\' | '$' | '@' | '+');
    if text.is_empty() || text.starts_with('-') || !text.chars().all(good) {
        let help = if text.contains(':') {
            "passwords do not belong in this file: use a key or an agent"
        } else {
            "write USER@HOST"
        };
        return Err(Complaint::with_help("is not a user name", help));
    }
    Ok(text.to_owned())
}

fn host_name(text: &str) -> Validated<String> {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '%');
    if text.contains("://") || text.contains('/') {
        return Err(Complaint::with_help(format!("{text:?} is not a host"), "remove the scheme and the path"));
    }
    if text.is_empty() || text.starts_with('-') || !text.chars().all(good) {
        return Err(Complaint::with_help(format!("{text:?} is not a host"), "write '[USER@]HOST[:PORT]'"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_ports_and_brackets_are_optional() {
        for (text, user, host, port) in [
            ("root@10.0.0.11", Some("root"), "10.0.0.11", None),
            ("cp-1", None, "cp-1", None),
            ("cp-1:2222", None, "cp-1", Some(2222)),
            ("ops@[fd00::1]:22", Some("ops"), "fd00::1", Some(22)),
            ("fd00::1", None, "fd00::1", None),
            ("[fe80::1%eth0]", None, "fe80::1%eth0", None),
            ("me@corp@host", Some("me@corp"), "host", None),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!((target.user.as_deref(), target.host.as_str(), target.port), (user, host, port), "{text}");
        }
    }

    #[test]
    fn what_ssh_or_a_shell_would_take_for_something_else_is_refused() {
        for text in [
            "",
            "root@",
            "-oProxyCommand=x",
            "a b",
            "$(id)",
            "root@h:0",
            "h:99999",
            "ssh://h",
            "[fd00::1",
            "[::1]22",
            "-l@h",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
        let complaint = Target::parse("root:secret@h").unwrap_err();
        assert!(!complaint.what.contains("secret") && complaint.help.unwrap().contains("passwords"));
    }
}
