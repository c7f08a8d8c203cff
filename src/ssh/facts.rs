//! What a host is: one command without root, before anything is uploaded.

use super::capture;
use super::error::SshError;
use super::shell::{Limits, Shell};
use crate::base::env::Clock;
use crate::base::sanitize;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a host says about itself. Texts are on one line and safe to display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The user that commands run as.
    pub user: String,
    pub uid: u32,
    /// The login shell; empty if unknown.
    pub shell: String,
    /// As `uname -m`: `x86_64`, `aarch64`.
    pub architecture: String,
    pub kernel: String,
    /// `PRETTY_NAME` of os-release; empty if unknown.
    pub system: String,
    pub hostname: String,
    /// `/etc/machine-id`; empty if there is none.
    pub machine_id: String,
    /// How far the host's clock is ahead of ours in milliseconds, give or take half of the round trip; None if unknown.
    pub clock_ahead_millis: Option<i64>,
}

/// Prints lines `NAME=VALUE`. It uses no quote, backslash or exclamation mark (see [`super::line`]).
const SCRIPT: &str = "u=$(id -un 2>/dev/null); echo user=$u; echo uid=$(id -u); \
echo shell=$(getent passwd \"$u\" 2>/dev/null | cut -d: -f7); echo shell_variable=$SHELL; \
echo architecture=$(uname -m); echo kernel=$(uname -sr); echo hostname=$(uname -n); \
echo machine_id=$(cat /etc/machine-id 2>/dev/null); \
echo system=$(. /etc/os-release 2>/dev/null; echo $PRETTY_NAME); echo now=$(date +%s.%N); echo end=end";

pub(super) fn gather(shell: &mut Shell, clock: &Clock) -> Result<Facts, SshError> {
    let limits = Limits { output: 64 << 10, ..Limits::default() };
    let before = clock.nanos();
    let captured = capture::of(|sink| shell.run(None, SCRIPT, &[], &[], sink, limits))?;
    let middle = before + (clock.nanos() - before) / 2;
    read(&captured.text(), middle / 1_000_000)
        .ok_or_else(|| SshError::Protocol { what: "asking the host what it is", why: captured.complaint() })
}

/// The facts from lines `NAME=VALUE`; `now` is our time in milliseconds. None if the output is not whole.
fn read(text: &str, now: i64) -> Option<Facts> {
    let lines: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    lines.get("end")?;
    let of = |name: &str| sanitize::line(lines.get(name).copied().unwrap_or_default());
    let shell = of("shell");
    Some(Facts {
        user: of("user"),
        uid: lines.get("uid")?.trim().parse().ok()?,
        shell: if shell.is_empty() { of("shell_variable") } else { shell },
        architecture: of("architecture"),
        kernel: of("kernel"),
        system: of("system"),
        hostname: of("hostname"),
        machine_id: of("machine_id"),
        clock_ahead_millis: lines.get("now").and_then(|text| millis(text)).map(|theirs| theirs.saturating_sub(now)),
    })
}

/// `SECONDS.NANOSECONDS`; a `date` that does not know `%N` prints it as it is.
fn millis(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.trim().split_once('.')?;
    let seconds: i64 = seconds.parse().ok()?;
    // Without a fraction the time is half a second later on average.
    let fraction: i64 = fraction.get(..3).and_then(|millis| millis.parse().ok()).unwrap_or(500);
    seconds.checked_mul(1000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_made_safe() {
        let text = "user=ops\nuid=1000\nshell=/usr/bin/fish\nshell_variable=/bin/sh\narchitecture=x86_64\nkernel=Linux 6.1\n\
                    hostname=n1\x1b[2J\nmachine_id=abc\nsystem=Debian\nnow=1000.250000000\nend=end\n";
        let facts = read(text, 1_000_000).unwrap();
        assert_eq!((facts.user.as_str(), facts.uid, facts.shell.as_str()), ("ops", 1000, "/usr/bin/fish"));
        assert_eq!(facts.hostname, "n1 [2J");
        assert_eq!(facts.clock_ahead_millis, Some(250));
    }

    #[test]
    fn output_that_was_cut_off_has_no_facts() {
        assert_eq!(read("user=ops\nuid=1000\n", 0), None);
        assert_eq!(read("uid=x\nend=end\n", 0), None);
    }

    #[test]
    fn clocks_are_read_whatever_date_can_do() {
        assert_eq!(millis("12.345678901"), Some(12_345));
        assert_eq!(millis("12.%N"), Some(12_500));
        assert_eq!(millis(&format!("{}.0", i64::MAX)), None);
        assert_eq!(millis(""), None);
    }
}
