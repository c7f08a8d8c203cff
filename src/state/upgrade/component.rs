//! The components of a cluster, as they are and as they would be after an upgrade: kubeadm's tables.

use super::cluster::ClusterReading;
use super::target_config::at_version;
use crate::config::images;
use crate::config::model::Etcd;
use crate::versions::{Minor, Version};
use serde::Serialize;

pub const KUBELET: &str = "kubelet";
pub const ETCD: &str = "etcd";

/// A component, in kubeadm's output API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    pub name: &'static str,
    pub current_version: String,
    pub new_version: String,
    /// None for addons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
}

impl Component {
    /// True if the upgrade changes its version.
    pub fn changes(&self) -> bool {
        self.current_version != self.new_version
    }
}

/// All components, kubelets first, in kubeadm's order. Without `etcd_upgrade`, etcd stays.
pub fn components(reading: &ClusterReading, target: &Version, minor: &Minor, etcd_upgrade: bool) -> Vec<Component> {
    let config = at_version(&reading.config, target);
    let new = target.to_string();
    let one = |name, node: Option<&String>, current: &str, new: &str| Component {
        name,
        current_version: current.into(),
        new_version: new.into(),
        node_name: node.cloned(),
    };
    let kubelets = reading.nodes.iter().map(|node| {
        let current = node.kubelet.as_ref().map_or_else(|| "unknown".into(), ToString::to_string);
        one(KUBELET, Some(&node.name), &current, &new)
    });
    let mut all: Vec<Component> = kubelets.collect();
    for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        let pods = reading.pods.iter().filter(|pod| pod.component == name);
        all.extend(pods.map(|pod| one(name, Some(&pod.node), &pod.tag, &target.image_tag())));
    }
    if let Some(tag) = reading.proxy_tag.as_ref().filter(|_| !config.proxy.disabled) {
        all.push(one("kube-proxy", None, tag, &target.image_tag()));
    }
    if let Some(tag) = reading.dns_tag.as_ref().filter(|_| !config.dns.disabled) {
        all.push(one("CoreDNS", None, tag, &images::coredns(&config, minor).tag));
    }
    if let Etcd::Local(_) = config.etcd {
        let wanted = images::etcd(&config, minor).tag;
        let pods = reading.pods.iter().filter(|pod| pod.component == ETCD);
        all.extend(pods.map(|pod| {
            let stays = !etcd_upgrade || numbers(&pod.tag) > numbers(&wanted);
            one(ETCD, Some(&pod.node), &pod.tag, if stays { &pod.tag } else { &wanted })
        }));
    }
    all
}

/// `3.5.21-0`, `v1.12.0` or `3.5.21` as numbers; empty if it is something else.
pub fn numbers(tag: &str) -> Vec<u32> {
    let parts = tag.trim_start_matches('v').split(['.', '-']);
    parts.map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::upgrade::cluster::read;
    use crate::state::upgrade::fixture::FakeCluster;
    use crate::versions::facts;

    fn rows(fake: FakeCluster, target: &str, etcd_upgrade: bool) -> Vec<String> {
        let running = fake.start();
        let reading = read(&running.cx, &running.cluster).unwrap();
        let target: Version = target.parse().unwrap();
        let all = components(&reading, &target, facts(target.minor).unwrap(), etcd_upgrade);
        let row = |one: &Component| {
            let node = one.node_name.as_deref().unwrap_or("-");
            format!("{} {node} {} {}", one.name, one.current_version, one.new_version)
        };
        all.iter().map(row).collect()
    }

    #[test]
    fn every_component_is_listed_once_per_node_in_the_order_of_kubeadm() {
        let mut fake = FakeCluster::new("v1.33.2");
        fake.add_node("w1", "v1.32.1", false);
        fake.add_pod("etcd", "n1", "3.5.21-0", &[]);
        assert_eq!(
            rows(fake, "v1.34.1", true),
            [
                "kubelet n1 v1.33.2 v1.34.1",
                "kubelet w1 v1.32.1 v1.34.1",
                "kube-apiserver n1 v1.33.2 v1.34.1",
                "kube-controller-manager n1 v1.33.2 v1.34.1",
                "kube-scheduler n1 v1.33.2 v1.34.1",
                "kube-proxy - v1.33.2 v1.34.1",
                "CoreDNS - v1.12.0 v1.12.1",
                "etcd n1 3.5.21-0 3.6.4-0",
            ]
        );
    }

    #[test]
    fn etcd_is_never_downgraded_and_stays_on_request_and_disabled_addons_are_not_listed() {
        let fake = |tag: &str, lines: &str| {
            let mut fake = FakeCluster::new("v1.33.2");
            fake.add_pod("etcd", "n1", tag, &[]);
            fake.configure(lines);
            fake
        };
        let last = |rows: Vec<String>| rows.last().unwrap().clone();
        assert_eq!(last(rows(fake("3.6.6-0", ""), "v1.34.1", true)), "etcd n1 3.6.6-0 3.6.6-0");
        assert_eq!(last(rows(fake("3.5.21-0", ""), "v1.34.1", false)), "etcd n1 3.5.21-0 3.5.21-0");
        let pinned = "etcd: {local: {dataDir: /var/lib/etcd, imageTag: 3.5.26-0}}\n";
        assert_eq!(last(rows(fake("3.5.21-0", pinned), "v1.34.1", true)), "etcd n1 3.5.21-0 3.5.26-0");
        let without = rows(fake("3.5.21-0", "proxy: {disabled: true}\ndns: {disabled: true}\n"), "v1.34.1", true);
        assert!(!without.iter().any(|row| row.starts_with("kube-proxy") || row.starts_with("CoreDNS")), "{without:?}");
    }

    #[test]
    fn tags_are_compared_as_numbers() {
        assert!(numbers("3.5.9-0") < numbers("3.5.21-0") && numbers("v1.9.3") < numbers("v1.12.0"));
        assert_eq!(numbers("latest"), [0u32; 0]);
    }
}
