//! Ends the Pods on this host, through the container runtime.
//!
//! Reads: the runtime's Pods and containers. Writes: stops each container in its own time, then removes the Pods.

use super::known;
use crate::base::fault::{Failure, Result};
use crate::base::parallel::for_each;
use crate::context::Context;
use crate::host::cri::{ContainerState, Cri, CriError, Pod};
use crate::host::{docker, removal};
use std::path::Path;

/// A network plugin may fail to take a Pod's network away, as when it asks an API server that is gone; the runtime
/// then wants to be asked again.
const ATTEMPTS: usize = 3;

/// Ends and removes every Pod that the runtime knows: only kubelets make any.
///
/// # Errors
/// When no runtime answers although Pods have run here, without `--force`; when Pods cannot be stopped.
pub fn remove_all(cx: &mut Context) -> Result<()> {
    match cx.runtime() {
        Ok(cri) => remove(cx, &cri, &|_| true),
        Err(failure) => without_cri(cx, failure),
    }
}

/// Ends and removes the Pods that are `wanted`.
///
/// # Errors
/// When Pods cannot be stopped.
pub fn remove(cx: &mut Context, cri: &Cri, wanted: &dyn Fn(&Pod) -> bool) -> Result<()> {
    let pods: Vec<Pod> = cri.pods()?.into_iter().filter(wanted).collect();
    if pods.is_empty() {
        return Ok(());
    }
    let mut containers = cri.containers()?;
    containers.retain(|container| {
        container.state == ContainerState::Running && pods.iter().any(|pod| pod.id == container.pod)
    });
    // Whoever writes to a disk gets the time to finish.
    for outcome in for_each(&containers, |container| cri.stop_container(container)) {
        outcome?;
    }
    let mut left = Vec::new();
    for (pod, outcome) in pods.iter().zip(for_each(&pods, |pod| end(cri, pod))) {
        if let Err(error) = outcome {
            left.push(format!("{}/{}: {error}", pod.namespace, pod.name));
        }
    }
    let ended = pods.len() - left.len();
    cx.events.message(format!("ended {ended} {} of this host", if ended == 1 { "Pod" } else { "Pods" }));
    for what in left {
        cx.events.warning(format!("the runtime keeps the Pod {what}"));
        let note = format!("the Pod {what}; its containers are stopped; run 'crictl rmp -fa' to remove it");
        cx.leaving_mut()?.notes.push(note);
    }
    Ok(())
}

fn end(cri: &Cri, pod: &Pod) -> Result<(), CriError> {
    let mut attempt = 1;
    loop {
        match cri.stop_pod(pod).and_then(|()| cri.remove_pod(pod)) {
            Err(_) if attempt < ATTEMPTS => attempt += 1,
            outcome => return outcome,
        }
    }
}

/// A host without a runtime has no containers; one whose runtime does not answer may well have.
fn without_cri(cx: &mut Context, failure: Failure) -> Result<()> {
    if docker::remove_kubelets_containers(&cx.host)? {
        return Ok(());
    }
    let pods = removal::names(&cx.host, &Path::new(known::KUBELET).join("pods"))?.unwrap_or_default();
    let force = cx.leaving()?.force;
    if !pods.is_empty() && !force {
        return Err(failure);
    }
    if !pods.is_empty() {
        let note = format!("containers that still run, as no container runtime answers: {failure}");
        cx.leaving_mut()?.notes.push(note);
        cx.events.warning(format!("no container is ended, as no runtime answers: {failure}"));
    }
    Ok(())
}
