//! Fields of the shared kubelet and kube-proxy configuration that the target does not have, and the control group driver.

use super::subject::unchecked;
use crate::base::fault::Result;
use crate::base::go_yaml;
use crate::config::problem::Place;
use crate::config::{Facts, documents};
use crate::context::Context;
use crate::state::upgrade::cgroup_driver::{self, CGROUP_DRIVER};
use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::finding::Outcome;
use crate::state::upgrade::target_config::at_version;
use crate::versions::Version;
use crate::versions::host_needs::upgrade_sets_cgroup_driver;
use serde_json::{Map, Value, json};

pub const KUBELET_API: (&str, &str) = ("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration");
pub const PROXY_API: (&str, &str) = ("kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration");

/// The kubelet's configuration.
pub(super) fn kubelet(cx: &mut Context, reading: &ClusterReading, target: &Version) -> Outcome {
    let Some((name, document)) = &reading.kubelet else {
        return Outcome::not_checked("the cluster has no ConfigMap with the kubelet's configuration");
    };
    let mut outcome = check(cx, KUBELET_API, name, document, target);
    if document.contains_key(CGROUP_DRIVER) || !upgrade_sets_cgroup_driver(target.minor) || !cx.host.is_live() {
        return outcome;
    }
    let place = format!("ConfigMap kube-system/{name}");
    match at_target(cx, reading, target, cgroup_driver::to_set) {
        Ok(Some(driver)) => {
            let driver = driver.name();
            let what =
                format!("cgroupDriver is not set: the upgrade sets it to {driver}, as the container runtime of this host has it");
            outcome.note(place, what, "nothing, unless other nodes use another driver: then set it for each by a flag of its kubelet");
        }
        Ok(None) => outcome.unchecked.push(format!(
            "{place} does not set cgroupDriver, and the container runtime of this host does not report its driver: it stays unset"
        )),
        Err(failure) => outcome.unchecked.push(failure.with_causes()),
    }
    outcome
}

/// The driver that the kubelet of this host gets, and the container runtime's.
pub(super) fn driver(cx: &mut Context, reading: &ClusterReading, target: &Version) -> Outcome {
    let Some((_, document)) = &reading.kubelet else {
        return Outcome::not_checked("the cluster has no ConfigMap with the kubelet's configuration");
    };
    at_target(cx, reading, target, |cx| Ok(super::cgroup_driver::check(cx, document)))
        .unwrap_or_else(|failure| unchecked(&failure))
}

fn at_target<T>(
    cx: &mut Context,
    reading: &ClusterReading,
    target: &Version,
    act: impl FnOnce(&Context) -> Result<T>,
) -> Result<T> {
    cx.with_cluster(at_version(&reading.config, target), act)
}

/// kube-proxy's configuration.
pub(super) fn kube_proxy(cx: &Context, reading: &ClusterReading, target: &Version) -> Outcome {
    match &reading.proxy {
        Some(document) => check(cx, PROXY_API, "kube-proxy", document, target),
        // A cluster may do without.
        None => Outcome::default(),
    }
}

fn check(cx: &Context, api: (&str, &str), map: &str, document: &Map<String, Value>, target: &Version) -> Outcome {
    let mut outcome = Outcome::default();
    let place = format!("ConfigMap kube-system/{map}");
    let mut whole = document.clone();
    whole.insert("apiVersion".into(), json!(api.0));
    whole.insert("kind".into(), json!(api.1));
    let facts = Facts { kubelet_version: Some(target.clone()), ..Facts::placeholder(cx.random.clone()) };
    let text = go_yaml::to_string(&Value::Object(whole));
    let checked = documents::parse(&place, text.as_bytes()).and_then(|documents| documents.validate(&facts));
    let Err(errors) = checked else { return outcome };
    for problem in errors.problems() {
        let Place::File { path, .. } = &problem.place else { continue };
        let what = match &problem.complaint.help {
            Some(help) => format!("{path}: {}; {help}", problem.complaint.what),
            None => format!("{path}: {}", problem.complaint.what),
        };
        let fix = format!(
            "change it, as it would have no effect or be refused: run 'kubectl -n kube-system edit configmap {map}'"
        );
        outcome.warning(&place, what, fix);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::upgrade::cluster::read;
    use crate::state::upgrade::fixture::FakeCluster;

    fn found(from: &str, kubelet: &str, proxy: &str, target: &str) -> (Vec<String>, Vec<String>) {
        let mut fake = FakeCluster::new(from);
        let config = |text: &str| json!({"data": {"kubelet": text, "config.conf": text}});
        fake.set("/api/v1/namespaces/kube-system/configmaps/kubelet-config", config(kubelet));
        fake.set("/api/v1/namespaces/kube-system/configmaps/kube-proxy", config(proxy));
        let mut running = fake.start();
        let reading = read(&running.cx, &running.cluster).unwrap();
        let target = target.parse().unwrap();
        (super::kubelet(&mut running.cx, &reading, &target).shown(), kube_proxy(&running.cx, &reading, &target).shown())
    }

    #[test]
    fn a_field_that_the_target_lacks_is_named() {
        let kubelet = "cgroupDriver: systemd\nmaxPods: 5\nlogging: {sanitization: true}\n";
        let (of_kubelet, of_proxy) = found("v1.25.1", kubelet, "udpIdleTimeout: 250ms\nmode: ipvs\n", "v1.26.15");
        assert_eq!(of_kubelet.len(), 1, "{of_kubelet:?}");
        assert!(of_kubelet[0].contains("logging.sanitization: is not a field of KubeletConfiguration in v1.26"));
        assert_eq!(of_proxy.len(), 1, "{of_proxy:?}");
        assert!(of_proxy[0].contains("udpIdleTimeout"), "{of_proxy:?}");
        assert_eq!(found("v1.25.1", "cgroupDriver: systemd\n", "mode: ipvs\n", "v1.25.16"), (vec![], vec![]));
    }
}
