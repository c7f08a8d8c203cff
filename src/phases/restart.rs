//! Has components take up what is on the disk: one after the other, each proved before the next.
//!
//! Whether a component has to is read from the world: its container is older than a file that it reads, or its port
//! shows another certificate. So a run that was killed is continued by the next one. The proof is what the component
//! shows on its port, that it runs in a new container, and that it says it is well. A component that cannot live with
//! what this run changed gets the old files back (`rollback`), and that is proved likewise.
//!
//! What a killed run has left is completed first: pairs of certificate and key that are half exchanged, and a kubelet
//! that has not read its files. Nothing is ended unless a kubelet is well that starts it again, and the keys and
//! certificates of the component belong together.
//!
//! Reads: the static Pods' manifests, the container runtime, the components' ports. Writes: containers that are
//! ended, which the kubelet replaces; on failure the old files.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::context::Context;
use crate::ops::kubelet_service;
use crate::ops::renewal::finish_replacement;
use crate::ops::rollback;
use crate::ops::running::{Running, ThisHost, that_run};
use crate::pipeline::{Action, Target};
use crate::pki::catalog::CERTS;
use crate::pki::{Cert, PkiError, Problem};
use crate::state::consumers::{READERS, Reader};
use crate::state::ports::{self, Port};
use crate::state::renewable::Row;
use crate::state::static_pod::StaticPod;
use std::time::Duration;

const API_SERVER: &str = "kube-apiserver";
/// How long a component that reads its files again is given before it is restarted after all.
const RELOAD: Duration = Duration::from_secs(2);

/// A component did not come up with what is on the disk.
#[derive(Debug, thiserror::Error)]
enum NotTakenUp {
    #[error("{component} did not load what is on the disk: {why}; {outcome}")]
    Component { component: &'static str, why: String, outcome: String },
    #[error("the restarted API server does not accept admin.conf: {why}; {outcome}")]
    Admin { why: String, outcome: String },
}

impl NotTakenUp {
    fn component(&self) -> &'static str {
        match self {
            Self::Component { component, .. } => component,
            Self::Admin { .. } => API_SERVER,
        }
    }
}

impl Fault for NotTakenUp {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unhealthy
    }
    fn hint(&self) -> Option<String> {
        Some(format!(
            "run 'crictl logs $(crictl ps -a --name {} -q | head -1)' to see why, then run the same command again",
            self.component()
        ))
    }
}

/// See the module's text.
pub struct RestartComponents;

impl Action for RestartComponents {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let done = restart_all(cx);
        if done.is_err() {
            report_unloaded(cx)?;
        }
        done
    }
}

fn restart_all(cx: &mut Context) -> Result<()> {
    finish_pairs(cx)?;
    kubelet_service::take_up(cx)?;
    let mut here = Vec::new();
    for reader in READERS {
        if StaticPod::read(&cx.files, reader.component)?.is_some() {
            here.push(reader);
        }
    }
    if here.is_empty() {
        return Ok(());
    }
    let ports = ports::ports(&cx.files, &cx.cluster()?.certificates_dir)?;
    let host = ThisHost::find(cx)?;
    let of = |reader: &Reader| ports.iter().filter(|port| port.component == reader.component).cloned().collect();
    let components: Vec<Proved<'_>> =
        here.into_iter().map(|reader| Proved { reader, ports: of(reader), host: &host }).collect();
    take_up_all(cx, &components, &host)
}

