//! Feature gates that Kubernetes' components no longer know, by the last minor version that does.
//!
//! A component does not start with an unknown gate, whatever its value. Sources: `feature-gates-removed.md` of
//! kubernetes/website, and for the gates after v1.26 and `BlockVolume` reports of components that did not start
//! (kubernetes/kubernetes#100988, Netcracker/KubeMarine#500, siderolabs/talos#13480, release notes of v1.31). The list is not
//! complete: gates that were removed in v1.28 and later are mostly missing.

/// The last minor version, and the gates that it was the last to know.
const LAST: &[(u16, &[&str])] = &[
    (
        20,
        &[
            "BlockVolume",
            "HyperVContainer",
            "ServiceLoadBalancerFinalizer",
            "SupportIPVSProxyMode",
            "TaintBasedEvictions",
            "WindowsGMSA",
            "WindowsRunAsUserName",
        ],
    ),
    (
        21,
        &[
            "AttachVolumeLimit",
            "CSIBlockVolume",
            "CSIDriverRegistry",
            "CSIMigrationAWSComplete",
            "CSIMigrationAzureDiskComplete",
            "CSIMigrationAzureFileComplete",
            "CSIMigrationGCEComplete",
            "CSIMigrationOpenStackComplete",
            "EvenPodsSpread",
            "RotateKubeletClientCertificate",
            "TokenRequest",
            "TokenRequestProjection",
            "VolumePVCDataSource",
        ],
    ),
    (
        22,
        &[
            "BalanceAttachedNodeVolumes",
            "CRIContainerLogRotation",
            "CSIMigrationvSphereComplete",
            "CSINodeInfo",
            "ExternalPolicyForExternalIP",
            "LegacyNodeRoleBehavior",
            "NodeDisruptionExclusion",
            "RootCAConfigMap",
            "RunAsGroup",
            "SCTPSupport",
            "ServiceAppProtocol",
            "ServiceNodeExclusion",
            "ServiceTopology",
            "Sysctls",
            "VolumeSnapshotDataSource",
        ],
    ),
    (
        23,
        &[
            "BoundServiceAccountTokenVolume",
            "CronJobControllerV2",
            "EnableEquivalenceClassCache",
            "NamespaceDefaultLabelName",
            "NodeLease",
            "ServiceAccountIssuerDiscovery",
            "StartupProbe",
            "SupportNodePidsLimit",
            "SupportPodPidsLimit",
        ],
    ),
    (
        24,
        &[
            "CSIServiceAccountToken",
            "EndpointSlice",
            "EndpointSliceNodeName",
            "EndpointSliceProxying",
            "GenericEphemeralVolume",
            "HugePageStorageMediumSize",
            "IPv6DualStack",
            "ImmutableEphemeralVolumes",
            "IngressClassNamespacedParams",
            "RuntimeClass",
            "SetHostnameAsFQDN",
            "StorageObjectInUseProtection",
            "StreamingProxyRedirects",
            "TTLAfterFinished",
            "ValidateProxyRedirects",
            "VolumeSubpath",
            "VolumeSubpathEnvExpansion",
            "WarningHeaders",
            "WindowsEndpointSliceProxying",
        ],
    ),
    (
        25,
        &[
            "AllowInsecureBackendProxy",
            "CSIMigrationOpenStack",
            "CSIVolumeFSGroupPolicy",
            "CSRDuration",
            "ConfigurableFSGroupPolicy",
            "DefaultPodTopologySpread",
            "DynamicKubeletConfig",
            "IndexedJob",
            "NonPreemptingPriority",
            "PodAffinityNamespaceSelector",
            "PodDisruptionBudget",
            "PodOverhead",
            "PreferNominatedNode",
            "SelectorIndex",
            "ServiceLBNodePortControl",
            "ServiceLoadBalancerClass",
            "SuspendJob",
        ],
    ),
    (
        26,
        &[
            "CSIInlineVolume",
            "CSIMigration",
            "CSIMigrationAWS",
            "CSIMigrationAzureDisk",
            "ControllerManagerLeaderMigration",
            "DaemonSetUpdateSurge",
            "EphemeralContainers",
            "ExpandCSIVolumes",
            "ExpandInUsePersistentVolumes",
            "ExpandPersistentVolumes",
            "IdentifyPodOS",
            "LocalStorageCapacityIsolation",
            "NetworkPolicyEndPort",
            "StatefulSetMinReadySeconds",
        ],
    ),
    (27, &["PodSecurity"]),
    (
        30,
        &[
            "InTreePluginAWSUnregister",
            "InTreePluginAzureDiskUnregister",
            "InTreePluginAzureFileUnregister",
            "InTreePluginGCEUnregister",
            "InTreePluginOpenStackUnregister",
            "InTreePluginvSphereUnregister",
        ],
    ),
    (34, &["UserNamespacesPodSecurityStandards"]),
];

/// The first minor version without the gate, if it is v1.`target` or an earlier one.
pub fn gate_gone_since(gate: &str, target: u16) -> Option<u16> {
    let row = LAST.iter().find(|(_, gates)| gates.contains(&gate))?;
    (row.0 < target).then_some(row.0 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_gates_are_sorted_and_no_gate_is_listed_twice() {
        assert!(LAST.is_sorted_by_key(|(last, _)| *last));
        let mut all: Vec<&str> = LAST.iter().flat_map(|(_, gates)| *gates).copied().collect();
        assert!(LAST.iter().all(|(_, gates)| gates.is_sorted()));
        let listed = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), listed);
    }

    #[test]
    fn a_gate_is_gone_from_the_minor_after_its_last() {
        for (gate, target, gone) in [
            ("PodSecurity", 27, None),
            ("PodSecurity", 28, Some(28)),
            ("PodSecurity", 36, Some(28)),
            ("BlockVolume", 21, Some(21)),
            ("BlockVolume", 20, None),
            ("UserNamespacesPodSecurityStandards", 34, None),
            ("UserNamespacesPodSecurityStandards", 35, Some(35)),
            ("Unheard", 36, None),
        ] {
            assert_eq!(gate_gone_since(gate, target), gone, "{gate} at v1.{target}");
        }
    }
}
