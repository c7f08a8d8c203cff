//! The kubelet service, which restarts stopped components and reads its own files when it starts.
//!
//! Reads: the state of the service, its health port from `/var/lib/kubelet/config.yaml`. Writes: restarts it. Until
//! then `/var/lib/kubewright/kubelet-restart` records that it has not loaded its files, even if this run is killed.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::Content;
use crate::base::secret::Secret;
use crate::base::wait::{Poll, Wait};
use crate::config::kubeconfig::Kubeconfig;
use crate::context::{Context, Renewal, Run};
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
/// Exists while the kubelet has not loaded its current files.
const DUE: &str = "/var/lib/kubewright/kubelet-restart";
/// A kubelet that was just started needs seconds; one that takes longer cannot be relied on to restart components.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long a kubelet that was just started is busy with the Pods that run. It creates their mirror Pods through the API
/// server: what stops that meanwhile waits for it, up to minutes.
const STARTING: Duration = Duration::from_secs(10);

/// A stopped component would not be restarted.
#[derive(Debug, thiserror::Error)]
pub enum KubeletUnavailable {
    /// The service is not running.
    #[error("the kubelet is not running ({0}), so a stopped component would not be restarted; nothing was stopped")]
    Down(String),
    /// It is running but not healthy.
    #[error("the kubelet is not healthy, so a stopped component might not be restarted; nothing was stopped: {why}")]
    Unhealthy { why: String, fix: Option<String> },
}

impl Fault for KubeletUnavailable {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Refused
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Down(_) => "run 'systemctl start kubelet', then the same command again".into(),
            Self::Unhealthy { fix: Some(fix), .. } => fix.clone(),
            Self::Unhealthy { .. } => {
                "run 'journalctl -u kubelet -n 50' to see why; when the kubelet is healthy, run the same command \
                 again"
                    .into()
            }
        })
    }
}

/// The kubelet is not healthy with the new files.
#[derive(Debug, thiserror::Error)]
#[error("the kubelet is not healthy with the new files: {why}; {outcome}")]
struct Unhealthy {
    why: String,
    outcome: String,
}

impl Fault for Unhealthy {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unhealthy
    }
    fn hint(&self) -> Option<String> {
        Some("run 'journalctl -u kubelet -n 50' to see why, then run the same command again".into())
    }
}

/// Fails unless the service is running. On a host without a known init system only the health check is used.
pub fn require_active(cx: &Context) -> Result<()> {
    let services = Services::of(&cx.host);
    if services.init_system() == InitSystem::Unknown {
        return Ok(());
    }
    let state = services.state(KUBELET)?;
    if state.active { Ok(()) } else { Err(KubeletUnavailable::Down(state.word).into()) }
}

/// Fails unless the kubelet is running and becomes healthy within `limit`. The error has the cause if its log shows it.
pub fn require_healthy_within(cx: &Context, limit: Duration) -> Result<()> {
    require_active(cx)?;
    let Some(kubelet) = health::kubelet(&cx.host.files)? else { return Ok(()) };
    let limit = cx.timeouts().kubelet_health_check.min(limit);
    let waited = wait_for_components(&[kubelet], limit, &cx.host.gate, &cx.host.clock, &cx.events, || Ok(()));
    waited.map_err(|failure| {
        let cause = cx.diagnosis(Some(KUBELET)).filter(|cause| cause.who == KUBELET);
        let why = cause.as_ref().map_or_else(|| failure.to_string(), |cause| cause.cause.clone());
        KubeletUnavailable::Unhealthy { why, fix: cause.map(|cause| cause.fix) }
    })?;
    Ok(())
}

/// Fails unless the kubelet is running and healthy, after waiting for some seconds.
pub fn require_healthy(cx: &Context) -> Result<()> {
    require_healthy_within(cx, PATIENCE)?;
    if cx.host.files.is_live() {
        cx.host.gate.effect(|| wait_while_starting(cx))?;
    }
    Ok(())
}

