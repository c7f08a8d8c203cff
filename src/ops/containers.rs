//! Ends the Pods on this host, through the container runtime.
//!
//! Reads: the runtime's Pods and containers, and Docker's. Writes: stops each container in its own time, those
//! that serve the node last, and has the disks of Pods written in between; then removes the Pods.

use crate::base::fault::{Failure, Result};
use crate::base::parallel::{for_each, for_each_of};
use crate::context::Context;
use crate::host::cri::{Container, ContainerState, Cri, CriError, Pod};
use crate::host::{docker, flush, mounts, removal};
use crate::state::artifacts;
use crate::state::pods::DOCKER_NAMES;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[cfg(test)]
pub(crate) mod tests;

/// A network plugin may fail to take a Pod's network away, as when it asks an API server that is gone; the runtime
/// then wants to be asked again.
const ATTEMPTS: usize = 3;
/// What Kubernetes gives a Pod that does not say how long it takes to end.
const GRACE: Duration = Duration::from_secs(30);
/// Somebody waits: a Pod may ask for hours.
const LONGEST_GRACE: Duration = Duration::from_mins(5);
/// A kubelet runs some hundred containers, and each only waits.
const AT_ONCE: usize = 128;
/// Where the kubelet's adapter for Docker notes its Pods; on a host that has it, Docker was the runtime.
const DOCKERSHIM: &str = "/var/lib/dockershim";

/// Which Pods of this host are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Every one that is known: only kubelets make any.
    All,
    /// Those that use etcd: while it answers they end at once, and without it they use up all their time.
    UsersOfEtcd,
    /// The one of etcd.
    Etcd,
}

const USERS_OF_ETCD: [&str; 3] = ["kube-apiserver-", "kube-controller-manager-", "kube-scheduler-"];

impl Wanted {
    fn is(self, pod: &Pod) -> bool {
        let is_one_of =
            |names: &[&str]| pod.namespace == "kube-system" && names.iter().any(|n| pod.name.starts_with(n));
        match self {
            Self::All => true,
            Self::UsersOfEtcd => is_one_of(&USERS_OF_ETCD),
            Self::Etcd => is_one_of(&["etcd-"]),
        }
    }

    /// The names of their containers in Docker.
    fn docker_names(self) -> &'static str {
        match self {
            Self::UsersOfEtcd => "^/?k8s_[^_]+_kube-(apiserver|controller-manager|scheduler)-[^_]+_kube-system_",
            Self::All => DOCKER_NAMES,
            Self::Etcd => "^/?k8s_[^_]+_etcd-[^_]+_kube-system_",
        }
    }
}

/// Ends and removes Pods. Kubelets before v1.24 started theirs with Docker, whoever else answers on the host.
///
/// # Errors
/// When no runtime answers although Pods have run here, without `--force`; when Pods cannot be stopped.
pub fn remove(cx: &mut Context, wanted: Wanted) -> Result<()> {
    let silent = match cx.runtime() {
        Ok(cri) => {
            end_pods(cx, &cri, wanted)?;
            None
        }
        Err(failure) => Some(failure),
    };
    let in_docker = docker::containers(&cx.host, wanted.docker_names());
    let ids = in_docker.as_deref().unwrap_or_default();
    if !ids.is_empty() {
        flush_disks(cx)?;
        docker::end(&cx.host, ids)?;
        cx.events.message(format!("ended {} containers of Pods in Docker", ids.len()));
    }
    let was_docker = cx.files.exists(Path::new(DOCKERSHIM)) && cx.host.find("docker").is_some();
    match silent {
        Some(failure) if ids.is_empty() && !(was_docker && in_docker.is_some()) => without_runtime(cx, failure),
        None if was_docker && in_docker.is_none() => {
            let note =
                "containers of Pods in Docker, if there are any, as it does not answer; start it and run 'docker ps'";
            cx.leaving_mut()?.notes.push(note.into());
            Ok(())
        }
        _ => Ok(()),
    }
}

fn end_pods(cx: &mut Context, cri: &Cri, wanted: Wanted) -> Result<()> {
    let pods: Vec<Pod> = cri.pods()?.into_iter().filter(|pod| wanted.is(pod)).collect();
    if pods.is_empty() {
        return Ok(());
    }
    let mut containers = cri.containers()?;
    containers.retain(|container| container.state == ContainerState::Running);
    let of = |is_meant: &dyn Fn(&Pod) -> bool| -> Vec<Container> {
        let its = |container: &&Container| pods.iter().any(|pod| pod.id == container.pod && is_meant(pod));
        containers.iter().filter(its).cloned().collect()
    };
    // Whoever writes to a disk gets the time to finish, and finds the disk there until all is written.
    stop(cx, cri, &of(&|pod| !pod.serves_node))?;
    if wanted == Wanted::All {
        flush_disks(cx)?;
    }
    stop(cx, cri, &of(&|pod| pod.serves_node && !Wanted::Etcd.is(pod)))?;
    stop(cx, cri, &of(&|pod| pod.serves_node && Wanted::Etcd.is(pod)))?;
    remove_pods(cx, cri, &pods)
}

fn stop(cx: &Context, cri: &Cri, containers: &[Container]) -> Result<()> {
    let grace = |container: &Container| container.grace.unwrap_or(GRACE).min(LONGEST_GRACE);
    if let Some(longest) = containers.iter().map(grace).max() {
        let (number, seconds) = (containers.len(), longest.as_secs());
        let what = if number == 1 { "container, which gets" } else { "containers, which get" };
        cx.events.message(format!("ending {number} {what} up to {seconds} s to finish"));
    }
    for outcome in for_each_of(containers, AT_ONCE, |container| cri.stop_container_within(container, grace(container)))
    {
        outcome?;
    }
    Ok(())
}

/// Has what Pods wrote to their volumes reach the disks.
fn flush_disks(cx: &Context) -> Result<()> {
    let folders = artifacts::mounts(cx);
    let below = |path: &PathBuf| folders.iter().any(|folder| path.starts_with(folder));
    let mounted: Vec<PathBuf> = mounts::all(&cx.host)?.into_iter().filter(below).collect();
    for (path, why) in flush::all(&cx.host, &mounted) {
        cx.events.warning(format!("what was written to {} may not have reached its disk: {why}", path.display()));
    }
    Ok(())
}

fn remove_pods(cx: &mut Context, cri: &Cri, pods: &[Pod]) -> Result<()> {
    let mut left = Vec::new();
    for (pod, outcome) in pods.iter().zip(for_each(pods, |pod| end(cri, pod))) {
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
fn without_runtime(cx: &mut Context, failure: Failure) -> Result<()> {
    let pods = removal::names(&cx.host, &Path::new(artifacts::KUBELET).join("pods"))?.unwrap_or_default();
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
