//! Checks, before any file changes, that the components can be restarted and are healthy.
//!
//! Otherwise a renewal would fail after the files have changed, and report the new files as the cause. If a
//! certificate has expired, or a component has not loaded the current files, that may be the cause, and the run
//! continues.
//!
//! Reads: the kubelet service, the container runtime, the manifests, the health of the components. Writes: nothing.

use super::renew::is_due;
use super::restart::RunningComponent;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault, Result};
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::context::{Context, Renewal, Run};
use crate::domain::paths::KUBELET_CONFIG;
use crate::ops::kubelet_service;
use crate::ops::running::{ThisHost, only_running};
use crate::pipeline::{Phase, Target};
use crate::pki::Cert;
use crate::pki::service_account::require_service_account_pair;
use crate::state::consumers::{CONSUMERS, Consumer};
use crate::state::kubelet_client::needs_help;
use crate::state::renewable::{KUBELET_CONF, Row};
use crate::state::static_pod::{self, StaticPod};
use crate::state::{local_etcd, needed_files, ports};
use std::path::{Path, PathBuf};
use std::time::Duration;

const ETCD: &str = "etcd";
const API_SERVER: &str = "kube-apiserver";
/// A component that was just restarted needs seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// A manifest that was just corrected is started within that time.
const GRACE: Duration = Duration::from_secs(2);

/// Why nothing is changed.
#[derive(Debug, thiserror::Error)]
enum NotReady {
    /// The kubelet cannot run what the manifest says.
    #[error("{} is not a valid Pod manifest: {why}; nothing was changed", path.display())]
    Manifest { path: PathBuf, why: String },
    /// The kubelet has ended it.
    #[error("nothing was changed, because the manifest of {component} does not exist: {}", path.display())]
    NoManifest { component: &'static str, path: PathBuf },
    /// The kubelet would not start it again.
    #[error("nothing was changed, because the kubelet has no configuration: {KUBELET_CONFIG} does not exist")]
    NoKubelet,
    /// It would not start again.
    #[error("nothing was changed, because {component} could not be started again: {} does not exist", path.display())]
    NoFile { component: &'static str, path: PathBuf },
    /// It would fail with any file.
    #[error("nothing was changed, because {component} is not healthy: {why}")]
    Component { component: &'static str, why: String, fix: Option<String> },
}

impl Fault for NotReady {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Refused
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Manifest { path, .. } => format!("fix {}, then run the same command again", path.display()),
            Self::NoKubelet => format!(
                "put {KUBELET_CONFIG} back from a backup, or run 'kubewright init' again on the first control plane, with the options \
                 of the cluster; then run the same command again"
            ),
            Self::NoManifest { path, .. } => format!(
                "put {} back where it was moved away (run 'ls -la /etc/kubernetes /root'), or run 'kubewright init' again with the \
                 options of the cluster, which writes it; then run the same command again",
                path.display()
            ),
            Self::NoFile { path, .. } => format!(
                "put {} back from a backup, or copy it from another control plane if it is of a CA or of service accounts; then run \
                 the same command again",
                path.display()
            ),
            Self::Component { fix: Some(fix), .. } => fix.clone(),
            Self::Component { component, .. } => format!(
                "run 'crictl logs $(crictl ps -a --name {component} -q | head -1)' to see why; to change the files without \
                 restarting anything, add '--no-restart'"
            ),
        })
    }
}

pub struct CheckReady;

impl<P> Phase<Renewal<P>> for CheckReady {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Renewal<P>>, _: &Target) -> Result<()> {
        // A running but unhealthy kubelet may be what this run repairs, as may a stopped one.
        if cx.work.only.as_deref() == Some(KUBELET_CONF) {
            return Ok(());
        }
        kubelet_service::require_active(cx)?;
        let here = manifests(cx)?;
        if here.is_empty() {
            return Ok(());
        }
        if !cx.host.files.exists(Path::new(KUBELET_CONFIG)) {
            return Err(NotReady::NoKubelet.into());
        }
        require_files(cx, &here)?;
        // Without a runtime the kubelet is not healthy either, and says so only after a while.
        let host = ThisHost::find(cx)?;
        // One that has no usable certificate gets one in this run.
        if !needs_help(&cx.host.files, cx.host.clock.now(), || true)? {
            kubelet_service::require_healthy_within(cx, PATIENCE)?;
        }
        let ports = ports::ports(&cx.host.files, &cx.cluster()?.certificates_dir)?;
        let of =
            |consumer: &Consumer| ports.iter().filter(|port| port.component == consumer.component).cloned().collect();
        let components: Vec<RunningComponent<'_>> =
            here.into_iter().map(|consumer| RunningComponent { consumer, ports: of(consumer), host: &host }).collect();
        require_healthy(cx, &components, &is_final)
    }
}

/// The components with a manifest on this host.
fn manifests(cx: &Context) -> Result<Vec<&'static Consumer>> {
    let mut here = Vec::new();
    for consumer in CONSUMERS {
        let path = static_pod::path(consumer.component);
        let Some(text) = cx.host.files.read(&path)? else { continue };
        if let Err(why) = static_pod::defect(&text) {
            return Err(NotReady::Manifest { path, why }.into());
        }
        here.push(consumer);
    }
    Ok(here)
}

