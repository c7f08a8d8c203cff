//! Checks, before any file changes, that the components can be restarted and are healthy now.
//!
//! Otherwise a renewal fails after the files have changed, and blames the new files for what was wrong before. Where a
//! certificate has expired, or a component has not loaded what is on disk, that may be the cause, and the run goes on.
//!
//! Reads: the service of the kubelet, the container runtime, the manifests, the health of the components. Writes: nothing.

use super::restart::Proved;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::context::Context;
use crate::ops::kubelet_service;
use crate::ops::running::{ThisHost, that_run};
use crate::pipeline::{Action, Target};
use crate::pki::Cert;
use crate::state::consumers::{READERS, Reader};
use crate::state::renewable::{KUBELET_CONF, Row};
use crate::state::{ports, static_pod};
use std::path::PathBuf;
use std::time::Duration;

/// A component that was just restarted needs seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing is changed.
#[derive(Debug, thiserror::Error)]
enum NotReady {
    /// The kubelet cannot run what the manifest says.
    #[error("{} is not a manifest of a Pod: {why}; nothing was changed", path.display())]
    Manifest { path: PathBuf, why: String },
    /// It would fail with any file.
    #[error("{component} is not healthy: {why}; nothing was changed")]
    Component { component: &'static str, why: String },
}

impl Fault for NotReady {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Refused
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Manifest { path, .. } => format!("fix {}, then run the same command again", path.display()),
            Self::Component { component, .. } => format!(
                "run 'crictl logs $(crictl ps -a --name {component} -q | head -1)' to see why; to change the files without \
                 restarting anything, add '--no-restart'"
            ),
        })
    }
}

pub struct CheckReady;

impl Action for CheckReady {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        // One that runs and is not healthy may be what this run repairs, as may one that does not run.
        if cx.renewal()?.only.as_deref() == Some(KUBELET_CONF) {
            return Ok(());
        }
        kubelet_service::require_active(cx)?;
        let here = manifests(cx)?;
        if here.is_empty() {
            return Ok(());
        }
        let ports = ports::ports(&cx.files, &cx.cluster()?.certificates_dir)?;
        let host = ThisHost::find(cx)?;
        let of = |reader: &Reader| ports.iter().filter(|port| port.component == reader.component).cloned().collect();
        let components: Vec<Proved<'_>> =
            here.into_iter().map(|reader| Proved { reader, ports: of(reader), host: &host }).collect();
        require_healthy(cx, &components)
    }
}

/// The components that have a manifest on this host.
fn manifests(cx: &Context) -> Result<Vec<&'static Reader>> {
    let mut here = Vec::new();
    for reader in READERS {
        let path = static_pod::path(reader.component);
        let Some(text) = cx.files.read(&path)? else { continue };
        if let Err(why) = static_pod::defect(&text) {
            return Err(NotReady::Manifest { path, why }.into());
        }
        here.push(reader);
    }
    Ok(here)
}

/// Refuses unless each component runs and is healthy, if nothing that a renewal repairs explains why it is not.
fn require_healthy(cx: &mut Context, components: &[Proved<'_>]) -> Result<()> {
    for component in components {
        let running = that_run(&component.host.containers(component.reader.component)?);
        if component.reader.is_stale(cx, &running)? || is_expired(cx, component.reader)? {
            return Ok(());
        }
    }
    let concerned: Vec<&Proved<'_>> = match &cx.renewal()?.only {
        Some(only) => components.iter().filter(|component| component.reader.reads(only)).collect(),
        None => components.iter().collect(),
    };
    for component in concerned {
        let name = component.reader.component;
        let (clock, events) = (cx.clock.clone(), cx.events.clone());
        let what = format!("a healthy {name}");
        let waited =
            Wait { slowest: Duration::from_millis(500), ..Wait::new(&what, PATIENCE) }
                .until(&clock, &events, || Ok(component.trouble(cx)?.map_or(Poll::Ready(()), Poll::Pending)));
        match waited {
            Ok(()) => {}
            Err(failure) if failure.downcast_ref::<TimedOut>().is_some() => {
                let why = component.trouble(cx)?.unwrap_or_else(|| failure.to_string());
                return Err(NotReady::Component { component: name, why }.into());
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

/// True when a certificate that the component reads has expired, or cannot be read.
fn is_expired(cx: &mut Context, reader: &Reader) -> Result<bool> {
    let (store, now, folder) = (cx.pki()?, cx.clock.now(), cx.renewal()?.kubeconfig_dir.clone());
    for name in reader.files {
        let chain: Option<Vec<Cert>> = match Row::named(name)? {
            Row::Cert(spec) => store.load_certs(spec).unwrap_or_default(),
            Row::Kubeconfig(spec) => {
                let path = folder.join(spec.file);
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
