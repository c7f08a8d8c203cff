//! Flags and feature gates that the components of the target do not know: they would not start.
//!
//! Reads: the stored configuration, and the files with the kubelet's flags on this host. Writes: nothing.

use crate::config::model::Arg;
use crate::context::Context;
use crate::domain::paths::KUBELET_FLAGS;
use crate::host::kubelet_flags::FILES;
use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::finding::Outcome;
use crate::versions::Minor;
use crate::versions::removed_flags::{API_SERVER, CONTROLLER_MANAGER, KUBELET, SCHEDULER, flag_gone_since};
use crate::versions::removed_gates::gate_gone_since;
use serde_json::{Map, Value};
use std::path::Path;

const CONFIGURATION: &str = "ConfigMap kube-system/kubeadm-config";
/// kubeadm removes these from `kubeadm-flags.env` when it upgrades to the minor version that drops them, and to no later one.
const REMOVED_BY_KUBEADM: [&str; 2] = ["container-runtime", "pod-infra-container-image"];

/// Each component of the stored configuration with the name of its section and its extra arguments.
fn sections(reading: &ClusterReading) -> [(&'static str, &'static str, &[Arg]); 3] {
    let config = &reading.config;
    [
        (API_SERVER, "apiServer", &config.api_server.extra_args),
        (CONTROLLER_MANAGER, "controllerManager", &config.controller_manager.extra_args),
        (SCHEDULER, "scheduler", &config.scheduler.extra_args),
    ]
}

/// Extra arguments of the control plane's components.
pub(super) fn component_flags(reading: &ClusterReading, target: u16) -> Outcome {
    let mut outcome = Outcome::default();
    for (component, section, args) in sections(reading) {
        for arg in args {
            if let Some(gone) = flag_gone_since(component, &arg.name, target) {
                let name = &arg.name;
                let what = format!("{component} does not know --{name} since v1.{gone} and would not start");
                let fix = format!(
                    "remove it from {section}.extraArgs: run 'kubectl -n kube-system edit configmap kubeadm-config'"
                );
                outcome.error(CONFIGURATION, what, fix);
            }
        }
    }
    outcome
}

/// Flags of this host's kubelet.
pub(super) fn kubelet_flags(cx: &Context, reading: &ClusterReading, target: u16) -> Outcome {
    let mut outcome = Outcome::default();
    for file in std::iter::once(KUBELET_FLAGS).chain(FILES) {
        let text = match cx.host.files.read_text(Path::new(file)) {
            Ok(text) => text.unwrap_or_default(),
            Err(error) => {
                outcome.unchecked.push(error.to_string());
                continue;
            }
        };
        for name in flags_in(&text) {
            let Some(gone) = flag_gone_since(KUBELET, &name, target) else { continue };
            let what = format!("the kubelet does not know --{name} since v1.{gone} and would not start");
            if file == KUBELET_FLAGS && REMOVED_BY_KUBEADM.contains(&name.as_str()) {
                let fix = format!(
                    "nothing if this host is upgraded to v1.{gone} with kubeadm, which removes it; otherwise remove it \
                     before its kubelet is upgraded"
                );
                outcome.warning(file, what, fix);
            } else {
                outcome.error(file, what, "remove it before the kubelet of this host is upgraded");
            }
        }
    }
    if reading.nodes.len() > 1 {
        let others = reading.nodes.len() - 1;
        outcome.unchecked.push(format!("the flags of the kubelets of {others} other nodes are only known there"));
    }
    outcome
}

/// The names of the flags in a file of variables; comments are no flags.
fn flags_in(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let words = lines.flat_map(|line| line.split(['"', '\'', ' ', '\t']));
    // The first flag may follow the name of the variable directly.
    let words =
        words.map(|word| if word.starts_with('-') { word } else { word.split_once('=').map_or("", |(_, rest)| rest) });
    let names = words.filter_map(|word| word.strip_prefix("--"));
    names.map(|word| word.split('=').next().unwrap_or_default().to_owned()).collect()
}

