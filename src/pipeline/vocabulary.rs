//! The conditions and tables that a list of phases may name.

use serde::Deserialize;

/// The conditions a phase can have.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// No condition.
    #[default]
    Always,
    /// etcd runs as a static Pod.
    LocalEtcd,
    /// The host becomes a control plane.
    ControlPlane,
    /// The user asked to upload the certificates to the cluster.
    UploadCerts,
    /// The cluster uses the addon that is the row of the phase.
    AddonWanted,
    /// The user chose a pod network.
    NetworkChosen,
    /// The kubelet of this host is replaced at the end of an upgrade.
    Finishes,
    /// A change of the configuration concerns the static Pods of this host.
    PodsChange,
    /// A change of the configuration concerns the kubelet of this host.
    KubeletChanges,
    /// A change of the configuration concerns what the cluster stores for static Pods.
    StoresPods,
    /// A change of the configuration concerns what the cluster stores for kubelets.
    StoresKubelet,
}

/// The tables that can give a phase its sub-phases.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Each {
    /// The certificates of the PKI, and the service-account keys.
    Certificate,
    /// The kubeconfig files.
    Kubeconfig,
    /// The components that run as static Pods, except etcd.
    Component,
    /// Everything that `certs renew` renews.
    Renewable,
    /// Everything that an external CA may have signed, including the kubelet's kubeconfig.
    Importable,
    /// The addons, to be installed.
    Addon,
    /// The addons, to be upgraded.
    UpgradedAddon,
}
