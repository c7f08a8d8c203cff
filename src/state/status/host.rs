//! This host: services, disks, manifests, and the components that the container runtime and their ports show.
//!
//! Reads: systemd, file systems, the manifests and the journal of kubewright, the container runtime, health endpoints. Writes:
//! nothing.

use super::clock;
use super::view::{Component, ComponentState, Disk, HostView, Manifest, ManifestState, MissingFile, Service, Unknown};
use crate::base::files::HostFiles;
use crate::base::parallel::for_each;
use crate::context::{Context, own_cluster};
use crate::domain::paths::{ADMIN_CONF, KUBELET_CONFIG, MANIFESTS_DIR, SUPER_ADMIN_CONF, manifest};
use crate::host::cri::{self, Container, ContainerState, Cri, Endpoint};
use crate::host::service::Services;
use crate::host::{Host, space};
use crate::journal::{Journal, Ownership};
use crate::kube::ready::problem_within;
use crate::state::artifacts::CNI;
use crate::state::static_pod::{self, StaticPod};
use crate::state::{health, local_etcd, manifests, needed_files};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A component that started less than so many seconds ago may not respond yet.
const YOUNG: i64 = 60;
/// Health endpoints on this host respond within milliseconds.
const PROBE: Duration = Duration::from_secs(1);
const MIB: u64 = 1024 * 1024;
/// What checks of preflight use: with less than this the next write of any size fails.
const FULL: u64 = 64 * MIB;
/// The kubelet evicts Pods below this share of free room, in percent.
const LOW: u64 = 10;
/// The files in it that runtimes read.
const CNI_ENDINGS: [&str; 3] = ["conf", "conflist", "json"];
const SECONDS: i64 = 1_000_000_000;
/// systemd starts the kubelet again after ten seconds (`RestartSec` of its packages).
const RETRY: i64 = 15;

/// What is seen of this host, and what could not be.
pub(super) fn read(cx: &Context) -> (HostView, Vec<Unknown>) {
    let mut unknown = Vec::new();
    let name = cx.node().map(|node| node.name.clone()).unwrap_or_default();
    let manifests = manifests_of(&cx.host.files, &mut unknown);
    let control_plane = !manifests.is_empty();
    let missing = missing_files(&cx.host.files, &manifests);
    let mut view = HostView { name, control_plane, manifests, missing, ..HostView::default() };
    if !cx.host.is_live() {
        unknown.push(Unknown::elsewhere("services, containers and disks", "a root directory is not a running host"));
        return (view, unknown);
    }
    let endpoint = cri::kubelet_endpoint(&cx.host);
    endpoint.as_ref().map_or("containerd", Endpoint::service).clone_into(&mut view.runtime_service);
    view.disks = disks(&cx.host, control_plane, &mut unknown);
    view.written_later = clock::written_later(&cx.host.files, cx.host.clock.now());
    match Services::of(&cx.host).state("kubelet") {
        Ok(state) => view.kubelet = Some(service(cx, state.active, state.word)),
        Err(error) => unknown.push(Unknown::failed("the kubelet's service", error.to_string())),
    }
    (view, unknown)
}

/// What the container runtime shows of this host.
#[derive(Default)]
pub(super) struct Runtime {
    version: Option<String>,
    problem: Option<String>,
    network_problem: Option<String>,
    network_files: Vec<PathBuf>,
    components: Vec<Component>,
    unknown: Vec<Unknown>,
}

impl Runtime {
    /// It did not answer in time.
    pub fn late(limit: Duration) -> Self {
        Self { problem: Some(format!("no answer within {limit:?}")), ..Self::default() }
    }

    pub fn put(self, view: &mut HostView) -> Vec<Unknown> {
        view.runtime = self.version;
        view.runtime_problem = self.problem;
        view.network_problem = self.network_problem;
        view.network_files = self.network_files;
        view.components = self.components;
        self.unknown
    }
}

pub(super) fn runtime(cx: &Context) -> Runtime {
    let mut seen = Runtime::default();
    if !cx.host.is_live() {
        return seen;
    }
    let runtime = match cri::find(&cx.host, cx.node().ok().and_then(|node| node.cri_socket.as_deref())) {
        Ok(runtime) => runtime,
        Err(_) if cx.uid != 0 => {
            seen.unknown.push(Unknown::elsewhere("the container runtime", "only root can use its socket"));
            return seen;
        }
        Err(error) => {
            seen.problem = Some(error.to_string());
            return seen;
        }
    };
    seen.version = Some(runtime.version().to_string());
    match runtime.status() {
        Ok(status) if !status.network.ok => {
            seen.network_problem = Some(status.network.why);
            seen.network_files = network_files(&cx.host.files);
        }
        Ok(_) => {}
        Err(error) => {
            seen.unknown.push(Unknown::failed("the network of the container runtime", error.to_string()));
        }
    }
    match runtime.containers() {
        Ok(containers) => seen.components = components(cx, &runtime, &containers),
        Err(error) => seen.unknown.push(Unknown::failed("the containers of this host", error.to_string())),
    }
    seen
}