/// Waits until a kubelet that was started a moment ago has had time to take over the Pods that run.
fn wait_while_starting(cx: &Context) -> Result<()> {
    let Some(left) = Services::of(&cx.host).age(KUBELET).and_then(|age| STARTING.checked_sub(age)) else {
        return Ok(());
    };
    let start = cx.host.clock.monotonic();
    Wait::new("the kubelet that was just started", STARTING).until(&cx.host.clock, &cx.events, || {
        let is_over = cx.host.clock.monotonic().saturating_sub(start) >= left;
        Ok(if is_over { Poll::Ready(()) } else { Poll::Pending("it takes over the Pods that run".into()) })
    })
}

/// Records that the kubelet has not loaded the new files, so that an interrupted run is continued.
pub fn mark_due(cx: &Context) -> Result<()> {
    if cx.host.files.is_live() {
        let text = "The kubelet has not loaded its files yet: run 'kubewright certs restart'.\n";
        cx.host.files.write(Path::new(DUE), &Content::public(text), 0o600)?;
    }
    Ok(())
}

/// Restarts the kubelet if it has not loaded the files of this or an earlier run. If it is not healthy with the files
/// of this run, the old ones are restored.
pub fn restart_if_due<P>(cx: &mut Run<Renewal<P>>) -> Result<()> {
    if cx.host.files.exists(Path::new(DUE)) {
        restart_or_go_back(cx, &[], &restart)?;
        cx.host.files.remove(Path::new(DUE))?;
    }
    Ok(())
}

/// Restarts the kubelet with `restart`. If it is not healthy with its files, the old ones are restored. `more` are
/// files that it reads in addition to those of its kubeconfig.
pub fn restart_or_go_back<P>(
    cx: &mut Run<Renewal<P>>,
    more: &[PathBuf],
    restart: &dyn Fn(&Context) -> Result<()>,
) -> Result<()> {
    let Err(failure) = restart(cx) else { return Ok(()) };
    let paths = [files(cx)?, more.to_vec()].concat();
    let outcome = rollback::restore(cx, &paths)?.then(|| restart(cx));
    Err(Unhealthy { why: failure.to_string(), outcome }.into())
}

/// The kubelet's kubeconfig, the client certificate that it renews, and the files that the kubeconfig refers to now
/// and referred to before.
fn files<P>(cx: &Run<Renewal<P>>) -> Result<Vec<PathBuf>> {
    let path = cx.work.kubeconfig_dir.join(KUBELET_CONF);
    let before = cx.work.kept.iter().find(|kept| kept.path == path).map(|kept| kept.bytes.expose().clone());
    let mut files = vec![path.clone(), KUBELET_CLIENT_CURRENT.into()];
    for bytes in before.into_iter().chain(cx.host.files.read(&path)?).map(Secret::new) {
        // An unreadable one refers to no files.
        let config = Kubeconfig::parse(&path, bytes.expose()).ok();
        let user = config.as_ref().and_then(Kubeconfig::current_user);
        let named = user.and_then(|user| user.client_certificate.as_ref());
        files.extend(named.map(|file| path.parent().unwrap_or(&path).join(file)));
    }
    Ok(files)
}

/// Restarts the kubelet of a running host and waits until it is healthy; its Pods are not stopped.
pub fn restart(cx: &Context) -> Result<()> {
    if !cx.host.files.is_live() {
        return Ok(());
    }
    cx.restart_kubelet()?;
    if let Some(kubelet) = health::kubelet(&cx.host.files)? {
        wait_for_components(
            &[kubelet],
            cx.timeouts().kubelet_health_check,
            &cx.host.gate,
            &cx.host.clock,
            &cx.events,
            || Ok(()),
        )?;
    }
    cx.events.message("the kubelet runs with the current files");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    const SHOW: &str = "systemctl show -p LoadState,ActiveState,UnitFileState kubelet";

    #[test]
    fn a_stopped_kubelet_is_refused_before_any_component_is_stopped() {
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
            let before = cx.host.clock.monotonic();
            wait_while_starting(&cx).unwrap();
            cx.host.clock.monotonic().saturating_sub(before)
        };
        let fresh = waited("ActiveEnterTimestampMonotonic=99000000\n");
        assert!((Duration::from_secs(9)..Duration::from_secs(10)).contains(&fresh), "{fresh:?}");
        assert_eq!(waited("ActiveEnterTimestampMonotonic=90000000\n"), Duration::ZERO);
        assert_eq!(waited("\n"), Duration::ZERO);
    }
}
