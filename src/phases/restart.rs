//! Lets components load the current files: one after the other, each verified before the next.
//!
//! Whether a component must be restarted is determined from its state: its container is older than a file that it
//! loads, or its port serves another certificate. So the next run continues a killed one. A component is verified by
//! the certificate on its port, its new container, and its health check. If it does not work with the files that this
//! run changed, the old ones are restored (`rollback`) and verified in the same way.
//!
//! The leftovers of a killed run are completed first: certificate and key of which only one was replaced, and a
//! kubelet that has not loaded its files. No container is stopped unless a healthy kubelet will restart it, and the
//! keys and certificates of the component belong together.
//!
//! Reads: the static Pods' manifests, the container runtime, the components' ports. Writes: stops containers, which
//! the kubelet replaces; on failure restores the old files.

mod error;
mod majority;

use crate::base::fault::{Failure, Result};
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::context::{Context, Renewal, Run};
use crate::host::cri::ContainerState;
use crate::ops::kubelet_service;
use crate::ops::renewal::finish_replacement;
use crate::ops::rollback;
use crate::ops::running::{Running, TOO_MANY_EXITS, ThisHost, exits, only_running};
use crate::pipeline::{Phase, Target};
use crate::pki::catalog::CERTS;
use crate::pki::{Cert, PkiError, Problem, path};
use crate::state::consumers::{CONSUMERS, Consumer};
use crate::state::ports::{self, Port};
use crate::state::quorum;
use crate::state::renewable::Row;
use crate::state::static_pod::StaticPod;
use error::{NotAccepted, NotLoaded};
use majority::await_majority;
use std::path::Path;
use std::time::Duration;

/// How long a component that has become healthy may not answer.
const SILENT: Duration = Duration::from_secs(30);
/// How often members of etcd are asked for their majority while a component does not get healthy.
const LOOK: Duration = Duration::from_secs(8);
/// How long a component that reloads its files may take before it is restarted.
const RELOAD: Duration = Duration::from_secs(2);

fn unread(path: &Path) -> String {
    format!("{} cannot be read, so the certificate cannot be verified", path.display())
}

pub struct RestartComponents;

impl<P> Phase<Renewal<P>> for RestartComponents {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Renewal<P>>, _: &Target) -> Result<()> {
        let done = restart_all(cx);
        if done.is_err() {
            report_unloaded(cx)?;
        }
        done
    }
}

fn restart_all<P>(cx: &mut Run<Renewal<P>>) -> Result<()> {
    finish_pairs(cx)?;
    kubelet_service::restart_if_due(cx)?;
    let mut here = Vec::new();
    for consumer in CONSUMERS {
        if StaticPod::read(&cx.host.files, consumer.component)?.is_some() {
            here.push(consumer);
        }
    }
    if here.is_empty() {
        return Ok(());
    }
    let ports = ports::ports(&cx.host.files, &cx.cluster()?.certificates_dir)?;
    let host = ThisHost::find(cx)?;
    await_majority(cx, &host)?;
    let of = |consumer: &Consumer| ports.iter().filter(|port| port.component == consumer.component).cloned().collect();
    let components: Vec<RunningComponent<'_>> =
        here.into_iter().map(|consumer| RunningComponent { consumer, ports: of(consumer), host: &host }).collect();
    load_all(cx, &components, &host)
}

/// Reports the renewed files that stay on disk although a component failed, and how they are loaded later.
fn report_unloaded<P>(cx: &mut Run<Renewal<P>>) -> Result<()> {
    let mut names = Vec::new();
    for name in cx.work.renewed.iter().map(|one| one.name).collect::<Vec<_>>() {
        let files = Row::named(name)?.files(cx)?;
        if rollback::is_changed(cx, &files)? {
            names.push(name);
        }
    }
    if !names.is_empty() {
        cx.events.warning(format!(
            "renewed on disk, and possibly not loaded yet: {}; when the error is fixed, run 'kubewright certs restart'",
            names.join(", ")
        ));
    }
    Ok(())
}

