//! Differences between minor versions in the addons and in `cluster-info`.
//!
//! A row applies from its minor version on, until the next row.

use serde::Serialize;

/// The differences in the objects of a minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct AddonFacts {
    /// The label `kubernetes.io/name` of the Service `kube-dns`, which is displayed by `kubectl cluster-info`.
    pub dns_service_label: &'static str,
    /// The keys of the `NoSchedule` taints that CoreDNS tolerates.
    pub dns_tolerates: &'static [&'static str],
    /// True if CoreDNS may read Nodes.
    pub dns_reads_nodes: bool,
    /// True if CoreDNS may read EndpointSlices.
    pub dns_reads_endpoint_slices: bool,
    /// True if the replicas of CoreDNS prefer different hosts.
    pub dns_anti_affinity: bool,
    /// The spelling of "all Linux capabilities" in the capabilities that CoreDNS drops.
    pub dns_dropped_capabilities: &'static str,
    /// True if the probes of CoreDNS use named ports that the container declares, instead of numbers.
    pub dns_named_probe_ports: bool,
    /// True if CoreDNS does not cache responses for the cluster's own domain.
    pub dns_cluster_domain_uncached: bool,
    /// True if kube-proxy has a toleration for `CriticalAddonsOnly` in addition to everything.
    pub proxy_tolerates_critical_addons: bool,
    /// True if kubeconfig files written by kubeadm contain empty `preferences`.
    pub kubeconfig_preferences: bool,
}

// phases/addons/{dns,proxy}/manifests.go below cmd/kubeadm/app of v1.20; client-go's tools/clientcmd/api/v1/types.go.
const V1_20: AddonFacts = AddonFacts {
    dns_service_label: "KubeDNS",
    dns_tolerates: &["node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"],
    dns_reads_nodes: true,
    dns_reads_endpoint_slices: false,
    dns_anti_affinity: false,
    dns_dropped_capabilities: "all",
    dns_named_probe_ports: false,
    dns_cluster_domain_uncached: false,
    proxy_tolerates_critical_addons: true,
    kubeconfig_preferences: true,
};

// The kube-dns addon was removed, and with it its name: https://github.com/kubernetes/kubeadm/issues/1943.
const V1_21: AddonFacts = AddonFacts { dns_service_label: "CoreDNS", ..V1_20 };

// https://github.com/kubernetes/kubernetes/pull/102466 (CoreDNS 1.8.4) and …/pull/101966.
const V1_22: AddonFacts =
    AddonFacts { dns_reads_endpoint_slices: true, proxy_tolerates_critical_addons: false, ..V1_21 };

// https://github.com/kubernetes/kubernetes/pull/110593.
const V1_25: AddonFacts = AddonFacts { dns_anti_affinity: true, ..V1_22 };

// https://github.com/kubernetes/kubernetes/pull/112008.
const V1_26: AddonFacts = AddonFacts { dns_tolerates: &["node-role.kubernetes.io/control-plane"], ..V1_25 };

// https://github.com/kubernetes/kubernetes/pull/117521.
const V1_28: AddonFacts = AddonFacts { dns_reads_nodes: false, ..V1_26 };

// https://github.com/kubernetes/kubernetes/pull/121384.
const V1_29: AddonFacts = AddonFacts { dns_dropped_capabilities: "ALL", ..V1_28 };

// https://github.com/kubernetes/kubernetes/pull/128359.
const V1_32: AddonFacts = AddonFacts { dns_cluster_domain_uncached: true, ..V1_29 };

// https://github.com/kubernetes/kubernetes/pull/131587; client-go v0.34 omits empty `preferences`.
const V1_34: AddonFacts = AddonFacts { dns_named_probe_ports: true, kubeconfig_preferences: false, ..V1_32 };

static ROWS: &[(u16, AddonFacts)] = &[
    (20, V1_20),
    (21, V1_21),
    (22, V1_22),
    (25, V1_25),
    (26, V1_26),
    (28, V1_28),
    (29, V1_29),
    (32, V1_32),
    (34, V1_34),
];

/// The facts of v1.`minor`; those of the oldest row for older ones.
pub fn addon_facts(minor: u16) -> &'static AddonFacts {
    ROWS.iter().rev().find(|(since, _)| *since <= minor).map_or(&V1_20, |(_, facts)| facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_ascend_and_each_changes_something() {
        for pair in ROWS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{} and {} are in the wrong order", pair[0].0, pair[1].0);
            assert_ne!(pair[0].1, pair[1].1, "v1.{} equals the row before", pair[1].0);
        }
    }

    #[test]
    fn a_row_holds_until_the_next() {
        assert_eq!(addon_facts(20).dns_service_label, "KubeDNS");
        assert_eq!(addon_facts(24), addon_facts(22));
        assert!(!addon_facts(31).dns_cluster_domain_uncached && addon_facts(32).dns_cluster_domain_uncached);
        assert_eq!(addon_facts(99), addon_facts(34));
    }
}
