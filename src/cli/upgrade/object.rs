//! The plan of an upgrade in kubeadm's output API, with our fields added.

use crate::cli::session::OUTPUT_API;
use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::component::Component;
use crate::state::upgrade::finding::Review;
use crate::state::upgrade::goal::{Goal, Source};
use crate::versions::Version;
use crate::versions::upgrade_policy::Violation;
use serde::{Serialize, Serializer};

/// kubeadm's `UpgradePlan`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    kind: &'static str,
    api_version: &'static str,
    /// Oldest first; empty if there is nothing to upgrade.
    pub available_upgrades: Vec<Available>,
    pub config_versions: Vec<ConfigVersion>,
    /// The version of the newest API server.
    pub cluster_version: Version,
    /// What the findings are about: the newest of the available upgrades, or the cluster as it is.
    pub checked_version: Version,
    #[serde(flatten)]
    pub review: Review,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_configuration: Option<String>,
}

/// kubeadm's `AvailableUpgrade`.
pub struct Available {
    pub goal: Goal,
    pub components: Vec<Component>,
    pub violations: Vec<Violation>,
}

/// A version of a component's configuration.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigVersion {
    pub group: &'static str,
    pub current_version: &'static str,
    pub preferred_version: &'static str,
    pub manual_upgrade_required: bool,
}

impl ConfigVersion {
    /// Each group has only ever had one version.
    fn of(group: &'static str, version: &'static str) -> Self {
        Self { group, current_version: version, preferred_version: version, manual_upgrade_required: false }
    }
}

impl Serialize for Available {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Row<'a> {
            description: &'a str,
            components: &'a [Component],
            version: &'a Version,
            source: Source,
            hops: Vec<&'a Version>,
            violations: &'a [Violation],
        }
        let Goal { version, source, description, hops } = &self.goal;
        let (components, violations) = (&self.components, &self.violations);
        let hops = hops.iter().map(|hop| &hop.version).collect();
        Row { description, components, version, source: *source, hops, violations }.serialize(serializer)
    }
}

impl Plan {
    pub fn new(
        reading: &ClusterReading,
        available_upgrades: Vec<Available>,
        checked_version: Version,
        review: Review,
        cluster_configuration: Option<String>,
    ) -> Self {
        let proxy = reading.proxy.is_some().then(|| ConfigVersion::of("kubeproxy.config.k8s.io", "v1alpha1"));
        let kubelet = reading.kubelet.is_some().then(|| ConfigVersion::of("kubelet.config.k8s.io", "v1beta1"));
        Self {
            kind: "UpgradePlan",
            api_version: OUTPUT_API,
            available_upgrades,
            config_versions: proxy.into_iter().chain(kubelet).collect(),
            cluster_version: reading.version.clone(),
            checked_version,
            review,
            cluster_configuration,
        }
    }
}