/// Restarts the components one after the other. If the API server does not accept admin.conf afterwards, all of them
/// are rolled back.
fn load_all<P>(cx: &mut Run<Renewal<P>>, components: &[RunningComponent<'_>], host: &dyn Running) -> Result<()> {
    let mut restarted = Vec::new();
    for component in components {
        if component.is_due(cx)? {
            component.require_pairs(cx)?;
            component.load(cx)?;
            restarted.push(component);
        }
    }
    if restarted.is_empty() {
        return Ok(());
    }
    let Err(failure) = host.verify_admin_access(cx) else { return Ok(()) };
    // Without etcd's majority no API server gets ready, with the old files neither: the new ones stay.
    if quorum::is_lost(&failure) {
        return Err(failure);
    }
    let mut paths = rollback::admin_files();
    for component in &restarted {
        paths.extend(component.consumer.paths(cx)?);
    }
    let outcome = rollback::restore(cx, &paths)?.then(|| {
        restarted.iter().try_for_each(|component| component.restart(cx))?;
        host.verify_admin_access(cx)
    });
    Err(NotLoaded::Admin { why: failure.with_causes(), outcome }.into())
}

/// No component is restarted with a certificate and a key that do not belong together.
fn finish_pairs(cx: &mut Context) -> Result<()> {
    for spec in CERTS {
        finish_replacement(cx, spec)?;
    }
    Ok(())
}

/// A component with its ports.
pub(crate) struct RunningComponent<'a> {
    pub(crate) consumer: &'a Consumer,
    pub(crate) ports: Vec<Port>,
    pub(crate) host: &'a dyn Running,
}

