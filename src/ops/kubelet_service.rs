//! The kubelet as a service: it starts again what is ended, and reads its own files when it starts.
//!
//! Reads: the state of the service, its health port as `/var/lib/kubelet/config.yaml` has it. Writes: restarts it; until
//! then `/var/lib/kubewright/kubelet-restart` tells that it has not read its files, also after a kill.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::Content;
use crate::base::secret::Secret;
use crate::base::wait::{Poll, Wait};
use crate::config::kubeconfig::Kubeconfig;
use crate::context::Context;
use crate::domain::paths::KUBELET_CLIENT_CURRENT;
use crate::host::service::{InitSystem, Services};
use crate::kube::ready::wait_for_components;
use crate::ops::rollback;
use crate::state::health;
use crate::state::renewable::KUBELET_CONF;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The service.
const KUBELET: &str = "kubelet";
/// Tells that the kubelet has not read its files yet.
const DUE: &str = "/var/lib/kubewright/kubelet-restart";
/// A kubelet that has just been started needs seconds; one that takes longer is not fit to bring components back.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long a kubelet that was just started is busy with the Pods that run. It creates their mirror Pods through the API
/// server: what stops that meanwhile waits for it, up to minutes.
const STARTING: Duration = Duration::from_secs(10);

/// What is ended would stay down.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The service does not run.
    #[error("the kubelet does not run ({0}), and what is ended now would not come back; nothing was ended")]
    Down(String),
    /// It runs and is not well.
    #[error("the kubelet is not well, and what is ended now might not come back; nothing was ended: {0}")]
    Ill(String),
}

impl Fault for Unfit {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Refused
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Down(_) => "run 'systemctl start kubelet', then the same command again".into(),
            Self::Ill(_) => {
                "run 'journalctl -u kubelet -n 50' to see why; when it is well, run the same command again".into()
            }
        })
    }
}

/// The kubelet is not well with what is on the disk.
#[derive(Debug, thiserror::Error)]
#[error("the kubelet is not well with what is on the disk: {why}; {outcome}")]
struct NotWell {
    why: String,
    outcome: String,
}

impl Fault for NotWell {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unhealthy
    }
    fn hint(&self) -> Option<String> {
        Some("run 'journalctl -u kubelet -n 50' to see why, then run the same command again".into())
    }
}

/// Refuses unless the service runs. Where nobody knows of services, its health alone counts.
///
/// # Errors
/// When it does not run.
pub fn require_active(cx: &Context) -> Result<()> {
    let services = Services::of(&cx.host);
    if services.init_system() == InitSystem::Unknown {
        return Ok(());
    }
    let state = services.state(KUBELET)?;
    if state.active { Ok(()) } else { Err(Unfit::Down(state.word).into()) }
}

/// Refuses unless the kubelet runs and is well.
///
/// # Errors
/// When it is not, also after a moment.
pub fn require_healthy(cx: &Context) -> Result<()> {
    require_active(cx)?;
    let Some(kubelet) = health::kubelet(&cx.files)? else { return Ok(()) };
    let limit = cx.timeouts().kubelet_health_check.min(PATIENCE);
    let waited = wait_for_components(&[kubelet], limit, &cx.gate, &cx.clock, &cx.events, || Ok(()));
    waited.map_err(|failure| Unfit::Ill(failure.to_string()))?;
    if cx.files.is_live() {
        cx.gate.effect(|| wait_while_starting(cx))?;
    }
    Ok(())
}

/// Waits until a kubelet that was started a moment ago has had time to take over the Pods that run.
fn wait_while_starting(cx: &Context) -> Result<()> {
    let Some(left) = Services::of(&cx.host).age(KUBELET).and_then(|age| STARTING.checked_sub(age)) else {
        return Ok(());
    };
    let start = cx.clock.monotonic();
    Wait::new("the kubelet that was just started", STARTING).until(&cx.clock, &cx.events, || {
        let is_over = cx.clock.monotonic().saturating_sub(start) >= left;
        Ok(if is_over { Poll::Ready(()) } else { Poll::Pending("it takes over the Pods that run".into()) })
    })
}

/// Notes that the kubelet has not read what is written now, so that a run that is cut short is continued.
///
/// # Errors
/// When the note cannot be written.
pub fn note_due(cx: &Context) -> Result<()> {
    if cx.files.is_live() {
        let text = "The kubelet has not read its files yet: run 'kubewright certs restart'.\n";
        cx.files.write(Path::new(DUE), &Content::public(text), 0o600)?;
    }
    Ok(())
}

