//! The versions and the state of a running cluster, with a constant number of requests.
//!
//! Reads: the Nodes, the Pods of the control plane, the ConfigMaps of kubeadm, the kubelet and kube-proxy, and the addons' images.
//! Writes: nothing.

use super::error::UpgradeError;
use super::own_pods::{self, PodReading};
use crate::base::fault::Result;
use crate::config::model::ClusterConfig;
use crate::config::untrusted;
use crate::context::Context;
use crate::kube::KubeError;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CONFIG_MAP, DAEMON_SET, DEPLOYMENT, NODE, ObjectRef, POD};
use crate::kube::node::{is_control_plane, is_ready};
use crate::render::pods::CLIENT_URLS;
use crate::state::kube_proxy;
use crate::state::static_pod::StaticPod;
use crate::state::stored_config;
use crate::versions::upgrade_policy::{Running, Situation, Violation, cluster_version, violations};
use crate::versions::{Minor, Version, facts};
use serde_json::{Map, Value};

const NAMESPACE: &str = "kube-system";
/// The labels of the static Pods of control planes.
const STATIC_PODS: &str = "tier=control-plane";
/// The names of the kubelet's ConfigMap that do not depend on the version of the cluster as it is stored.
const UNVERSIONED_KUBELET: &str = "kubelet-config";

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeReading {
    pub name: String,
    pub control_plane: bool,
    pub ready: bool,
    pub cordoned: bool,
    pub kubelet: Option<Version>,
    /// `containerd://1.7.2`.
    pub runtime: String,
}

/// What runs in a cluster.
#[derive(Clone, Debug)]
pub struct ClusterReading {
    /// The stored configuration.
    pub config: ClusterConfig,
    /// The version of the cluster: that of its newest API server.
    pub version: Version,
    /// By name.
    pub nodes: Vec<NodeReading>,
    /// By component and node.
    pub pods: Vec<PodReading>,
    /// The kubelet's ConfigMap: its name and its document.
    pub kubelet: Option<(String, Map<String, Value>)>,
    /// kube-proxy's configuration.
    pub proxy: Option<Map<String, Value>>,
    /// The tag of kube-proxy's image, if the cluster has kube-proxy.
    pub proxy_tag: Option<String>,
    /// The tag of CoreDNS, if the cluster has it.
    pub dns_tag: Option<String>,
    /// Its whole image.
    pub dns_image: Option<String>,
}

impl ClusterReading {
    /// The rules of versions that an upgrade to `target` would break.
    pub fn violations(
        &self,
        target: &Version,
        allow_experimental: bool,
        allow_release_candidates: bool,
    ) -> Vec<Violation> {
        let kube_proxy: Option<Version> = self.proxy_tag.as_ref().and_then(|tag| tag.parse().ok());
        violations(&Situation {
            target,
            api_servers: &self.api_servers(),
            kubelets: &self.kubelets(),
            kube_proxy: kube_proxy.as_ref(),
            allow_experimental,
            allow_release_candidates,
        })
    }

    /// The API servers and their versions.
    pub fn api_servers(&self) -> Vec<Running> {
        self.running("kube-apiserver")
    }

    /// The Pods of a component and their versions.
    pub fn running(&self, component: &str) -> Vec<Running> {
        let own = self.pods.iter().filter(|pod| pod.component == component);
        own.map(|pod| Running { node: pod.node.clone(), version: pod.tag.parse().ok() }).collect()
    }

    /// The kubelets and their versions.
    pub fn kubelets(&self) -> Vec<Running> {
        let one = |node: &NodeReading| Running { node: node.name.clone(), version: node.kubelet.clone() };
        self.nodes.iter().map(one).collect()
    }

    /// True if this host, the node `own`, has an older API server, or kubelet, than the cluster has.
    pub fn is_behind(&self, own: &str) -> bool {
        let is_old_server = |server: &Running| server.node == own && server.version.as_ref() != Some(&self.version);
        let is_old_kubelet = |kubelet: &Running| {
            kubelet.node == own && kubelet.version.as_ref().is_some_and(|version| version.minor < self.version.minor)
        };
        self.api_servers().iter().any(is_old_server) || self.kubelets().iter().any(is_old_kubelet)
    }

    /// The client URLs of the stacked etcd.
    pub fn etcd_urls(&self) -> Vec<String> {
        self.pods.iter().flat_map(|pod| pod.client_urls.clone()).collect()
    }
}