/// Feature gates of all components, and those of kubeadm.
pub(super) fn feature_gates(reading: &ClusterReading, minor: &Minor) -> Outcome {
    let mut outcome = Outcome::default();
    let mut add = |component: &str, gate: &str, place: String, edit: String| {
        if let Some(gone) = gate_gone_since(gate, minor.minor) {
            let what = format!("{component} does not know the feature gate {gate} since v1.{gone} and would not start");
            outcome.error(place, what, format!("remove it: run '{edit}'"));
        }
    };
    let edit = |map: &str| format!("kubectl -n kube-system edit configmap {map}");
    for (component, _, args) in sections(reading) {
        let values = args.iter().filter(|arg| arg.name == "feature-gates").flat_map(|arg| arg.value.split(','));
        for gate in values.filter_map(|pair| Some(pair.split_once('=')?.0.trim())) {
            add(component, gate, CONFIGURATION.into(), edit("kubeadm-config"));
        }
    }
    if let Some((name, document)) = &reading.kubelet {
        for gate in gates_of(document) {
            add(KUBELET, gate, format!("ConfigMap kube-system/{name}"), edit(name));
        }
    }
    if let Some(document) = &reading.proxy {
        for gate in gates_of(document) {
            add("kube-proxy", gate, "ConfigMap kube-system/kube-proxy".into(), edit("kube-proxy"));
        }
    }
    for gate in reading.config.feature_gates.keys().filter(|gate| minor.feature_gate(gate).is_none()) {
        let what = format!("kubeadm of v1.{} does not have the feature gate {gate}", minor.minor);
        let fix = "remove it from featureGates: run 'kubectl -n kube-system edit configmap kubeadm-config'";
        outcome.warning(CONFIGURATION, what, fix);
    }
    outcome
}

fn gates_of(document: &Map<String, Value>) -> impl Iterator<Item = &str> {
    document
        .get("featureGates")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|gates| gates.keys())
        .map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::files::Content;
    use crate::state::upgrade::cluster::read;
    use crate::state::upgrade::fixture::{FakeCluster, RunningCluster};
    use crate::versions::facts;
    use serde_json::json;

    fn started(fake: FakeCluster) -> (RunningCluster, ClusterReading) {
        let running = fake.start();
        let reading = read(&running.cx, &running.cluster).unwrap();
        (running, reading)
    }

    #[test]
    fn a_stored_flag_that_the_target_lacks_is_an_error() {
        let mut fake = FakeCluster::new("v1.32.1");
        fake.configure("apiServer: {extraArgs: [{name: cloud-provider, value: external}, {name: v, value: \"2\"}]}\n");
        let (_running, reading) = started(fake);
        assert_eq!(component_flags(&reading, 32), Outcome::default());
        assert_eq!(
            component_flags(&reading, 33).shown(),
            [
                "Error ConfigMap kube-system/kubeadm-config: kube-apiserver does not know --cloud-provider since v1.33 and would not start"
            ]
        );
    }

    #[test]
    fn flags_of_the_kubelet_are_found_wherever_they_are_written() {
        let mut fake = FakeCluster::new("v1.34.1");
        fake.add_node("w1", "v1.34.1", false);
        let (running, reading) = started(fake);
        let put = |path: &str, text: &str| {
            running.cx.host.files.write(Path::new(path), &Content::public(text), 0o644).unwrap()
        };
        put(KUBELET_FLAGS, "KUBELET_KUBEADM_ARGS=\"--node-ip=10.0.0.1 --pod-infra-container-image=pause:3.10\"\n");
        put(FILES[0], "# --runonce\nKUBELET_EXTRA_ARGS=--register-schedulable=false --v=2\n");
        let outcome = kubelet_flags(&running.cx, &reading, 35);
        assert_eq!(
            outcome.shown(),
            [
                "Warning /var/lib/kubelet/kubeadm-flags.env: the kubelet does not know --pod-infra-container-image since v1.35 and would not start",
                "Error /etc/default/kubelet: the kubelet does not know --register-schedulable since v1.34 and would not start",
            ]
        );
        assert_eq!(outcome.unchecked.len(), 1);
        assert!(kubelet_flags(&running.cx, &reading, 33).findings.is_empty());
    }

    #[test]
    fn a_removed_feature_gate_is_found_in_every_component() {
        let mut fake = FakeCluster::new("v1.27.1");
        fake.configure(
            "controllerManager: {extraArgs: {feature-gates: 'PodSecurity=true,APIServerTracing=true'}}\n\
             featureGates: {EtcdLearnerMode: true}\n",
        );
        let config = |text: &str| json!({"data": {"kubelet": text, "config.conf": text}});
        fake.set(
            "/api/v1/namespaces/kube-system/configmaps/kubelet-config",
            config("featureGates: {PodSecurity: false}"),
        );
        fake.set("/api/v1/namespaces/kube-system/configmaps/kube-proxy", config("featureGates: {PodSecurity: true}"));
        let (_running, reading) = started(fake);
        let found = |minor: u16| feature_gates(&reading, facts(minor).unwrap()).shown();
        let errors = found(28);
        assert_eq!(errors.len(), 3, "{errors:?}");
        for (error, component) in errors.iter().zip(["kube-controller-manager", "kubelet", "kube-proxy"]) {
            assert!(error.starts_with("Error") && error.contains(&format!(": {component} does not know")), "{error}");
        }
        let kubeadm = found(33);
        assert!(kubeadm.last().unwrap().contains("kubeadm of v1.33 does not have"), "{kubeadm:?}");
    }
}
