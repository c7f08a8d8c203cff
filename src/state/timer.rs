//! The systemd timer that renews certificates before they expire.
//!
//! Reads: its unit file, and the state of the timer and its last run in systemd. Writes: nothing.
//!
//! Packages contain the same units in another directory, where they do nothing until the timer is enabled.

use crate::base::fault::Result;
use crate::context::Context;
use crate::host::service::{Services, State};
use crate::host::{Command, Host};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The name of both units.
pub(crate) const UNIT: &str = "kubewright-certs-renew";
/// The directory of an administrator's units.
const UNITS: &str = "/etc/systemd/system";

/// With this link systemd starts the timer at boot.
pub(crate) const ENABLED: &str = "/etc/systemd/system/timers.target.wants/kubewright-certs-renew.timer";

/// True if the timer's unit was installed on this host, or that of a package was enabled.
pub fn is_installed(cx: &Context) -> bool {
    cx.host.files.exists(&path("timer")) || cx.host.files.exists(Path::new(ENABLED))
}

/// An installed timer.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The state of its unit.
    pub state: State,
    /// The time of the next run, as systemd prints it; None if there is none.
    pub next_run: Option<String>,
    /// The end of the last run; None if there was none since the last boot.
    pub last_run: Option<String>,
    /// The result of the last run: `success`, or another result of systemd with the exit code.
    pub last_result: Option<String>,
}

/// The state of the timer; None if its units are not installed.
pub fn status(cx: &Context) -> Result<Option<Status>> {
    if !is_installed(cx) {
        return Ok(None);
    }
    let state = Services::of(&cx.host).state(&format!("{UNIT}.timer"))?;
    let timer = shown(&cx.host, "NextElapseUSecRealtime", "timer")?;
    let service = shown(&cx.host, "Result,ExecMainStatus,ExecMainExitTimestamp", "service")?;
    let last_run = value(&service, "ExecMainExitTimestamp");
    let last_result = last_run.as_ref().and(value(&service, "Result")).map(|result| match result.as_str() {
        "success" => result,
        _ => format!("{result}, exit code {}", value(&service, "ExecMainStatus").unwrap_or_default()),
    });
    Ok(Some(Status { state, next_run: value(&timer, "NextElapseUSecRealtime"), last_run, last_result }))
}

fn shown(host: &Host, properties: &str, kind: &str) -> Result<String> {
    Ok(host.read_text(&Command::new(["systemctl", "show", "-p", properties, &format!("{UNIT}.{kind}")]))?)
}

/// The value of a property; None if it is not set.
fn value(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?.trim();
    (!value.is_empty() && value != "n/a").then(|| value.to_owned())
}

pub(crate) fn path(kind: &str) -> PathBuf {
    Path::new(UNITS).join(format!("{UNIT}.{kind}"))
}