/// Fails if a component that this run would restart could not be started again, or would sign tokens that API servers refuse.
fn require_files<P>(cx: &mut Run<Renewal<P>>, here: &[&'static Consumer]) -> Result<()> {
    for consumer in here {
        let mut renewed = Vec::new();
        for name in consumer.files {
            if is_due(cx, name)? {
                renewed.extend(Row::named(name)?.files(cx)?);
            }
        }
        if renewed.is_empty() {
            continue;
        }
        let component = consumer.component;
        let missing = needed_files::missing(&cx.host.files, component);
        if let Some(path) = missing.into_iter().find(|path| !renewed.contains(path)) {
            return Err(NotReady::NoFile { component, path }.into());
        }
        if consumer.ca_files.contains(&"sa.key") {
            require_service_account_pair(&cx.host.files, &cx.cluster()?.certificates_dir)?;
        }
    }
    Ok(())
}

/// Fails unless each component is running and healthy, or a cause that a renewal repairs explains why it is not.
/// `ends_for_good` is true for one that no file repairs.
fn require_healthy<P>(
    cx: &mut Run<Renewal<P>>,
    components: &[RunningComponent<'_>],
    ends_for_good: &dyn Fn(&Context, &str) -> bool,
) -> Result<()> {
    let mut is_explained = false;
    for component in components {
        let running = only_running(&component.host.containers(component.consumer.component)?);
        is_explained |= component.consumer.is_stale(cx, &running)? || is_expired(cx, component.consumer)?;
    }
    let affected: Vec<&RunningComponent<'_>> = match &cx.work.only {
        Some(only) => components.iter().filter(|component| component.consumer.loads(only)).collect(),
        None => components.iter().collect(),
    };
    for component in affected {
        let name = component.consumer.component;
        if is_explained {
            // Certificates explain that it does not answer, not that it ends for another reason.
            if let Some(why) = component.problem(cx)?.filter(|_| ends_for_good(cx, name)) {
                return Err(unhealthy(cx, name, &why));
            }
            continue;
        }
        let (clock, events) = (cx.host.clock.clone(), cx.events.clone());
        let what = format!("a healthy {name}");
        let mut last = None;
        let start = clock.monotonic();
        let waited =
            Wait { slowest: Duration::from_millis(500), ..Wait::new(&what, PATIENCE) }.until(&clock, &events, || {
                last = component.problem(cx)?;
                match &last {
                    None => Ok(Poll::Ready(())),
                    Some(why) if component.is_in_crash_loop()? => Err(unhealthy(cx, name, why)),
                    Some(why) if clock.monotonic().saturating_sub(start) > GRACE && ends_for_good(cx, name) => {
                        Err(unhealthy(cx, name, why))
                    }
                    Some(why) => Ok(Poll::Pending(why.clone())),
                }
            });
        match waited {
            Err(failure) if failure.downcast_ref::<TimedOut>().is_some() => {
                return Err(unhealthy(cx, name, &last.unwrap_or_else(|| failure.to_string())));
            }
            other => other?,
        }
    }
    Ok(())
}

/// True if its last words show a cause that no wait makes better.
fn is_final(cx: &Context, component: &str) -> bool {
    cx.diagnosis(Some(component)).is_some_and(|cause| cause.who == component && cause.is_final())
}

/// The error, with the cause if this host shows it.
fn unhealthy(cx: &Context, component: &'static str, why: &str) -> Failure {
    let path = static_pod::path(ETCD);
    if component == API_SERVER && !cx.host.files.exists(&path) && has_own_etcd(cx) {
        return NotReady::NoManifest { component: ETCD, path }.into();
    }
    let cause = cx.diagnosis(Some(component)).filter(|cause| cause.who == component);
    let (why, fix) = match cause {
        Some(cause) => (format!("{why}: {}", cause.text()), Some(cause.fix)),
        None => (why.to_owned(), None),
    };
    NotReady::Component { component, why, fix }.into()
}

/// True if the API server of this host uses an etcd on this host whose certificates are here.
fn has_own_etcd(cx: &Context) -> bool {
    let pod = StaticPod::read_or_empty(&cx.host.files, API_SERVER).ok().flatten().unwrap_or_default();
    let certificate = cx.cluster().map(|cluster| cluster.certificates_dir.join("etcd/server.crt"));
    pod.list("etcd-servers").into_iter().any(local_etcd::is_loopback)
        && certificate.is_ok_and(|path| cx.host.files.exists(&path))
}

/// True if a certificate of the component has expired, or cannot be read.
fn is_expired<P>(cx: &mut Run<Renewal<P>>, consumer: &Consumer) -> Result<bool> {
    let (store, now, directory) = (cx.pki()?, cx.host.clock.now(), cx.work.kubeconfig_dir.clone());
    for name in consumer.files {
        let chain: Option<Vec<Cert>> = match Row::named(name)? {
            Row::Cert(spec) => store.load_certs(spec).unwrap_or_default(),
            Row::Kubeconfig(spec) => {
                let path = directory.join(spec.file);
                let config = store.load_kubeconfig(&path).unwrap_or_default();
                let user = config.as_ref().and_then(|config| config.current_user());
                user.and_then(|user| store.client_certs(&path, user).unwrap_or_default())
            }
        };
        if chain.and_then(|chain| chain.into_iter().next()).is_none_or(|cert| cert.not_after <= now) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
