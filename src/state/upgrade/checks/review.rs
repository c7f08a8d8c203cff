//! Runs all checks of an upgrade.

use super::subject::Subject;
use super::{arguments, certificates, component_config, corefile, etcd, hand_edits, host, nodes, removed_apis};
use crate::config::images;
use crate::context::Context;
use crate::kube::cluster::Cluster;
use crate::state::upgrade::finding::Review;
use crate::state::upgrade::hops::check_packages;
use crate::state::upgrade::target_config::at_version;

/// Runs all checks. `ignored` are the checks whose errors the user ignores, in lower case.
pub fn review(cx: &mut Context, api: &Cluster, subject: Subject<'_>, ignored: &[String]) -> Review {
    let Subject { reading, target, minor, .. } = subject;
    let mut review = Review::default();
    review.add("ApiServerVersions", nodes::api_servers(reading));
    review.add("Nodes", nodes::nodes(reading));
    review.add("ContainerRuntime", nodes::runtimes(reading, minor));
    review.add("ControlGroups", host::control_groups(cx, reading, minor));
    review.add("Etcd", etcd::members(subject.etcd));
    review.add("EtcdUpgrade", etcd::upgrade(&subject));
    review.add("ExternalEtcdVersion", etcd::external(subject.etcd, minor));
    review.add("Certificates", certificates::expiring(cx, reading));
    review.add("Flags", arguments::component_flags(reading, minor.minor));
    review.add("KubeletFlags", arguments::kubelet_flags(cx, reading, minor.minor));
    review.add("FeatureGates", arguments::feature_gates(reading, minor));
    review.add("KubeletConfiguration", component_config::kubelet(cx, reading, target));
    review.add("CgroupDriver", component_config::driver(cx, reading, target));
    review.add("KubeProxyConfiguration", component_config::kube_proxy(cx, reading, target));
    review.add("Corefile", corefile::check(api, &subject));
    review.add("RemovedApis", removed_apis::requested(api, reading, target));
    review.add("HandEdits", hand_edits::lost(cx, reading));
    review.add("DiskSpace", host::disk_space(cx, subject.etcd));
    let wanted = images::all(&at_version(&reading.config, target), minor);
    review.add("Images", host::images(cx, reading, target, &wanted));
    if !subject.hops.is_empty() {
        review.add("Packages", check_packages(&cx.host, subject.hops));
    }
    review.finish(ignored)
}
