//! The manifests of a control plane's static Pods in `/etc/kubernetes/manifests`: kube-apiserver,
//! kube-controller-manager, kube-scheduler and etcd.
//!
//! All four share one template; they differ in the command, the probes and the mounted host paths.

use super::engine::{TemplateError, Templates};
use crate::config::model::{Arg, ClusterConfig, HostPathMount, NodeConfig};
use crate::versions::fact::PodProbes;
use crate::versions::table::Minor;
use probe::{Endpoint, Probe};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

mod api_server;
pub(super) mod command;
mod controller_manager;
mod environment;
mod etcd;
mod host_paths;
mod probe;
mod scheduler;

pub use api_server::kube_apiserver;
pub(crate) use command::last_value;
pub use controller_manager::kube_controller_manager;
pub use etcd::{CLIENT_URLS, EtcdMember, client_url, etcd, peer_url};
pub use scheduler::kube_scheduler;

/// The directory of kubeconfig files and manifests.
const KUBERNETES_DIR: &str = "/etc/kubernetes";

static TEMPLATES: LazyLock<Templates> =
    LazyLock::new(|| Templates::new(&[("static-pod.yaml", include_str!("../../templates/pods/static-pod.yaml.tera"))]));

/// The input of a manifest.
#[derive(Clone, Copy)]
pub struct PodInput<'a> {
    pub cluster: &'a ClusterConfig,
    pub node: &'a NodeConfig,
    pub facts: &'static Minor,
    /// This process's environment, from which Pods get the proxy variables.
    pub environment: &'a BTreeMap<String, String>,
    /// True for a path that exists on the host.
    pub host_has: &'a dyn Fn(&Path) -> bool,
    /// True if the cluster's CA key is not on the host and certificates are issued elsewhere.
    pub external_ca: bool,
}

impl PodInput<'_> {
    /// A file in the certificates directory, as text.
    fn certificate(&self, name: &str) -> String {
        self.cluster.certificates_dir.join(name).to_string_lossy().into_owned()
    }

    /// The user's value of the feature gate that components of early minor versions need for dual-stack.
    fn dual_stack_gate(&self) -> Option<Arg> {
        let value = super::dual_stack_gate(self.cluster, self.facts)?;
        Some(command::arg("feature-gates", &format!("{}={value}", super::DUAL_STACK_GATE)))
    }
}

/// What distinguishes one static Pod from the others.
struct StaticPod<'a> {
    name: &'static str,
    annotation: Option<Pair>,
    command: Vec<String>,
    extra_envs: &'a [Value],
    /// True if the Pod gets the proxy variables of this process's environment.
    proxied: bool,
    image: String,
    probes: PodProbes,
    endpoint: Endpoint,
    requests: Vec<Pair>,
    /// In the order of the container's mounts.
    mounts: Vec<HostPathMount>,
}

/// A name and value of an annotation or a resource request.
#[derive(Serialize)]
struct Pair {
    name: String,
    value: String,
}

impl Pair {
    fn new(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.into() }
    }
}

#[derive(Serialize)]
struct PodValues<'a> {
    name: &'a str,
    annotation: &'a Option<Pair>,
    null_creation_timestamp: bool,
    command: &'a [String],
    env: Vec<Value>,
    image: &'a str,
    container_port: Option<u16>,
    liveness: Probe,
    readiness: Option<Probe>,
    startup: Probe,
    requests: &'a [Pair],
    mounts: Vec<MountValues<'a>>,
    priority: Option<i32>,
    seccomp_runtime_default: bool,
    volumes: Vec<VolumeValues<'a>>,
}

#[derive(Serialize)]
struct MountValues<'a> {
    name: &'a str,
    mount_path: &'a str,
    read_only: bool,
}

#[derive(Serialize)]
struct VolumeValues<'a> {
    name: &'a str,
    host_path: &'a str,
    path_type: &'a str,
}

impl StaticPod<'_> {
    fn render(&self, input: &PodInput<'_>) -> Result<String, TemplateError> {
        let facts = input.facts;
        let probes = probe::Probes::new(self.probes, &self.endpoint, facts.named_probe_port);
        let environment = if self.proxied { Some(input.environment) } else { None };
        let mut volumes: Vec<_> = self
            .mounts
            .iter()
            .map(|m| VolumeValues { name: &m.name, host_path: &m.host_path, path_type: &m.path_type })
            .collect();
        volumes.sort_by_key(|volume| volume.name);
        let values = PodValues {
            name: self.name,
            annotation: &self.annotation,
            null_creation_timestamp: facts.null_creation_timestamp,
            command: &self.command,
            env: environment::merge(environment, self.extra_envs),
            image: &self.image,
            container_port: facts.named_probe_port.then_some(self.endpoint.port),
            startup: probes.startup(input.node.timeouts.control_plane_component_health_check),
            liveness: probes.liveness,
            readiness: probes.readiness,
            requests: &self.requests,
            mounts: self
                .mounts
                .iter()
                .map(|m| MountValues { name: &m.name, mount_path: &m.mount_path, read_only: m.read_only })
                .collect(),
            priority: facts.pod_priority,
            seccomp_runtime_default: facts.seccomp_runtime_default,
            volumes,
        };
        TEMPLATES.render("static-pod.yaml", &values)
    }
}

#[cfg(test)]
mod tests;
