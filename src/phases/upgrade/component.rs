//! A component that gets a new manifest or new certificates: whether it is ready with them, and stays so.
//!
//! A container that was created after the files, from the image of the manifest, and that is ready itself, is asked for,
//! not an annotation of a Pod: a crash-looping one has the phase Running, too.

use super::error::UpgradeFailed;
use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
use crate::context::{Context, Run, Upgrading};
use crate::domain::paths::manifest;
use crate::host::cri::{Container, ContainerState};
use crate::ops::running::{Running, TOO_MANY_EXITS, only_running};
use crate::phases::restart::RunningComponent;
use crate::state::consumers::{CONSUMERS, Consumer};
use crate::state::ports;
use crate::state::renewable::Row;
use crate::state::static_pod::StaticPod;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// How long it must stay ready before the next component changes.
const STAYS: Duration = Duration::from_secs(3);
/// A kubelet sees a changed manifest within a second; a Pod has half a minute to end.
const BY_ITSELF: Duration = Duration::from_secs(40);
/// The kernel's clock for files lags up to ten milliseconds behind the clock for containers.
const TICK: i64 = 20_000_000;

/// A component of this host by its name.
pub fn consumer(name: &str) -> Option<&'static Consumer> {
    CONSUMERS.iter().find(|consumer| consumer.component == name)
}

/// The certificates and kubeconfigs that are renewed with a component: those that it loads, and with etcd that of its
/// health check.
pub fn certificates(consumer: &Consumer) -> Vec<&'static str> {
    let own = consumer.files.iter().copied();
    own.chain((consumer.component == "etcd").then_some("etcd-healthcheck-client")).collect()
}

/// Every file that is written with it: certificates, keys, its kubeconfig and its manifest; no CA.
pub fn files(cx: &mut Run<Upgrading>, consumer: &Consumer) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for name in certificates(consumer) {
        files.extend(Row::named(name)?.files(cx)?);
    }
    files.push(manifest(consumer.component));
    Ok(files)
}

/// Whether the kubelet replaces the Pod, because its manifest has changed, or has to be made to restart its container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Manifest,
    Certificates,
}

/// Waits until the component runs with the files on disk, is ready, and stays so.
pub fn settle(cx: &mut Run<Upgrading>, consumer: &'static Consumer, cause: Cause, host: &dyn Running) -> Result<()> {
    be_ready(cx, consumer, cause, host, STAYS)
}

/// The same for a component that has been ready before: it need not show that it stays so.
pub fn is_still_ready(
    cx: &mut Run<Upgrading>,
    consumer: &'static Consumer,
    cause: Cause,
    host: &dyn Running,
) -> Result<()> {
    be_ready(cx, consumer, cause, host, Duration::ZERO)
}

fn be_ready(
    cx: &mut Run<Upgrading>,
    consumer: &'static Consumer,
    cause: Cause,
    host: &dyn Running,
    stays: Duration,
) -> Result<()> {
    let ports = ports::ports(&cx.host.files, &cx.cluster()?.certificates_dir)?;
    let ports = ports.into_iter().filter(|port| port.component == consumer.component).collect();
    let component = RunningComponent { consumer, ports, host };
    let image = StaticPod::read(&cx.host.files, consumer.component)?.unwrap_or_default().image().to_owned();
    let gate = cx.host.gate.clone();
    gate.effect(|| wait(cx, &component, cause, &image, stays))?;
    component.require_accepted(cx)
}

fn wait(
    cx: &mut Run<Upgrading>,
    component: &RunningComponent<'_>,
    cause: Cause,
    image: &str,
    stays: Duration,
) -> Result<()> {
    let (clock, events) = (cx.host.clock.clone(), cx.events.clone());
    let (name, host) = (component.consumer.component, component.host);
    let since = since(cx, component.consumer, cause)?;
    let what = format!("{name} to be ready with its new files");
    let start = clock.monotonic();
    let mut state =
        State { patience: if cause == Cause::Manifest { BY_ITSELF } else { Duration::ZERO }, ..State::default() };
    let wait = Wait { slowest: Duration::from_millis(200), ..Wait::new(&what, cx.timeouts().upgrade_manifests) };
    wait.until(&clock, &events, || {
        let all = host.containers(name)?;
        let (new, old): (Vec<Container>, Vec<Container>) = all.into_iter().partition(|one| one.created > since);
        state.count_exits(&new)?;
        let now = clock.monotonic().saturating_sub(start);
        let Some(running) = only_running(&new).into_iter().next() else {
            state.ready = None;
            if now >= state.patience && new.is_empty() && !state.ended {
                // With an exited container in the list, the kubelet would wait before it starts the next one.
                old.iter().try_for_each(|one| host.end(one))?;
                state.ended = true;
            }
            return Ok(Poll::Pending(if new.is_empty() {
                "its container has not been replaced yet".into()
            } else {
                "its new container has exited".into()
            }));
        };
        if let Some(problem) = why_not(cx, component, &running, image)? {
            state.ready = None;
            return Ok(Poll::Pending(problem));
        }
        let ready_since = match &state.ready {
            Some((id, at)) if *id == running.id => *at,
            _ => now,
        };
        state.ready = Some((running.id, ready_since));
        Ok(if now.saturating_sub(ready_since) >= stays {
            Poll::Ready(())
        } else {
            Poll::Pending("it is ready, and has to stay so for some seconds".into())
        })
    })
}

/// What a wait has seen.
#[derive(Default)]
struct State {
    /// How long the kubelet has to replace the container by itself.
    patience: Duration,
    /// The old containers were ended.
    ended: bool,
    /// The container that is ready, and since when.
    ready: Option<(String, Duration)>,
    exited: BTreeSet<String>,
}

impl State {
    fn count_exits(&mut self, new: &[Container]) -> Result<()> {
        self.exited.extend(new.iter().filter(|one| one.state == ContainerState::Exited).map(|one| one.id.clone()));
        if self.exited.len() >= TOO_MANY_EXITS {
            return Err(UpgradeFailed::Exits { times: self.exited.len() }.into());
        }
        Ok(())
    }
}

/// Why it is not ready; None if it is.
fn why_not(
    cx: &mut Context,
    component: &RunningComponent<'_>,
    running: &Container,
    image: &str,
) -> Result<Option<String>> {
    let (name, host) = (component.consumer.component, component.host);
    if !host.runs_image(running, image)? {
        return Ok(Some(format!("its container is not of the image {image}")));
    }
    if let Some(other) = component.other_served(cx)? {
        return Ok(Some(other));
    }
    match component.health_url(cx)? {
        // Alive is not enough: it must serve.
        Some(url) if name == "kube-apiserver" => host.problem(name, &url.replace("/livez", "/readyz")),
        Some(url) => host.problem(name, &url),
        None => Ok(None),
    }
}

/// A container that was created later has loaded the manifest and all its files, in nanoseconds since the epoch. Files that
/// it reloads are verified on its port instead.
fn since(cx: &mut Run<Upgrading>, consumer: &Consumer, cause: Cause) -> Result<i64> {
    let manifest = cx.host.files.modified(&manifest(consumer.component)).unwrap_or_default();
    let manifest = manifest.min(cx.host.clock.nanos()).saturating_add(TICK);
    if cause == Cause::Certificates && consumer.reloads {
        return Ok(manifest);
    }
    Ok(consumer.read_since(cx)?.max(manifest))
}
