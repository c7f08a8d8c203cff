//! What differs from minor to minor in the objects that kubeadm puts into a cluster: the addons and `cluster-info`.
//!
//! A row holds from its minor on, until the next row.

use serde::Serialize;

/// The objects of one minor, where they differ from another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct AddonFacts {
    /// The label `kubernetes.io/name` of the Service `kube-dns`; `kubectl cluster-info` shows it.
    pub dns_service_label: &'static str,
    /// The keys of the `NoSchedule` taints that CoreDNS tolerates.
    pub dns_tolerates: &'static [&'static str],
    /// True when CoreDNS may read Nodes.
    pub dns_reads_nodes: bool,
    /// True when CoreDNS may read EndpointSlices.
    pub dns_reads_endpoint_slices: bool,
    /// True when the replicas of CoreDNS prefer different hosts.
    pub dns_anti_affinity: bool,
    /// How the set of all Linux capabilities is written where CoreDNS drops it.
    pub dns_dropped_capabilities: &'static str,
    /// True when the probes of CoreDNS name ports that the container declares; else they have numbers.
    pub dns_named_probe_ports: bool,
    /// True when CoreDNS does not cache answers for the cluster's own domain.
    pub dns_cluster_domain_uncached: bool,
    /// True when kube-proxy tolerates `CriticalAddonsOnly` besides everything.
    pub proxy_tolerates_critical_addons: bool,
    /// True when a kubeconfig that kubeadm writes has an empty `preferences`.
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

// The kube-dns addon went, and with it its name: https://github.com/kubernetes/kubeadm/issues/1943.
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

// https://github.com/kubernetes/kubernetes/pull/131587; client-go v0.34 leaves an empty `preferences` out.
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

/// The facts of v1.`minor`; those of the oldest row for anything older.
pub fn addon_facts(minor: u16) -> &'static AddonFacts {
    ROWS.iter().rev().find(|(since, _)| *since <= minor).map_or(&V1_20, |(_, facts)| facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_ascend_and_each_changes_something() {
        for pair in ROWS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{} and {} stand in the wrong order", pair[0].0, pair[1].0);
            assert_ne!(pair[0].1, pair[1].1, "v1.{} is no different from the row before", pair[1].0);
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
