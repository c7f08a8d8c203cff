//! What the cluster says about its network, beside what its Pods see: the plugin, kube-proxy and DNS.
//!
//! Reads: the `DaemonSet` objects, Pods of `kube-system`, the Services of DNS and of the API. Writes: nothing.

use super::super::cluster::Cluster;
use super::super::error::KubeError;
use super::super::kind::{DAEMON_SET, ObjectRef, POD, SERVICE};
use serde::Serialize;
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};

/// A Pod network that is known by the name of its `DaemonSet`.
#[derive(Debug, PartialEq, Eq)]
pub struct Plugin {
    daemon: &'static str,
    pub name: &'static str,
    /// What firewalls between the nodes must accept for it.
    pub traffic: &'static str,
}

const fn plugin(daemon: &'static str, name: &'static str, traffic: &'static str) -> Plugin {
    Plugin { daemon, name, traffic }
}

/// By their documentation.
pub const PLUGINS: &[Plugin] = &[
    plugin("kube-flannel-ds", "flannel", "UDP port 8472 (VXLAN)"),
    plugin("calico-node", "Calico", "UDP port 4789 (VXLAN), or IP protocol 4 (IPIP) and TCP port 179 (BGP)"),
    plugin("canal", "Canal", "UDP port 8472 (VXLAN)"),
    plugin("cilium", "Cilium", "UDP port 8472 (VXLAN) or 6081 (Geneve), and TCP port 4240"),
    plugin("kube-router", "kube-router", "TCP port 179 (BGP) and IP protocol 4 (IPIP)"),
    plugin("antrea-agent", "Antrea", "UDP port 6081 (Geneve)"),
    plugin("weave-net", "Weave Net", "TCP port 6783 and UDP ports 6783 and 6784"),
];

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// The nodes that take part.
    pub nodes: Vec<String>,
    /// The plugin, if it is a known one.
    #[serde(skip)]
    pub plugin: Option<&'static Plugin>,
    /// The nodes without a kube-proxy Pod that runs; None if the cluster has no kube-proxy.
    pub without_kube_proxy: Option<Vec<String>>,
    /// The DNS Service exists.
    pub has_dns: bool,
    /// The DNS Pods, and those of them that are ready.
    pub dns_pods: usize,
    pub dns_ready: usize,
    /// Ready DNS Pods: node and address.
    #[serde(skip)]
    pub name_servers: Vec<(String, SocketAddr)>,
    /// The Service of the API.
    #[serde(skip)]
    pub api: Option<SocketAddr>,
    /// The nodes whose Pod the Services of the test do not have yet.
    pub without_endpoint: Vec<String>,
}

/// More DNS Pods are not asked one by one.
const NAME_SERVERS: usize = 4;

impl Setting {
    pub fn look(cluster: &Cluster, nodes: Vec<String>) -> Result<Self, KubeError> {
        let daemons = cluster.list_metadata(&DAEMON_SET)?;
        let has = |name: &str| daemons.iter().any(|daemon| daemon["metadata"]["name"] == name);
        let plugin = PLUGINS.iter().find(|plugin| has(plugin.daemon));
        let pods = cluster.list(&POD, Some("kube-system"), "")?;
        let app = |pod: &Value, name: &str| pod["metadata"]["labels"]["k8s-app"] == name;
        let without_kube_proxy = has("kube-proxy").then(|| {
            let runs = |node: &String| {
                pods.iter().any(|pod| app(pod, "kube-proxy") && pod["spec"]["nodeName"] == **node && is_ready(pod))
            };
            nodes.iter().filter(|node| !runs(node)).cloned().collect()
        });
        let dns: Vec<&Value> = pods.iter().filter(|pod| app(pod, "kube-dns")).collect();
        let ready: Vec<&&Value> = dns.iter().filter(|pod| is_ready(pod)).collect();
        let server = |pod: &&&Value| {
            let node = pod["spec"]["nodeName"].as_str()?.to_owned();
            Some((node, SocketAddr::new(address_of(&pod["status"]["podIP"])?, 53)))
        };
        let kubernetes = cluster.find(&ObjectRef::new(&SERVICE, "default", "kubernetes"))?.unwrap_or_default();
        let port = kubernetes["spec"]["ports"][0]["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        let api = address_of(&kubernetes["spec"]["clusterIP"]).zip(port).map(SocketAddr::from);
        Ok(Self {
            plugin,
            without_kube_proxy,
            has_dns: cluster.find(&ObjectRef::new(&SERVICE, "kube-system", "kube-dns"))?.is_some(),
            dns_pods: dns.len(),
            dns_ready: ready.len(),
            name_servers: ready.iter().filter_map(server).take(NAME_SERVERS).collect(),
            api,
            without_endpoint: Vec::new(),
            nodes,
        })
    }
}

/// What does not run yet of what a test needs beside the Pod network: kube-proxy on this node, and one DNS Pod.
pub fn starting(cluster: &Cluster, node: &str) -> Result<Option<String>, KubeError> {
    let setting = Setting::look(cluster, vec![node.to_owned()])?;
    let proxy = setting.without_kube_proxy.is_some_and(|nodes| !nodes.is_empty());
    let dns = setting.has_dns && setting.dns_ready == 0;
    let waiting: Vec<&str> = [(proxy, "kube-proxy is not ready"), (dns, "no DNS Pod is ready")]
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, what)| what)
        .collect();
    Ok((!waiting.is_empty()).then(|| waiting.join("; ")))
}

pub fn address_of(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

pub fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let is_going = !pod["metadata"]["deletionTimestamp"].is_null();
    let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    !is_going && conditions.into_iter().flatten().any(ready)
}
