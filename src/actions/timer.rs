//! A systemd timer that renews certificates before they end.
//!
//! Reads: whether systemd runs this host. Writes: `/etc/systemd/system/kubewright-certs-renew.service` and `.timer`.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::Content;
use crate::context::Context;
use crate::host::service::{InitSystem, Services, State};
use std::path::{Path, PathBuf};

/// The name of both units.
const UNIT: &str = "kubewright-certs-renew";
/// Where an administrator's units lie.
const UNITS: &str = "/etc/systemd/system";

/// The host has no timers of this kind.
#[derive(Debug, thiserror::Error)]
#[error("systemd does not run this host, so it cannot start a timer")]
struct NoSystemd;

impl Fault for NoSystemd {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Host
    }
    fn hint(&self) -> Option<String> {
        Some(
            "have cron run 'kubewright certs renew all --within 30d' every day, at another hour on each control plane"
                .into(),
        )
    }
}

/// Writes the units and starts the timer. `schedule` is systemd's `OnCalendar`, `delay` its `RandomizedDelaySec`;
/// `program` is the path of this program, and `within` how near an end must be for it to renew.
///
/// # Errors
/// When systemd does not run the host, a file cannot be written, or systemd refuses.
pub fn install(cx: &Context, program: &Path, within: &str, schedule: &str, delay: &str) -> Result<()> {
    let services = Services::of(&cx.host);
    if cx.files.is_live() && services.init_system() != InitSystem::Systemd {
        return Err(NoSystemd.into());
    }
    cx.files.write(&path("service"), &Content::public(service_text(program, within)), 0o644)?;
    cx.files.write(&path("timer"), &Content::public(timer_text(schedule, delay)), 0o644)?;
    if cx.files.is_live() {
        services.reload_units()?;
        services.enable(&format!("{UNIT}.timer"))?;
        services.restart(&format!("{UNIT}.timer"))?;
    }
    Ok(())
}

/// Stops the timer and removes its units; false when there were none.
///
/// # Errors
/// When systemd refuses or a file cannot be removed.
pub fn remove(cx: &Context) -> Result<bool> {
    if !cx.files.exists(&path("timer")) && !cx.files.exists(&path("service")) {
        return Ok(false);
    }
    let services = Services::of(&cx.host);
    let live = cx.files.is_live() && services.init_system() == InitSystem::Systemd;
    if live && cx.files.exists(&path("timer")) {
        services.disable(&format!("{UNIT}.timer"))?;
        services.stop(&format!("{UNIT}.timer"))?;
    }
    cx.files.remove(&path("timer"))?;
    cx.files.remove(&path("service"))?;
    if live {
        services.reload_units()?;
    }
    Ok(true)
}

/// True when the timer's unit is on this host.
pub fn is_installed(cx: &Context) -> bool {
    cx.files.exists(&path("timer"))
}

/// What systemd knows of the timer; None when its units are not installed.
///
/// # Errors
/// When systemd does not answer.
pub fn status(cx: &Context) -> Result<Option<State>> {
    if !is_installed(cx) {
        return Ok(None);
    }
    Ok(Some(Services::of(&cx.host).state(&format!("{UNIT}.timer"))?))
}

fn path(kind: &str) -> PathBuf {
    Path::new(UNITS).join(format!("{UNIT}.{kind}"))
}

fn service_text(program: &Path, within: &str) -> String {
    format!(
        "[Unit]\nDescription=Renew the certificates of the Kubernetes control plane\nAfter=network-online.target kubelet.service\n\
         \n[Service]\nType=oneshot\nExecStart={} certs renew all --within {within}\n",
        program.display()
    )
}

fn timer_text(schedule: &str, delay: &str) -> String {
    // Persistent: a host that was off at the time does it when it is up again.
    format!(
        "[Unit]\nDescription=Renew the certificates of the Kubernetes control plane before they end\n\
         \n[Timer]\nOnCalendar={schedule}\nRandomizedDelaySec={delay}\nPersistent=true\n\
         \n[Install]\nWantedBy=timers.target\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installed_units_say_when_and_with_how_much_delay_and_go_again() {
        let root = tempfile::tempdir().unwrap();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        assert!(!remove(&cx).unwrap());
        install(&cx, Path::new("/usr/bin/kubewright"), "30d", "daily", "12h").unwrap();
        let read = |kind: &str| cx.files.read_text(&path(kind)).unwrap().unwrap();
        assert!(read("timer").contains("OnCalendar=daily\nRandomizedDelaySec=12h\n"));
        assert!(read("service").contains("ExecStart=/usr/bin/kubewright certs renew all --within 30d\n"));
        assert!(remove(&cx).unwrap());
        assert!(!cx.files.exists(&path("timer")) && !cx.files.exists(&path("service")));
    }
}