/// Reads all of it.
pub fn read(cx: &Context, cluster: &Cluster) -> Result<ClusterReading> {
    let config = stored_config::read(cx, cluster)?.ok_or(UpgradeError::NoConfiguration)?;
    let mut pods = pods(&cluster.list(&POD, Some(NAMESPACE), STATIC_PODS)?);
    own_pods::add(cx, &mut pods)?;
    pods.sort_by(|a, b| (&a.component, &a.node).cmp(&(&b.component, &b.node)));
    let mut nodes: Vec<NodeReading> = cluster.list(&NODE, None, "")?.iter().map(node).collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    let proxy = addon(cluster.find(&ObjectRef::new(&DAEMON_SET, NAMESPACE, "kube-proxy"))?, "kube-proxy");
    let dns = addon(cluster.find(&ObjectRef::new(&DEPLOYMENT, NAMESPACE, "coredns"))?, "coredns");
    let mut reading = ClusterReading {
        version: config.version.clone(),
        kubelet: kubelet_config(cluster, &config)?,
        proxy: proxy_config(cluster)?,
        proxy_tag: proxy.as_ref().map(tag),
        dns_tag: dns.as_ref().map(tag),
        dns_image: dns.map(|pod| pod.image().to_owned()),
        config,
        nodes,
        pods,
    };
    reading.version = cluster_version(&reading.api_servers()).ok_or(UpgradeError::NoApiServer)?.clone();
    Ok(reading)
}

fn pods(listed: &[Value]) -> Vec<PodReading> {
    let one = |pod: &Value| {
        let component = pod["metadata"]["labels"]["component"].as_str()?.to_owned();
        let urls = pod["metadata"]["annotations"][CLIENT_URLS].as_str().unwrap_or_default();
        Some(PodReading {
            node: pod["spec"]["nodeName"].as_str().unwrap_or_default().into(),
            tag: StaticPod::of(pod, &component).tag().unwrap_or_default().into(),
            client_urls: urls.split(',').filter(|url| !url.is_empty()).map(str::to_owned).collect(),
            component,
        })
    };
    listed.iter().filter_map(one).collect()
}

fn node(node: &Value) -> NodeReading {
    let info = &node["status"]["nodeInfo"];
    NodeReading {
        name: node["metadata"]["name"].as_str().unwrap_or_default().into(),
        control_plane: is_control_plane(node),
        ready: is_ready(node),
        cordoned: node["spec"]["unschedulable"] == true,
        kubelet: info["kubeletVersion"].as_str().and_then(|text| text.parse().ok()),
        runtime: info["containerRuntimeVersion"].as_str().unwrap_or_default().into(),
    }
}

/// The kubelet's ConfigMap, under the name of the cluster's minor version or under the other one.
pub fn kubelet_config(cluster: &Cluster, config: &ClusterConfig) -> Result<Option<(String, Map<String, Value>)>> {
    let own = facts(config.version.minor).map_or_else(|| UNVERSIONED_KUBELET.into(), Minor::kubelet_config_map);
    let versioned = format!("{UNVERSIONED_KUBELET}-1.{}", config.version.minor);
    let other = if own == UNVERSIONED_KUBELET { versioned } else { UNVERSIONED_KUBELET.into() };
    for name in [own, other] {
        if let Some(document) = config_map(cluster, &name, "kubelet")? {
            return Ok(Some((name, document)));
        }
    }
    Ok(None)
}

/// kube-proxy's configuration.
pub fn proxy_config(cluster: &Cluster) -> Result<Option<Map<String, Value>>> {
    Ok(config_map(cluster, "kube-proxy", kube_proxy::CONFIG)?)
}

/// The document in a ConfigMap, without its kind; None if it does not exist.
fn config_map(cluster: &Cluster, name: &str, key: &str) -> Result<Option<Map<String, Value>>, KubeError> {
    let map = cluster.find(&ObjectRef::new(&CONFIG_MAP, NAMESPACE, name))?;
    let Some(text) = map.as_ref().and_then(|map| map["data"][key].as_str()) else { return Ok(None) };
    let mut document: Map<String, Value> = untrusted::read(text.as_bytes()).unwrap_or_default();
    document.remove("apiVersion");
    document.remove("kind");
    Ok(Some(document))
}

/// The container of an addon's Pods.
fn addon(workload: Option<Value>, container: &str) -> Option<StaticPod> {
    Some(StaticPod::of(&workload?["spec"]["template"], container))
}

