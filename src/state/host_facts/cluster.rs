//! The cluster as a control plane sees it.
//!
//! Reads: the nodes, the ConfigMaps of kubeadm, the kubelet and kube-proxy, and its DaemonSet. Writes: nothing.

use super::{ClusterFacts, MANAGED, NodeObject, pending};
use crate::base::fault::Result;
use crate::config::cluster::Taint;
use crate::context::Context;
use crate::domain::paths::ADMIN_CONF;
use crate::kube::kind::NODE;
use crate::kube::node::{is_control_plane, is_ready};
use crate::state::kube_proxy::KubeProxy;
use crate::state::stored_config;
use crate::state::upgrade::cluster::kubelet_config;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The cluster of this host's administrator.
pub fn of(cx: &Context) -> Result<ClusterFacts> {
    let cluster = cx.hasty_cluster(Path::new(ADMIN_CONF))?;
    let map = stored_config::map(&cluster)?;
    let configuration = map.and_then(|map| map["data"]["ClusterConfiguration"].as_str().map(str::to_owned));
    let nodes = cluster.list(&NODE, None, "")?.iter().map(node).collect();
    // Without a configuration, `init` has not come that far.
    let stored = stored_config::read(cx, &cluster).ok().flatten();
    let kubelet = stored.map(|stored| kubelet_config(&cluster, &stored)).transpose()?.flatten();
    let proxy = KubeProxy::find(&cluster)?;
    let proxy_pending = proxy.as_ref().is_some_and(|proxy| proxy.former().is_some());
    Ok(ClusterFacts {
        configuration,
        kubelet: kubelet.map(|(_, document)| document),
        proxy: proxy.map(|proxy| proxy.document()),
        proxy_pending,
        nodes,
    })
}

/// The part of a Node object that a plan compares.
pub fn node(node: &Value) -> NodeObject {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let labels: BTreeMap<String, String> = node["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect();
    let info = &node["status"]["nodeInfo"];
    let taints = node["spec"]["taints"].as_array().into_iter().flatten();
    let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
    let managed = node["metadata"]["annotations"][MANAGED].as_str().unwrap_or_default();
    NodeObject {
        name: text(&node["metadata"]["name"]),
        machine_id: text(&info["machineID"]),
        control_plane: is_control_plane(node),
        ready: is_ready(node),
        version: text(&info["kubeletVersion"]),
        addresses: addresses.map(|address| text(&address["address"])).collect(),
        taints: taints
            .map(|taint| Taint {
                key: text(&taint["key"]),
                value: text(&taint["value"]),
                effect: text(&taint["effect"]),
            })
            .collect(),
        labels,
        // An annotation that a person has edited owns nothing.
        managed: serde_json::from_str(managed).unwrap_or_default(),
        pending: pending(node),
    }
}