/// The files that a runtime reads as CNI configuration. A directory that cannot be read has none.
fn network_files(files: &HostFiles) -> Vec<PathBuf> {
    let is_read = |path: &PathBuf| {
        path.extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| CNI_ENDINGS.contains(&extension))
    };
    let names = files.list(Path::new(CNI)).unwrap_or_default();
    names.into_iter().map(|name| Path::new(CNI).join(name)).filter(is_read).collect()
}

fn service(cx: &Context, active: bool, word: String) -> Service {
    let services = Services::of(&cx.host);
    let age = services.age("kubelet").map(|age| age.as_secs());
    let written =
        cx.host.files.modified(Path::new(KUBELET_CONFIG)).map(|written| cx.host.clock.now() - written / SECONDS);
    let restarts = services.restarts("kubelet").map(|count| restarts_since(written, age, count));
    Service { active, word, restarts, age }
}

/// The restarts that count. A kubelet without its configuration ends every ten seconds, and systemd keeps the count when
/// a join has written it: one that was written (seconds ago) at about the time of its start (its age) has not failed since.
fn restarts_since(written: Option<i64>, age: Option<u64>, count: u32) -> u32 {
    let age = age.and_then(|age| i64::try_from(age).ok());
    let is_new = written.zip(age).is_some_and(|(written, age)| written <= age + RETRY);
    if is_new { 0 } else { count }
}

/// The file systems that Kubernetes writes to, each once.
fn disks(host: &Host, control_plane: bool, unknown: &mut Vec<Unknown>) -> Vec<Disk> {
    let etcd = control_plane.then_some("/var/lib/etcd");
    let directories =
        etcd.into_iter().chain(["/var/lib/kubelet", "/var/lib/containerd", "/var/log", "/etc/kubernetes"]);
    let mut seen: Vec<u64> = Vec::new();
    let mut disks = Vec::new();
    for directory in directories {
        match space::of(host, Path::new(directory)) {
            Ok(space) if !seen.contains(&space.device) => {
                seen.push(space.device);
                let no_files = space.free_inodes.is_some_and(|free| free < 10);
                let small = directory == "/etc/kubernetes";
                disks.push(Disk {
                    directory: PathBuf::from(directory),
                    free: space.free,
                    total: space.total,
                    read_only: space.read_only,
                    full: no_files || space.free < if small { 2 * MIB } else { FULL },
                    low: !small && space.free.saturating_mul(100) < space.total.saturating_mul(LOW),
                });
            }
            Ok(_) => {}
            Err(error) => unknown.push(Unknown::failed(format!("the disk of {directory}"), error.to_string())),
        }
    }
    disks
}

/// The manifests of a control plane; none on a worker.
fn manifests_of(files: &HostFiles, unknown: &mut Vec<Unknown>) -> Vec<Manifest> {
    let journal = Journal::load(files).unwrap_or_else(|failure| {
        unknown.push(Unknown::failed("the journal of kubewright", failure.to_string()));
        Journal::default()
    });
    let names = match files.list(Path::new(MANIFESTS_DIR)) {
        Ok(names) => names,
        Err(error) => {
            unknown.push(Unknown::failed("the manifests of this host", error.to_string()));
            return Vec::new();
        }
    };
    let is_known = |name: &str| manifests::pod_names().any(|pod| format!("{pod}.yaml") == name);
    let is_recorded = |pod: &str| journal.files().contains_key(&manifest(pod));
    let is_control_plane = names.iter().any(|name| is_known(name)) || manifests::pod_names().any(is_recorded);
    if !is_control_plane {
        return Vec::new();
    }
    // With an external etcd none is missing; which one it is, the API server's manifest says.
    let external = StaticPod::read_or_empty(files, "kube-apiserver").ok().flatten().is_some_and(|pod| {
        let servers = pod.list("etcd-servers");
        !servers.is_empty() && !servers.iter().any(|server| local_etcd::is_loopback(server))
    });
    let mut all: Vec<Manifest> = manifests::pod_names()
        .filter(|pod| *pod != "etcd" || !external || names.contains(&"etcd.yaml".to_owned()))
        .map(|pod| one_manifest(files, &journal, pod))
        .collect();
    // The kubelet ignores names that begin with a dot.
    for name in names.iter().filter(|name| !is_known(name) && !name.starts_with('.')) {
        let path = Path::new(MANIFESTS_DIR).join(name);
        all.extend(extra(files, name, path));
    }
    all
}

