//! Timeouts of waits.

use super::section::Section;
use crate::config::model::Timeouts;
use crate::config::problem::Report;
use crate::config::validate::duration;
use std::time::Duration;

/// The `timeouts` of a v1beta4 document.
pub(super) fn timeouts(section: &Section<'_>, report: &mut Report) -> Timeouts {
    let default = Timeouts::default();
    let mut read = |name: &str, default: Duration| {
        let given = section.text(name);
        given.and_then(|g| g.validate(duration::parse_positive, report)).unwrap_or(default)
    };
    Timeouts {
        control_plane_component_health_check: read(
            "controlPlaneComponentHealthCheck",
            default.control_plane_component_health_check,
        ),
        kubelet_health_check: read("kubeletHealthCheck", default.kubelet_health_check),
        kubernetes_api_call: read("kubernetesAPICall", default.kubernetes_api_call),
        etcd_api_call: read("etcdAPICall", default.etcd_api_call),
        tls_bootstrap: read("tlsBootstrap", default.tls_bootstrap),
        discovery: read("discovery", default.discovery),
        upgrade_manifests: read("upgradeManifests", default.upgrade_manifests),
    }
}

/// A timeout that older versions have in another field; zero means the default there.
pub(super) fn legacy(section: &Section<'_>, name: &str, report: &mut Report) -> Option<Duration> {
    section.text(name)?.validate(duration::parse, report).filter(|duration| !duration.is_zero())
}