/// The tag of its image.
fn tag(pod: &StaticPod) -> String {
    pod.tag().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::KubeError;
    use crate::state::upgrade::fixture::FakeCluster;

    #[test]
    fn a_cluster_is_read_with_as_many_requests_for_fifty_nodes_as_for_one() {
        let small = FakeCluster::new("v1.33.2");
        let mut large = FakeCluster::new("v1.33.2");
        for number in 0..50 {
            large.add_node(&format!("w{number}"), "v1.33.2", false);
        }
        let requests = |fake: FakeCluster| {
            let running = fake.start();
            let reading = read(&running.cx, &running.cluster).unwrap();
            (reading.nodes.len(), running.log().len())
        };
        let (few, many) = (requests(small), requests(large));
        assert_eq!((few.0, many.0), (1, 51));
        assert_eq!(few.1, many.1);
        assert!(many.1 <= 8, "{} requests", many.1);
    }

    #[test]
    fn versions_come_from_pods_and_nodes() {
        let mut fake = FakeCluster::new("v1.33.2");
        fake.add_control_plane("n2", "v1.34.1");
        fake.add_node("w1", "v1.31.0", false);
        let running = fake.start();
        let reading = read(&running.cx, &running.cluster).unwrap();
        assert_eq!(
            (reading.version.to_string(), reading.config.version.to_string()),
            ("v1.34.1".into(), "v1.33.2".into())
        );
        let servers: Vec<String> =
            reading.api_servers().iter().map(|one| format!("{} {}", one.node, one.version.as_ref().unwrap())).collect();
        assert_eq!(servers, ["n1 v1.33.2", "n2 v1.34.1"]);
        let worker = reading.nodes.iter().find(|node| node.name == "w1").unwrap();
        assert!(!worker.control_plane && worker.ready && !worker.cordoned);
        assert_eq!(worker.runtime, "containerd://1.7.2");
        assert_eq!((reading.proxy_tag.as_deref(), reading.dns_tag.as_deref()), (Some("v1.33.2"), Some("v1.12.0")));
        assert_eq!(reading.kubelet.unwrap().0, "kubelet-config");
    }

    /// A kubelet shows its static Pods to the API server up to a minute after it has started.
    #[test]
    fn static_pods_that_the_cluster_does_not_show_yet_are_read_from_this_host() {
        let mut fake = FakeCluster::new("v1.33.2");
        fake.set("/api/v1/namespaces/kube-system/pods", serde_json::json!({"items": []}));
        let running = fake.start();
        let manifest = |component: &str, tag: &str, flag: &str| {
            let path = running.root.path().join(format!("etc/kubernetes/manifests/{component}.yaml"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = format!(
                "spec:\n  containers:\n  - name: {component}\n    image: r.io/{component}:{tag}\n    \
                 command: [{component}, {flag}]\n"
            );
            std::fs::write(path, text).unwrap();
        };
        manifest("kube-apiserver", "v1.33.2", "--secure-port=6443");
        manifest("etcd", "3.5.21-0", "--advertise-client-urls=https://10.0.0.1:2379");
        let reading = read(&running.cx, &running.cluster).unwrap();
        assert_eq!(reading.version.to_string(), "v1.33.2");
        assert_eq!(reading.etcd_urls(), ["https://10.0.0.1:2379"]);
        assert_eq!(reading.pods.len(), 2);
    }

    /// After a way back, the cluster showed the API server of this host at the version that it never reached, and took that for its own.
    #[test]
    fn a_pod_that_the_cluster_shows_as_it_was_before_is_read_from_this_host() {
        let running = FakeCluster::new("v1.34.2").start();
        let path = running.root.path().join("etc/kubernetes/manifests/kube-apiserver.yaml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(
            path,
            "spec:\n  containers:\n  - name: kube-apiserver\n    image: r.io/kube-apiserver:v1.33.2\n",
        )
        .unwrap();
        let reading = read(&running.cx, &running.cluster).unwrap();
        assert_eq!(reading.version.to_string(), "v1.33.2");
        assert_eq!(reading.api_servers().len(), 1);
    }

    #[test]
    fn a_cluster_without_a_configuration_or_an_api_server_is_an_error() {
        let mut fake = FakeCluster::new("v1.33.2");
        fake.remove("/api/v1/namespaces/kube-system/configmaps/kubeadm-config");
        let running = fake.start();
        let error = read(&running.cx, &running.cluster).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(UpgradeError::NoConfiguration)), "{error}");
        let mut fake = FakeCluster::new("v1.33.2");
        fake.set("/api/v1/namespaces/kube-system/pods", serde_json::json!({"items": []}));
        let running = fake.start();
        let error = read(&running.cx, &running.cluster).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(UpgradeError::NoApiServer)), "{error}");
        let mut fake = FakeCluster::new("v1.33.2");
        fake.forbid("/api/v1/nodes");
        let running = fake.start();
        let error = read(&running.cx, &running.cluster).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(KubeError::Status { .. })), "{error}");
    }
}