/// The files of the cluster that the manifests refer to, as far as they do not exist; and admin.conf.
fn missing_files(files: &HostFiles, manifests: &[Manifest]) -> Vec<MissingFile> {
    let mut missing: Vec<MissingFile> = Vec::new();
    for manifest in manifests {
        for path in needed_files::missing(files, &manifest.name) {
            let at = missing.iter().position(|file| file.path == path).unwrap_or_else(|| {
                missing.push(MissingFile { path, components: Vec::new(), rewrite: None });
                missing.len() - 1
            });
            missing[at].components.push(manifest.name.clone());
        }
    }
    let is_there = |path: &str| files.exists(Path::new(path));
    if files.exists(&manifest("kube-apiserver")) && !is_there(ADMIN_CONF) && !is_there(SUPER_ADMIN_CONF) {
        let rewrite = Some(own_cluster::rewrite_command(files, "admin"));
        missing.push(MissingFile { path: ADMIN_CONF.into(), components: Vec::new(), rewrite });
    }
    missing
}

fn one_manifest(files: &HostFiles, journal: &Journal, pod: &str) -> Manifest {
    let path = manifest(pod);
    let of = |state, problem| Manifest { name: pod.to_owned(), path: path.clone(), state, problem };
    let text = match files.read(&path) {
        Ok(Some(text)) => text,
        Ok(None) => return of(ManifestState::Missing, None),
        Err(error) => return of(ManifestState::Broken, Some(error.to_string())),
    };
    if let Err(why) = static_pod::defect(&text) {
        return of(ManifestState::Broken, Some(why));
    }
    match journal.ownership(files, &path) {
        Ok(Ownership::Changed) => of(ManifestState::Edited, None),
        _ => of(ManifestState::Unchanged, None),
    }
}

/// A copy of a component's manifest under another name.
fn extra(files: &HostFiles, name: &str, path: PathBuf) -> Option<Manifest> {
    let text = files.read(&path).ok().flatten()?;
    let pod = crate::config::untrusted::value(&text).ok()?;
    let component = pod["metadata"]["name"].as_str().filter(|name| manifests::pod_names().any(|pod| pod == *name))?;
    let problem = Some(format!("it is a second Pod {component}"));
    Some(Manifest { name: name.to_owned(), path, state: ManifestState::Extra, problem })
}

/// The components of this control plane: the newest container of each, and what its health endpoint says.
fn components(cx: &Context, runtime: &Cri, containers: &[Container]) -> Vec<Component> {
    let mut newest: BTreeMap<&str, &Container> = BTreeMap::new();
    for container in containers.iter().filter(|container| container.is_of_system()) {
        let known = newest.entry(&container.name).or_insert(container);
        if container.created >= known.created {
            *known = container;
        }
    }
    let endpoints =
        cx.facts().and_then(|minor| health::control_plane(&cx.host.files, minor, &cx.node()?.local_endpoint));
    let endpoints = endpoints.unwrap_or_default();
    // Its other problems are seen where the manifests are read.
    let manifests = manifests_of(&cx.host.files, &mut Vec::new());
    let named: Vec<&str> =
        manifests.iter().filter(|one| one.state != ManifestState::Extra).map(|one| one.name.as_str()).collect();
    for_each(&named, |name| {
        let mut component = Component { name: (*name).to_owned(), ..Component::default() };
        let Some(container) = newest.get(name) else {
            component.state = ComponentState::Missing;
            return component;
        };
        component.restarts = u64::from(container.attempt);
        let age = cx.host.clock.now() - container.created / SECONDS;
        if container.state != ContainerState::Running {
            let end = runtime.container_end(&container.id).ok();
            component.problem = end.map(|end| format!("it ended with code {} ({})", end.code, end.reason));
            component.state = if container.attempt == 0 { ComponentState::NotReady } else { ComponentState::Crashing };
            return component;
        }
        if let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.name == *name) {
            let problem = problem_within(endpoint, PROBE).unwrap_or_else(|error| Some(error.to_string()));
            component.state = match &problem {
                None => ComponentState::Ready,
                Some(_) if container.attempt > 2 && age < YOUNG => ComponentState::Crashing,
                Some(_) => ComponentState::NotReady,
            };
            component.problem = problem;
        }
        component
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubelet_that_waited_for_its_join_is_not_taken_for_one_that_fails() {
        assert_eq!(restarts_since(Some(12), Some(8), 7), 0, "configured four seconds before it was started");
        assert_eq!(restarts_since(Some(2), Some(8), 7), 0, "configured while it runs");
        assert_eq!(restarts_since(Some(40), Some(8), 7), 7, "started again since it was configured");
        assert_eq!(restarts_since(None, Some(8), 7), 7, "without a configuration");
        assert_eq!(restarts_since(Some(12), None, 7), 7);
    }
}
