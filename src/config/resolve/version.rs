//! The Kubernetes version, and the facts of its minor version.

use super::section::Given;
use crate::config::facts::Facts;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::schema::Document;
use crate::config::validate::version::installable;
use crate::versions::{self, Minor, Version};

/// The given version, else that of the cluster on this host, else that of the kubelet, else the newest.
pub(super) fn choose(given: Option<&Given>, facts: &Facts, report: &mut Report) -> Version {
    let newest = Version::new(versions::newest(), 0);
    if let Some(given) = given {
        return given.validate(installable, report).unwrap_or(newest);
    }
    if let Some(cluster) = facts.cluster_version.as_ref().filter(|cluster| versions::facts(cluster.minor).is_some()) {
        // A newer kubelet does not request another version of the cluster; that takes an upgrade.
        if let Some(kubelet) = facts.kubelet_version.as_ref().filter(|kubelet| *kubelet != cluster) {
            let what = format!("the cluster of this host stays at {cluster} although the kubelet is {kubelet}");
            report.warn(&Place::Host, Complaint::new(what));
        }
        return cluster.clone();
    }
    match &facts.kubelet_version {
        Some(kubelet) if versions::facts(kubelet.minor).is_some() => kubelet.clone(),
        Some(kubelet) => {
            let what = format!("the kubelet is {kubelet}, which is not supported; {newest} is used");
            report.warn(&Place::Host, Complaint::with_help(what, "set a version with --kubernetes-version"));
            newest
        }
        None => newest,
    }
}

/// The facts of a version's minor; None for a version that was refused.
pub(super) fn minor(version: &Version) -> Option<&'static Minor> {
    versions::facts(version.minor)
}

/// Warns about a document in an older API version than the kubeadm of this minor version writes.
pub(super) fn warn_of_old_api(document: Option<&Document>, version: &Version, report: &mut Report) {
    let (Some(document), Some(minor)) = (document, minor(version)) else { return };
    if document.kind.component_api().is_none() && document.api < minor.api_version {
        let (old, new) = (document.api.name(), minor.api_version.name());
        let place = Place::File { mark: document.mark_of("apiVersion"), path: "apiVersion".into() };
        let what = format!("{old} is older than {new}, the API version of kubeadm v1.{}", minor.minor);
        report.warn(&place, Complaint::with_help(what, "run 'kubewright config migrate --old-config FILE'"));
    }
}