/// Says which renewed files stay on disk although a component failed, and how they come into use.
fn report_unloaded(cx: &mut Context) -> Result<()> {
    let mut names = Vec::new();
    for name in cx.renewal()?.renewed.iter().map(|one| one.name).collect::<Vec<_>>() {
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

/// Brings the components to what is on the disk, one after the other. When the administrator cannot enter then, all of
/// them go back.
fn take_up_all(cx: &mut Context, components: &[Proved<'_>], host: &dyn Running) -> Result<()> {
    let mut restarted = Vec::new();
    for component in components {
        if component.is_due(cx)? {
            component.require_pairs(cx)?;
            component.take_up(cx)?;
            restarted.push(component);
        }
    }
    if restarted.is_empty() {
        return Ok(());
    }
    let Err(failure) = host.admin_enters(cx) else { return Ok(()) };
    let mut paths = rollback::admin_files();
    for component in &restarted {
        paths.extend(component.reader.paths(cx)?);
    }
    let outcome = rollback::put_back(cx, &paths)?.then(|| {
        restarted.iter().try_for_each(|component| component.restart(cx))?;
        host.admin_enters(cx)
    });
    Err(NotTakenUp::Admin { why: failure.to_string(), outcome }.into())
}

/// Nobody is restarted into a certificate and a key that do not belong together.
fn finish_pairs(cx: &mut Context) -> Result<()> {
    for spec in CERTS {
        finish_replacement(cx, spec)?;
    }
    Ok(())
}

/// A component with what it is proved by.
pub(crate) struct Proved<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) ports: Vec<Port>,
    pub(crate) host: &'a dyn Running,
}

impl Proved<'_> {
    /// True when something that it reads was renewed, or lies on the disk and is not in use. Who asked for one thing
    /// does not get a restart for another.
    fn is_due(&self, cx: &mut Context) -> Result<bool> {
        let renewal = cx.renewal()?;
        if renewal.renewed.iter().any(|one| self.reader.reads(one.name)) {
            return Ok(true);
        }
        if renewal.only.as_ref().is_some_and(|only| !self.reader.reads(only)) {
            return Ok(false);
        }
        let running = that_run(&self.host.containers(self.reader.component)?);
        if self.reader.is_stale(cx, &running)? {
            return Ok(true);
        }
        // A component that does not run has nothing old in use; it reads what is there when it starts.
        Ok(!running.is_empty() && self.other_shown(cx)?.is_some())
    }

    /// Brings the component to what is on the disk, or back to what was there before.
    ///
    /// # Errors
    /// When it does not come up with what is on the disk, whatever became of the way back.
    pub fn take_up(&self, cx: &mut Context) -> Result<()> {
        let running = that_run(&self.host.containers(self.reader.component)?);
        // One that does not run, or whose port is not known, has not loaded anything.
        let can_reload = self.reader.reloads && !running.is_empty() && !self.ports.is_empty();
        if can_reload && !self.reader.is_stale(cx, &running)? && self.shows(cx)? {
            cx.events.message(format!("{} has taken up its new certificate by itself", self.reader.component));
            return Ok(());
        }
        self.host.kubelet_is_well(cx)?;
        let Err(failure) = self.restart(cx) else { return Ok(()) };
        let paths = self.reader.paths(cx)?;
        let outcome = rollback::put_back(cx, &paths)?.then(|| self.restart(cx));
        Err(NotTakenUp::Component { component: self.reader.component, why: failure.to_string(), outcome }.into())
    }

    /// Refuses to restart a component into a key and a certificate that do not belong together.
    fn require_pairs(&self, cx: &mut Context) -> Result<()> {
        let store = cx.pki()?;
        for name in self.reader.files {
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

    /// Why it is not healthy now; None when it is.
    pub(super) fn trouble(&self, cx: &Context) -> Result<Option<String>> {
        let component = self.reader.component;
        let all = self.host.containers(component)?;
        if that_run(&all).is_empty() {
            let ended = if all.is_empty() { "it has no container" } else { "its container has exited" };
            return Ok(Some(ended.into()));
        }
        match self.health_url(cx)? {
            Some(url) => self.host.ailment(component, &url),
            None => Ok(None),
        }
    }

    /// Ends the containers that have not read the files, and waits until the kubelet has started one that has, and it
    /// is proved to be well.
    fn restart(&self, cx: &mut Context) -> Result<()> {
        let component = self.reader.component;
        let since = self.reader.read_since(cx)?;
        let all = self.host.containers(component)?;
        let is_new = |created: i64| created > since;
        let runs_new = that_run(&all).iter().any(|one| is_new(one.created));
        for container in &all {
            // One that ended would make the kubelet wait before it starts the next.
            let runs = that_run(std::slice::from_ref(container)).len() == 1;
            if (runs && !is_new(container.created)) || (!runs && !runs_new) {
                self.host.end(container)?;
            }
        }
        let what = format!("a restarted {component}");
        let limit = cx.timeouts().upgrade_manifests;
        let gate = cx.gate.clone();
        gate.effect(|| {
            let (clock, events) = (cx.clock.clone(), cx.events.clone());
            Wait { slowest: Duration::from_millis(100), ..Wait::new(&what, limit) }.until(&clock, &events, || {
                if !that_run(&self.host.containers(component)?).iter().any(|one| is_new(one.created)) {
                    return Ok(Poll::Pending("its container has not come back".into()));
                }
                if let Some(trouble) = self.other_shown(cx)? {
                    return Ok(Poll::Pending(trouble));
                }
                let trouble = match self.health_url(cx)? {
                    Some(url) => self.host.ailment(component, &url)?,
                    None => None,
                };
                Ok(trouble.map_or(Poll::Ready(()), Poll::Pending))
            })
        })?;
        cx.events.message(format!("{component} runs again and shows what is on the disk"));
        Ok(())
    }

    /// Which port shows something else than what is on the disk, or nothing; None when all is right.
    fn other_shown(&self, cx: &mut Context) -> Result<Option<String>> {
        for port in &self.ports {
            let meant = on_disk(cx, port)?;
            match self.host.shown(port) {
                Err(why) => return Ok(Some(why)),
                Ok(shown) if meant.is_some_and(|meant| meant.der != shown.der) => {
                    return Ok(Some(format!("{} still shows serial {}", port.address, shown.serial)));
                }
                Ok(_) => {}
            }
        }
        Ok(None)
    }

    /// True when every port shows what is on the disk within a moment. A plan, which writes nothing, assumes so: a component
    /// that reads its files again is only restarted when it did not.
    fn shows(&self, cx: &mut Context) -> Result<bool> {
        let (gate, clock, events) = (cx.gate.clone(), cx.clock.clone(), cx.events.clone());
        let looked = gate.effect(|| {
            Wait::new("the new certificate on its port", RELOAD)
                .until(&clock, &events, || Ok(self.other_shown(cx)?.map_or(Poll::Ready(()), Poll::Pending)))
        });
        match looked {
            Ok(_) => Ok(true),
            Err(failure) if failure.downcast_ref::<TimedOut>().is_some() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// etcd tells how it is on its metrics port, the others on their own.
    fn health_url(&self, cx: &Context) -> Result<Option<String>> {
        let health = self.reader.health;
        if self.reader.component == "etcd" {
            let pod = StaticPod::read(&cx.files, self.reader.component)?.unwrap_or_default();
            let metrics = pod.flag("listen-metrics-urls").and_then(|urls| urls.split(',').next());
            return Ok(metrics.map(|url| format!("{}{health}", url.trim_end_matches('/'))));
        }
        Ok(self.ports.first().map(|port| format!("https://{}{health}", port.address)))
    }
}

/// The certificate that a port should show; None where nobody says.
fn on_disk(cx: &mut Context, port: &Port) -> Result<Option<Cert>> {
    if port.foreign {
        return Ok(None);
    }
    let Some(Row::Cert(spec)) = port.name.map(Row::named).transpose()? else { return Ok(None) };
    Ok(cx.pki()?.load_certs(spec)?.and_then(|chain| chain.into_iter().next()))
}

#[cfg(test)]
pub(super) mod tests;
