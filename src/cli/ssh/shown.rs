//! The result of `ssh check`, as text and JSON.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::sanitize;
use crate::cli::table::{Table, Tone};
use crate::report::Paint;
use crate::ssh::check::{Reached, Refused};
use crate::ssh::{Facts, SshError, Target, Transports};
use serde::Serialize;

/// A clock that is further off makes trouble for certificates and etcd.
const CLOCK_LIMIT: u64 = 2000;

/// The result of all hosts, in the order of the command line.
#[derive(Serialize)]
pub struct Report {
    hosts: Vec<HostReport>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HostReport {
    /// As typed.
    host: String,
    /// What was connected to.
    address: String,
    /// The hosts in between.
    jumps: Vec<String>,
    /// The host was connected to and ran a command.
    reachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_key: Option<KeyReport>,
    /// The key that logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    login_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<Facts>,
    /// How commands become root: `root`, `sudo`, `sudo with password`, `doas`.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorReport>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyReport {
    #[serde(rename = "type")]
    kind: String,
    fingerprint: String,
    verified_by: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorReport {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    exit_code: u8,
    #[serde(skip)]
    code: ExitCode,
}

impl From<Refused> for ErrorReport {
    fn from(refused: Refused) -> Self {
        let Refused { message, hint, exit_code } = refused;
        Self { message, help: hint, exit_code: exit_code as u8, code: exit_code }
    }
}

impl Report {
    /// `typed` are the hosts as on the command line.
    pub fn new(typed: &[String], targets: &[Target], results: &[Result<Reached, SshError>]) -> Self {
        let hosts = typed.iter().zip(targets).zip(results);
        Self { hosts: hosts.map(|((typed, target), result)| HostReport::new(typed, target, result)).collect() }
    }

    /// That of the worst host: an untrusted one before one that cannot be reached.
    pub fn exit_code(&self) -> ExitCode {
        let codes = self.hosts.iter().filter_map(|host| host.error.as_ref()).map(|error| error.code);
        codes.max().unwrap_or(ExitCode::Ok)
    }

    pub fn text(&self, paint: Paint) -> String {
        let heading = ["HOST", "USER", "SHELL", "ROOT", "ARCHITECTURE", "SYSTEM", "CLOCK", "HOST KEY"];
        let mut table = Table::new(heading).with_colours(paint.is_on());
        for host in &self.hosts {
            table.toned(host.tone(), host.row());
        }
        let mut text = table.to_string();
        for (host, error) in self.hosts.iter().filter_map(|host| Some((host, host.error.as_ref()?))) {
            text += &format!("\n{}: {}\n", host.host, error.message);
            if let Some(help) = &error.help {
                text += &format!("  help: {help}\n");
            }
        }
        let ready = self.hosts.iter().filter(|host| host.error.is_none()).count();
        text += &format!("\n{ready} of {} hosts are ready for commands as root.\n", self.hosts.len());
        text
    }
}

impl HostReport {
    fn new(typed: &str, target: &Target, result: &Result<Reached, SshError>) -> Self {
        let mut report = Self {
            host: typed.to_owned(),
            address: match target.transport {
                Transports::Own => target.shown(),
                Transports::System => target.alias.clone(),
            },
            jumps: target.jumps.iter().map(Target::shown).collect(),
            reachable: false,
            host_key: None,
            login_key: None,
            facts: None,
            root: None,
            error: None,
        };
        match result {
            Ok(Reached { established, facts, way }) => {
                report.reachable = true;
                if let Some(established) = established {
                    report.host_key = Some(KeyReport {
                        kind: established.key.kind().to_owned(),
                        fingerprint: established.key.fingerprint(),
                        verified_by: established.verified_by.clone(),
                    });
                    report.login_key = Some(established.logged_in_with.clone());
                }
                report.facts = Some(facts.clone());
                match way {
                    Ok(way) => report.root = Some(way.name()),
                    Err(refused) => report.error = Some(refused.clone().into()),
                }
            }
            Err(error) => {
                report.error = Some(
                    Refused { message: error.to_string(), hint: error.hint(), exit_code: error.exit_code() }.into(),
                );
            }
        }
        report
    }

    fn tone(&self) -> Tone {
        match &self.facts {
            _ if self.error.is_some() => Tone::Bad,
            Some(facts) if facts.clock_ahead_millis.is_some_and(|off| off.unsigned_abs() > CLOCK_LIMIT) => Tone::Warn,
            _ => Tone::Plain,
        }
    }

    fn row(&self) -> [String; 8] {
        let dash = || "-".to_owned();
        let of = |fact: fn(&Facts) -> String| {
            self.facts.as_ref().map(fact).filter(|text| !text.is_empty()).unwrap_or_else(dash)
        };
        let root = match (self.root, &self.facts) {
            (Some(way), _) => way.to_owned(),
            (None, Some(_)) => "no".to_owned(),
            (None, None) => dash(),
        };
        [
            sanitize::line(&self.host),
            of(|facts| facts.user.clone()),
            of(|facts| facts.shell.clone()),
            root,
            of(|facts| facts.architecture.clone()),
            of(|facts| facts.system.clone()),
            of(|facts| facts.clock_ahead_millis.map(clock).unwrap_or_default()),
            self.host_key.as_ref().map_or_else(dash, |key| format!("{} ({})", key.kind, key.verified_by)),
        ]
    }
}

/// `+1.2s`: ahead of this machine.
fn clock(ahead: i64) -> String {
    let tenths = ahead.unsigned_abs() / 100;
    let sign = if ahead < 0 { '-' } else { '+' };
    format!("{sign}{}.{}s", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_shown_with_their_direction() {
        assert_eq!((clock(1234), clock(-90_050), clock(0)), ("+1.2s".into(), "-90.0s".into(), "+0.0s".into()));
    }
}