impl RunningComponent<'_> {
    /// True if one of its files was renewed or is not loaded. If the user selected one certificate, components without
    /// it are not restarted.
    fn is_due<P>(&self, cx: &mut Run<Renewal<P>>) -> Result<bool> {
        let renewal = &cx.work;
        if renewal.renewed.iter().any(|one| self.consumer.loads(one.name)) {
            return Ok(true);
        }
        if renewal.only.as_ref().is_some_and(|only| !self.consumer.loads(only)) {
            return Ok(false);
        }
        let running = only_running(&self.host.containers(self.consumer.component)?);
        if self.consumer.is_stale(cx, &running)? {
            return Ok(true);
        }
        // A stopped component has no old files in use; it loads the current ones when it starts.
        Ok(!running.is_empty() && self.other_served(cx)?.is_some())
    }

    /// Lets the component load the current files, or rolls back to the old ones.
    pub fn load<P>(&self, cx: &mut Run<Renewal<P>>) -> Result<()> {
        let running = only_running(&self.host.containers(self.consumer.component)?);
        // A stopped component, or one without a known port, has not reloaded anything.
        let can_reload = self.consumer.reloads && !running.is_empty() && !self.ports.is_empty();
        if can_reload && !self.consumer.is_stale(cx, &running)? && self.serves_current(cx)? {
            if let Err(failure) = self.require_accepted(cx) {
                return self.go_back(cx, &failure);
            }
            cx.events.message(format!("{} has reloaded its new certificate", self.consumer.component));
            return Ok(());
        }
        self.host.require_kubelet(cx)?;
        // Without it the component would not get healthy again.
        quorum::require(cx)?;
        let Err(failure) = self.restart(cx) else { return Ok(()) };
        if quorum::is_lost(&failure) {
            return Err(failure);
        }
        self.go_back(cx, &failure)
    }

    /// Restores the old files and restarts the component with them.
    fn go_back<P>(&self, cx: &mut Run<Renewal<P>>, failure: &Failure) -> Result<()> {
        let paths = self.consumer.paths(cx)?;
        let outcome = rollback::restore(cx, &paths)?.then(|| self.restart(cx));
        Err(NotLoaded::Component { component: self.consumer.component, why: failure.to_string(), outcome }.into())
    }

    /// Fails if a key and a certificate of the component do not belong together.
    pub(super) fn require_pairs(&self, cx: &mut Context) -> Result<()> {
        let store = cx.pki()?;
        for name in self.consumer.files {
            if let Row::Cert(spec) = Row::named(name)?
                && !store.belong_together(spec)
            {
                let (path, key) = (store.cert_path(spec), store.key_path(spec));
                let problems = vec![Problem::KeyMismatch { key }];
                return Err(PkiError::Unfit { path, name: spec.name.into(), problems, external_ca: false }.into());
            }
        }
        Ok(())
    }

    /// Why it is not healthy now; None if it is.
    pub(super) fn problem(&self, cx: &Context) -> Result<Option<String>> {
        let component = self.consumer.component;
        let all = self.host.containers(component)?;
        if only_running(&all).is_empty() {
            let ended = if all.is_empty() { "it has no container" } else { "its container has exited" };
            return Ok(Some(ended.into()));
        }
        match self.health_url(cx)? {
            Some(url) => self.host.problem(component, &url),
            None => Ok(None),
        }
    }

    /// True if it has exited several times and does not run now.
    pub(super) fn is_in_crash_loop(&self) -> Result<bool> {
        let all = self.host.containers(self.consumer.component)?;
        Ok(only_running(&all).is_empty() && exits(&all) >= TOO_MANY_EXITS)
    }

    /// Stops the containers that have not loaded the files, and waits until the kubelet has started a new one that is
    /// verified to be healthy.
    fn restart<P>(&self, cx: &mut Run<Renewal<P>>) -> Result<()> {
        let component = self.consumer.component;
        let since = self.consumer.read_since(cx)?;
        let all = self.host.containers(component)?;
        let is_new = |created: i64| created > since;
        let runs_new = only_running(&all).iter().any(|one| is_new(one.created));
        for container in &all {
            // With an exited container in the list, the kubelet would wait before it starts the next one.
            let runs = only_running(std::slice::from_ref(container)).len() == 1;
            if container.state == ContainerState::Created && is_new(container.created) {
                // The kubelet is just starting it.
                continue;
            }
            if (runs && !is_new(container.created)) || (!runs && !runs_new) {
                self.host.end(container)?;
            }
        }
        let what = format!("the restart of {component}");
        let limit = cx.timeouts().upgrade_manifests;
        let gate = cx.host.gate.clone();
        gate.effect(|| {
            let (clock, events) = (cx.host.clock.clone(), cx.events.clone());
            let mut looked = clock.monotonic();
            Wait { slowest: Duration::from_millis(100), ..Wait::new(&what, limit) }.until(&clock, &events, || {
                let Some(problem) = self.not_yet(cx, &is_new)? else { return Ok(Poll::Ready(())) };
                let now = clock.monotonic();
                if now.saturating_sub(looked) >= LOOK {
                    looked = now;
                    quorum::require(cx)?;
                }
                Ok(Poll::Pending(problem))
            })
        })?;
        self.require_accepted(cx)?;
        cx.events.message(format!("{component} is running with the current files"));
        Ok(())
    }

    /// Why it is not restarted and healthy yet; None if it is.
    fn not_yet(&self, cx: &mut Context, is_new: &dyn Fn(i64) -> bool) -> Result<Option<String>> {
        let component = self.consumer.component;
        if !only_running(&self.host.containers(component)?).iter().any(|one| is_new(one.created)) {
            return Ok(Some("its container has not been restarted yet".into()));
        }
        if let Some(problem) = self.other_served(cx)? {
            return Ok(Some(problem));
        }
        match self.health_url(cx)? {
            Some(url) => self.host.problem(component, &url),
            None => Ok(None),
        }
    }

    /// The first port that does not serve the current certificate, with the reason; None if all do.
    pub(super) fn other_served(&self, cx: &mut Context) -> Result<Option<String>> {
        for port in &self.ports {
            let expected = on_disk(cx, port)?;
            let served = match self.host.served_chain(port) {
                Err(why) => return Ok(Some(why)),
                Ok(chain) => chain.into_iter().next(),
            };
            if let (Some(expected), Some(served)) = (expected, served)
                && expected.der != served.der
            {
                return Ok(Some(format!("{} still serves serial {}", port.address, served.serial)));
            }
        }
        Ok(None)
    }

    /// Fails unless clients accept what the ports serve: they verify the whole chain, not only that it is the file's.
    pub(super) fn require_accepted(&self, cx: &mut Context) -> Result<()> {
        let gate = cx.host.gate.clone();
        gate.effect(|| {
            self.ports.iter().filter(|port| !port.foreign).try_for_each(|port| self.verify_served(cx, port))
        })?;
        Ok(())
    }

    fn verify_served(&self, cx: &mut Context, port: &Port) -> Result<()> {
        let Some(Row::Cert(spec)) = port.name.map(Row::named).transpose()? else { return Ok(()) };
        let (store, address) = (cx.pki()?, port.address.to_string());
        let path = store.cert_path(Row::Cert(spec).ca()?);
        // Clients trust the certificates in this file; without it, there is nothing to verify against.
        let cas = store.cas_of(spec).ok_or_else(|| NotAccepted { address: address.clone(), why: unread(&path) })?;
        // It has just been seen at work: on a busy host it may be silent for some seconds.
        let (what, mut last) = (format!("the certificate of {address}"), String::new());
        let served = Wait::new(&what, SILENT).until(&cx.host.clock, &cx.events, || {
            Ok(match self.host.served_chain(port) {
                Ok(chain) => Poll::Ready(chain),
                Err(why) => {
                    last.clone_from(&why);
                    Poll::Pending(why)
                }
            })
        });
        let chain = served.map_err(|_| NotAccepted { address: address.clone(), why: last })?;
        let verified = path::verify(&chain, &cas, spec.usages, cx.host.clock.now());
        verified.map_err(|broken| NotAccepted { address, why: broken.to_string() }.into())
    }

    /// True when every port shows what is on the disk within a moment. A plan, which writes nothing, assumes so: a component
    /// that reads its files again is only restarted when it did not.
    fn serves_current(&self, cx: &mut Context) -> Result<bool> {
        let (gate, clock, events) = (cx.host.gate.clone(), cx.host.clock.clone(), cx.events.clone());
        let looked = gate.effect(|| {
            Wait::new("the new certificate on its port", RELOAD)
                .until(&clock, &events, || Ok(self.other_served(cx)?.map_or(Poll::Ready(()), Poll::Pending)))
        });
        match looked {
            Ok(_) => Ok(true),
            Err(failure) if failure.downcast_ref::<TimedOut>().is_some() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// etcd serves its health check on the metrics port, the others on their own.
    pub(super) fn health_url(&self, cx: &Context) -> Result<Option<String>> {
        let health = self.consumer.health;
        if self.consumer.component == "etcd" {
            let pod = StaticPod::read(&cx.host.files, self.consumer.component)?.unwrap_or_default();
            let metrics = pod.flag("listen-metrics-urls").and_then(|urls| urls.split(',').next());
            return Ok(metrics.map(|url| format!("{}{health}", url.trim_end_matches('/'))));
        }
        Ok(self.ports.first().map(|port| format!("https://{}{health}", port.address)))
    }
}

/// The certificate that a port should serve; None if unknown.
fn on_disk(cx: &mut Context, port: &Port) -> Result<Option<Cert>> {
    if port.foreign {
        return Ok(None);
    }
    let Some(Row::Cert(spec)) = port.name.map(Row::named).transpose()? else { return Ok(None) };
    Ok(cx.pki()?.load_certs(spec)?.and_then(|chain| chain.into_iter().next()))
}

#[cfg(test)]
pub(super) mod tests;
