//! Which lines apply to a host: `Host` and `Match`, and the first value of each keyword.

use super::error::{At, ConfigError};
use super::expand;
use super::keywords::{self, Use};
use super::load::Item;
use super::pattern;
use super::place::Place;
use super::values::Values;
use crate::base::sanitize;

/// What patterns are compared with.
pub(super) struct Subject<'a> {
    /// The host as typed.
    pub alias: &'a str,
    /// The user if it was typed.
    pub user: Option<&'a str>,
    pub place: &'a Place,
    /// The second time, for `Match final`.
    pub last: bool,
}

/// Adds the values of the lines that apply.
pub(super) fn walk(items: &[Item], subject: &Subject<'_>, values: &mut Values) -> Result<(), ConfigError> {
    within(items, subject, values, true)
}

/// True if a line needs the second time.
pub(super) fn has_final(items: &[Item]) -> bool {
    items.iter().any(|item| match item {
        Item::Match(words, _) => words.iter().any(|word| word.trim_start_matches('!').eq_ignore_ascii_case("final")),
        Item::Include(items) => has_final(items),
        _ => false,
    })
}

fn within(items: &[Item], subject: &Subject<'_>, values: &mut Values, reachable: bool) -> Result<(), ConfigError> {
    let mut active = reachable;
    for item in items {
        match item {
            Item::Host(patterns) => {
                let name = if subject.last { values.host(subject)? } else { subject.alias.to_owned() };
                active = reachable && pattern::matches_list(patterns.iter().map(String::as_str), &name.to_lowercase());
            }
            Item::Match(words, at) => active = reachable && criteria(words, at, subject, values)?,
            // Lines of the file that include another one continue in the block that they are in.
            Item::Include(items) => within(items, subject, values, active)?,
            Item::Set(keyword, arguments, at) if active => set(keyword, arguments, at, subject, values)?,
            Item::Set(..) => {}
        }
    }
    Ok(())
}

fn set(
    keyword: &str,
    arguments: &[String],
    at: &At,
    subject: &Subject<'_>,
    values: &mut Values,
) -> Result<(), ConfigError> {
    let host = || subject.alias.to_owned();
    match keywords::of(keyword) {
        Some(Use::Ignored) => {}
        Some(Use::First) => values.first(keyword, arguments, at),
        Some(Use::All) => values.all(keyword, arguments, at),
        // The first value counts here too, and a jump host that comes first counts before a command.
        Some(Use::Refused(allowed, why)) => {
            let is_allowed = allowed.iter().any(|word| arguments[0].eq_ignore_ascii_case(word));
            let decided = values.has(keyword) || (keyword == "proxycommand" && values.has("proxyjump"));
            if !is_allowed && !decided {
                return Err(ConfigError::Unsupported { at: at.clone(), what: shown(keyword), host: host(), why });
            }
            if !decided {
                values.first(keyword, arguments, at);
            }
        }
        None => {
            let ignored = values.words("ignoreunknown").unwrap_or_default().to_lowercase();
            if !pattern::matches_list(ignored.split([',', ' ']), keyword) {
                let why = ": OpenSSH has no such keyword";
                return Err(ConfigError::Unsupported { at: at.clone(), what: shown(keyword), host: host(), why });
            }
        }
    }
    Ok(())
}

fn shown(keyword: &str) -> String {
    const SPELLED: [(&str, &str); 8] = [
        ("bindaddress", "BindAddress"),
        ("bindinterface", "BindInterface"),
        ("canonicalizehostname", "CanonicalizeHostname"),
        ("knownhostscommand", "KnownHostsCommand"),
        ("pkcs11provider", "PKCS11Provider"),
        ("proxycommand", "ProxyCommand"),
        ("pubkeyauthentication", "PubkeyAuthentication"),
        ("revokedhostkeys", "RevokedHostKeys"),
    ];
    SPELLED.iter().find(|(name, _)| *name == keyword).map_or_else(|| sanitize::line(keyword), |(_, s)| (*s).to_owned())
}

/// True if all criteria of a `Match` are met. One that this program cannot check is an error only if the others are met.
fn criteria(words: &[String], at: &At, subject: &Subject<'_>, values: &Values) -> Result<bool, ConfigError> {
    let mut met = true;
    let mut unknown = None;
    let mut words = words.iter().flat_map(|word| split_once_equal(word));
    while let Some(word) = words.next() {
        let (negated, name) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
        let name = name.to_lowercase();
        let found = match name.as_str() {
            "all" => true,
            "canonical" => false,
            "final" => subject.last,
            _ => {
                let Some(value) = words.next() else {
                    return Err(ConfigError::Line {
                        at: at.clone(),
                        why: format!("'Match {}' has no value", sanitize::line(&name)),
                    });
                };
                let text = match name.as_str() {
                    "host" => values.host(subject)?.to_lowercase(),
                    "originalhost" => subject.alias.to_lowercase(),
                    "user" => values.user(subject),
                    "localuser" => subject.place.user.clone(),
                    _ => {
                        unknown = unknown.or(Some(name));
                        continue;
                    }
                };
                pattern::matches_list(value.split(','), &text)
            }
        };
        met &= found != negated;
    }
    match unknown {
        Some(name) if met => Err(ConfigError::Unsupported {
            at: at.clone(),
            what: format!("'Match {}'", sanitize::line(&name)),
            host: subject.alias.to_owned(),
            why: "",
        }),
        Some(_) => Ok(false),
        None => Ok(met),
    }
}

/// `host=x` is `host x`.
fn split_once_equal(word: &str) -> Vec<&str> {
    match word.split_once('=') {
        Some((name, value)) if name.chars().all(|c| c.is_ascii_alphabetic() || c == '!') => vec![name, value],
        _ => vec![word],
    }
}

impl Values {
    /// The name that is connected to, as far as it is decided.
    fn host(&self, subject: &Subject<'_>) -> Result<String, ConfigError> {
        let Some((name, at)) = self.one("hostname") else { return Ok(subject.alias.to_owned()) };
        expand::host_name(name, subject.alias, at)
    }

    fn user(&self, subject: &Subject<'_>) -> String {
        let typed = subject.user.map(str::to_owned);
        typed.or_else(|| self.words("user")).unwrap_or_else(|| subject.place.user.clone())
    }
}
