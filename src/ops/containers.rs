//! Stops the Pods on this host, through the container runtime.
//!
//! Reads: the Pods and containers of the runtime, and of Docker. Writes: stops each container within its grace period,
//! those of the control plane last, and syncs the disks of Pods in between; then removes the Pods.

use crate::base::fault::{Failure, Result};
use crate::base::parallel::{for_each, for_each_of};
use crate::context::{Context, Reset, Run};
use crate::host::cri::{Container, ContainerState, Cri, CriError, Pod};
use crate::host::{docker, flush, mounts, removal};
use crate::state::artifacts;
use crate::state::pods::DOCKER_NAMES;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[cfg(test)]
pub(crate) mod tests;

/// A network plugin may fail to remove the network of a Pod, for example if it needs an API server that no longer
/// runs; the runtime must then be asked again.
const ATTEMPTS: usize = 3;
/// The default grace period of a Pod.
const GRACE: Duration = Duration::from_secs(30);
/// The user is waiting, but a Pod may have a grace period of hours.
const LONGEST_GRACE: Duration = Duration::from_mins(5);
/// A kubelet runs some hundred containers, and stopping one is only waiting.
const AT_ONCE: usize = 128;
/// Where the Docker adapter of the kubelet records its Pods. If it exists, the runtime was Docker.
const DOCKERSHIM: &str = "/var/lib/dockershim";

/// Selects Pods of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of them: only kubelets create Pods.
    All,
    /// The Pods that use etcd: they stop quickly while etcd responds, and only after their whole grace period without
    /// it.
    UsersOfEtcd,
    /// The Pod of etcd.
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

/// Stops and removes Pods. Kubelets before v1.24 used Docker directly, even if another runtime responds on the host.
pub fn remove(cx: &mut Run<Reset>, wanted: Wanted) -> Result<()> {
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
        cx.events.message(format!("removed {} containers of Pods in Docker", ids.len()));
    }
    let was_docker = cx.host.files.exists(Path::new(DOCKERSHIM)) && cx.host.find("docker").is_some();
    match silent {
        Some(failure) if ids.is_empty() && !(was_docker && in_docker.is_some()) => without_runtime(cx, failure),
        None if was_docker && in_docker.is_none() => {
            let note =
                "containers of Pods in Docker, if there are any: Docker does not respond; start it and run 'docker ps'";
            cx.work.notes.push(note.into());
            Ok(())
        }
        _ => Ok(()),
    }
}

fn end_pods(cx: &mut Run<Reset>, cri: &Cri, wanted: Wanted) -> Result<()> {
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
    // Pods that write to disks get the time to finish, and the disks stay mounted until everything is written.
    stop(cx, cri, &of(&|pod| !pod.serves_node))?;
    if wanted == Wanted::All {
        flush_disks(cx)?;
    }
    stop(cx, cri, &of(&|pod| pod.serves_node && !Wanted::Etcd.is(pod)))?;
    stop(cx, cri, &of(&|pod| pod.serves_node && Wanted::Etcd.is(pod)))?;
    remove_pods(cx, cri, &pods);
    Ok(())
}

fn stop(cx: &Context, cri: &Cri, containers: &[Container]) -> Result<()> {
    let grace = |container: &Container| container.grace.unwrap_or(GRACE).min(LONGEST_GRACE);
    if let Some(longest) = containers.iter().map(grace).max() {
        let (number, seconds) = (containers.len(), longest.as_secs());
        let what = if number == 1 { "container" } else { "containers" };
        cx.events.message(format!("stopping {number} {what} (grace period up to {seconds} s)"));
    }
    for outcome in for_each_of(containers, AT_ONCE, |container| cri.stop_container_within(container, grace(container)))
    {
        outcome?;
    }
    Ok(())
}

/// Syncs the volumes of Pods to the disks.
fn flush_disks(cx: &Context) -> Result<()> {
    let directories = artifacts::mounts(cx);
    let below = |path: &PathBuf| directories.iter().any(|directory| path.starts_with(directory));
    let mounted: Vec<PathBuf> = mounts::all(&cx.host)?.into_iter().filter(below).collect();
    for (path, why) in flush::all(&cx.host, &mounted) {
        cx.events.warning(format!("data of {} may not have been written to its disk: {why}", path.display()));
    }
    Ok(())
}

fn remove_pods(cx: &mut Run<Reset>, cri: &Cri, pods: &[Pod]) {
    let mut left = Vec::new();
    for (pod, outcome) in pods.iter().zip(for_each(pods, |pod| end(cri, pod))) {
        if let Err(error) = outcome {
            left.push(format!("{}/{}: {error}", pod.namespace, pod.name));
        }
    }
    let ended = pods.len() - left.len();
    cx.events.message(format!("removed {ended} {} of this host", if ended == 1 { "Pod" } else { "Pods" }));
    for what in left {
        cx.events.warning(format!("the runtime did not remove the Pod {what}"));
        let note = format!("the Pod {what}; its containers are stopped; run 'crictl rmp -fa' to remove it");
        cx.work.notes.push(note);
    }
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

/// A host without a runtime has no containers, but one whose runtime does not respond may have some.
fn without_runtime(cx: &mut Run<Reset>, failure: Failure) -> Result<()> {
    let pods = removal::names(&cx.host, &Path::new(artifacts::KUBELET).join("pods"))?.unwrap_or_default();
    let force = cx.work.force;
    if !pods.is_empty() && !force {
        return Err(failure);
    }
    if !pods.is_empty() {
        let note = format!("containers that still run, because no container runtime responds: {failure}");
        cx.work.notes.push(note);
        cx.events.warning(format!("no container was stopped, because no container runtime responds: {failure}"));
    }
    Ok(())
}