/// Restarts the kubelet if it has not read what this run or an earlier one has written. One that is not well with what
/// this run has written gets the old files back.
///
/// # Errors
/// When it does not come up in time, whatever became of the way back.
pub fn take_up(cx: &mut Context) -> Result<()> {
    if cx.files.exists(Path::new(DUE)) {
        restart_or_go_back(cx, &[], &restart)?;
        cx.files.remove(Path::new(DUE))?;
    }
    Ok(())
}

/// Restarts the kubelet with `restart`; when it is not well with its files, it gets the old ones back. `more` are files
/// that it reads beside those of its kubeconfig.
///
/// # Errors
/// When it is not well with the new files, whatever became of the way back.
pub fn restart_or_go_back(cx: &mut Context, more: &[PathBuf], restart: &dyn Fn(&Context) -> Result<()>) -> Result<()> {
    let Err(failure) = restart(cx) else { return Ok(()) };
    let paths = [files(cx)?, more.to_vec()].concat();
    let outcome = rollback::put_back(cx, &paths)?.then(|| restart(cx));
    Err(NotWell { why: failure.to_string(), outcome }.into())
}

/// The kubelet's kubeconfig, the certificate that it renews, and the files that the kubeconfig names now and named
/// before.
fn files(cx: &Context) -> Result<Vec<PathBuf>> {
    let path = cx.renewal()?.kubeconfig_dir.join(KUBELET_CONF);
    let before = cx.renewal()?.kept.iter().find(|kept| kept.path == path).map(|kept| kept.bytes.expose().clone());
    let mut files = vec![path.clone(), KUBELET_CLIENT_CURRENT.into()];
    for bytes in before.into_iter().chain(cx.files.read(&path)?).map(Secret::new) {
        // One that cannot be read names nothing.
        let config = Kubeconfig::parse(&path, bytes.expose()).ok();
        let user = config.as_ref().and_then(Kubeconfig::current_user);
        let named = user.and_then(|user| user.client_certificate.as_ref());
        files.extend(named.map(|file| path.parent().unwrap_or(&path).join(file)));
    }
    Ok(files)
}

/// Restarts the kubelet of a running host and waits until it is well; its Pods are not touched.
///
/// # Errors
/// When it does not come up in time.
pub fn restart(cx: &Context) -> Result<()> {
    if !cx.files.is_live() {
        return Ok(());
    }
    cx.restart_kubelet()?;
    if let Some(kubelet) = health::kubelet(&cx.files)? {
        wait_for_components(
            &[kubelet],
            cx.timeouts().kubelet_health_check,
            &cx.gate,
            &cx.clock,
            &cx.events,
            || Ok(()),
        )?;
    }
    cx.events.message("the kubelet runs with what is on the disk");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    const SHOW: &str = "systemctl show -p LoadState,ActiveState,UnitFileState kubelet";

    #[test]
    fn a_kubelet_that_is_stopped_is_refused_before_anything_is_ended() {
        for (word, fit) in [("active", true), ("activating", true), ("inactive", false), ("failed", false)] {
            let shown = format!("LoadState=loaded\nActiveState={word}\nUnitFileState=enabled\n");
            let fake =
                FakeHost::new().systemd().on(SHOW, &shown).file("/var/lib/kubelet/config.yaml", "healthzPort: 0");
            let mut cx = Context::for_tests(fake.root().to_str().unwrap());
            cx.host = fake.live();
            let found = require_healthy(&cx);
            assert_eq!(found.is_ok(), fit, "{word}");
            if let Err(failure) = found {
                assert_eq!(failure.exit_code(), ExitCode::Refused);
                assert!(failure.hint().unwrap().contains("systemctl start kubelet"));
            }
        }
    }

    /// A static Pod that was changed within a second of the kubelet's restart came back after up to two minutes.
    #[test]
    fn a_kubelet_that_was_just_started_is_given_time_before_a_static_pod_changes() {
        let waited = |start: &str| {
            let fake = FakeHost::new()
                .systemd()
                .file("/proc/uptime", "100.00 380.11\n")
                .on("systemctl show -p ActiveEnterTimestampMonotonic kubelet", start);
            let mut cx = Context::for_tests("/");
            cx.host = fake.live();
            let before = cx.clock.monotonic();
            wait_while_starting(&cx).unwrap();
            cx.clock.monotonic().saturating_sub(before)
        };
        let fresh = waited("ActiveEnterTimestampMonotonic=99000000\n");
        assert!((Duration::from_secs(9)..Duration::from_secs(10)).contains(&fresh), "{fresh:?}");
        assert_eq!(waited("ActiveEnterTimestampMonotonic=90000000\n"), Duration::ZERO);
        assert_eq!(waited("\n"), Duration::ZERO);
    }
}
