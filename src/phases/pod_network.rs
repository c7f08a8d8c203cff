//! Installs the pod network that the user chose, and waits until it works on this node.
//!
//! Reads: the configuration, the directories of CNI plugins, the objects and Pods of the network. Writes: its objects, by
//! server-side apply. Fields that someone has changed since are kept and reported.

use crate::base::fault::Result;
use crate::base::files::Written;
use crate::base::wait::{Poll, Wait};
use crate::checks;
use crate::config::images;
use crate::config::pod_network::PodNetwork;
use crate::context::{Context, Init, Run};
use crate::kube::cluster::Cluster;
use crate::kube::kind::{Kind, ObjectRef, POD};
use crate::pipeline::{Phase, Target};
use crate::render::objects::Object;
use crate::render::objects::flannel::Flannel;
use crate::versions::networks;
use serde_json::Value;
use std::time::Duration;

/// Its images may have to be pulled first.
const LIMIT: Duration = Duration::from_mins(5);

pub struct InstallPodNetwork;

impl Phase<Init> for InstallPodNetwork {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Init>, _: &Target) -> Result<()> {
        let Some(network) = cx.work.pod_network.clone() else { return Ok(()) };
        let cluster = cx.new_cluster()?;
        let objects = objects(cx, &network)?;
        for object in &objects {
            match cluster.apply(&object.value) {
                Ok(Written::Unchanged) => {}
                Ok(written) => crate::ops::objects::report(cx, object, written),
                Err(error) if error.is_conflict() => {
                    cx.events.warning(format!("{object} was changed by someone else and was not updated: {error}"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        wait_for_workloads(cx, &cluster, &objects)?;
        let name = cx.node()?.name.clone();
        cluster.wait_for_ready_node(&name, cx.timeouts().control_plane_component_health_check, &cx.events)?;
        cx.events.message(format!("the pod network {network} works on {name}"));
        Ok(())
    }
}

/// The objects of the network, in order.
fn objects(cx: &Context, network: &PodNetwork) -> Result<Vec<Object>> {
    match network {
        PodNetwork::Manifest(manifest) => {
            let parsed: std::result::Result<Vec<Object>, _> =
                manifest.objects.iter().map(|value| Object::from_value(value.clone())).collect();
            Ok(parsed?)
        }
        PodNetwork::Flannel => {
            let cluster = cx.cluster()?;
            let release = networks::FLANNEL;
            let [daemon, plugin] = [release.daemon, release.plugin]
                .map(|image| images::network_image(&release, image, cluster).to_string());
            let flannel = Flannel {
                images: [&daemon, &plugin],
                pod_subnets: &cluster.networking.pod_subnets,
                node_address: cx.node()?.local_endpoint.advertise_address,
                plugin_directory: &checks::plugin_directory(&cx.host),
            };
            Ok(flannel.objects()?)
        }
    }
}

/// Waits until the network's Pods run on this node.
fn wait_for_workloads(cx: &Context, cluster: &Cluster, objects: &[Object]) -> Result<()> {
    let workloads: Vec<ObjectRef> = objects
        .iter()
        .filter(|object| matches!(object.kind.as_str(), "DaemonSet" | "Deployment"))
        .filter_map(|object| {
            let kind = Kind::find(&object.kind)?;
            Some(ObjectRef::new(kind, object.namespace.as_deref().unwrap_or("default"), &object.name))
        })
        .collect();
    let wait = Wait::new("the Pods of the pod network", LIMIT);
    cx.host.gate.effect(|| {
        wait.until(&cx.host.clock, &cx.events, || {
            let mut troubles = Vec::new();
            for workload in &workloads {
                let live = cluster.read(workload)?;
                if let Some(trouble) = unready(&live) {
                    let pods = cluster.list(&POD, Some(&workload.namespace), "")?;
                    let why = pods.iter().filter(|pod| is_of(pod, &live)).find_map(reason);
                    troubles.push(format!("{workload}: {}", why.unwrap_or(trouble)));
                }
            }
            Ok(if troubles.is_empty() { Poll::Ready(()) } else { Poll::Pending(troubles.join("; ")) })
        })
    })?;
    Ok(())
}

/// Why a workload does not work yet; None if it does. Of a Deployment one Pod is enough: with one node, others of the
/// same may have no place.
fn unready(live: &Value) -> Option<String> {
    let status = |field: &str| live["status"][field].as_u64().unwrap_or_default();
    // Until its controller has seen it, the numbers are those of nothing.
    let is_seen = status("observedGeneration") >= live["metadata"]["generation"].as_u64().unwrap_or(1);
    let (ready, wanted) = if live["kind"] == "DaemonSet" {
        (status("numberReady"), status("desiredNumberScheduled"))
    } else {
        (status("readyReplicas"), live["spec"]["replicas"].as_u64().unwrap_or(1).min(1))
    };
    (!is_seen || ready < wanted).then(|| format!("{ready} of {wanted} Pods are ready"))
}

/// True if the Pod has the labels that the workload selects.
fn is_of(pod: &Value, workload: &Value) -> bool {
    let selector = workload.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    selector.is_some_and(|labels| labels.iter().all(|(name, value)| pod["metadata"]["labels"][name] == *value))
}

/// What keeps a Pod from being ready, in the words of the kubelet or the scheduler.
fn reason(pod: &Value) -> Option<String> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let statuses = ["initContainerStatuses", "containerStatuses"].into_iter();
    let mut containers = statuses.flat_map(|field| pod["status"][field].as_array().into_iter().flatten());
    let said = |state: &Value| {
        let part = |field: &str| state[field].as_str().filter(|text| !text.is_empty());
        let (reason, message) = (part("reason")?, part("message").unwrap_or_default());
        let is_normal = matches!(reason, "PodInitializing" | "ContainerCreating" | "Completed");
        (!is_normal).then(|| format!("Pod {name}: {reason} {message}").trim_end().to_owned())
    };
    let unscheduled = || {
        let conditions = pod["status"]["conditions"].as_array()?;
        let one = conditions.iter().find(|one| one["type"] == "PodScheduled" && one["status"] == "False")?;
        said(one)
    };
    containers
        .find_map(|container| {
            let state = &container["state"];
            said(&state["waiting"]).or_else(|| said(&state["terminated"]))
        })
        .or_else(unscheduled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::env::Random;
    use crate::base::gate::Gate;
    use crate::config::{Documents, Facts, InitFlags};
    use crate::context::InitOptions;
    use crate::kube::test_api::TestApi;
    use serde_json::json;
    use std::sync::Arc;

    const DAEMONS: &str = "/apis/apps/v1/namespaces/kube-flannel/daemonsets/kube-flannel-ds";

    /// A run of `init` with flannel.
    fn context(gate: Gate) -> Run<Init> {
        let facts = Facts::placeholder(Random::seeded(1));
        let flags = InitFlags {
            kubernetes_version: Some("1.36.1".into()),
            pod_network: Some("flannel".into()),
            chosen_network: Some(PodNetwork::Flannel),
            ..InitFlags::default()
        };
        let config = Documents::none().init(&flags, &facts).unwrap().config;
        let mut cx = Context::for_tests("/nonexistent");
        cx.host.gate = gate;
        Run::init(cx, config, InitOptions::default())
    }

    fn run(cx: &mut Run<Init>, api: &TestApi) -> Result<()> {
        cx.fake = Some(Arc::new(api.cluster(&cx.host.gate)));
        InstallPodNetwork.run(cx, &Target { path: "pod-network".into(), item: None })
    }

    #[test]
    fn a_dry_run_lists_the_objects_and_waits_for_nothing() {
        let (mut cx, api) = (context(Gate::recording()), TestApi::default());
        run(&mut cx, &api).unwrap();
        let plan = format!("{:?}", cx.host.gate.entries());
        assert!(plan.contains("DaemonSet kube-flannel/kube-flannel-ds") && plan.contains("10.244.0.0/16"), "{plan}");
        assert_eq!(cx.host.gate.count(), 6);
        assert!(api.take_log().iter().all(|request| request.starts_with("GET ")));
    }

    #[test]
    fn the_command_ends_when_its_pods_run_and_the_node_is_ready() {
        let (mut cx, api) = (context(Gate::open()), TestApi::default());
        let made = objects(&cx, &PodNetwork::Flannel).unwrap();
        let mut daemons = made[5].value.clone();
        daemons["status"] = json!({"numberReady": 1, "desiredNumberScheduled": 1, "observedGeneration": 1});
        api.put(DAEMONS, daemons);
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let node =
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node"}, "status": {"conditions": ready}});
        api.put("/api/v1/nodes/node", node);
        run(&mut cx, &api).unwrap();
        let written = |log: Vec<String>| log.into_iter().filter(|request| request.starts_with("PATCH ")).count();
        assert_eq!(written(api.take_log()), 5, "the DaemonSet is as it should be");
        run(&mut cx, &api).unwrap();
        assert_eq!(written(api.take_log()), 0, "a second run changes nothing");
    }

    #[test]
    fn a_workload_is_ready_when_its_pods_are() {
        let daemons = |ready: u64, generation: u64| {
            json!({"kind": "DaemonSet", "metadata": {"generation": 2},
                "status": {"numberReady": ready, "desiredNumberScheduled": 1, "observedGeneration": generation}})
        };
        assert_eq!(unready(&daemons(1, 2)), None);
        assert_eq!(unready(&daemons(0, 2)).unwrap(), "0 of 1 Pods are ready");
        assert!(unready(&daemons(1, 1)).is_some(), "the controller has not seen the change");
        assert!(unready(&json!({"kind": "DaemonSet", "metadata": {}})).is_some(), "nothing is scheduled yet");
        let elsewhere = json!({"kind": "DaemonSet", "metadata": {}, "status": {"observedGeneration": 1}});
        assert_eq!(unready(&elsewhere), None, "it is for other nodes");
        let replicas = |ready: u64, wanted: u64| {
            json!({"kind": "Deployment", "metadata": {}, "spec": {"replicas": wanted},
                "status": {"readyReplicas": ready, "observedGeneration": 1}})
        };
        assert_eq!((unready(&replicas(1, 2)), unready(&replicas(0, 0))), (None, None));
        assert_eq!(unready(&replicas(0, 2)).unwrap(), "0 of 1 Pods are ready");
    }

    #[test]
    fn the_kubelets_reason_is_quoted() {
        let waiting = |reason: &str| {
            json!({"metadata": {"name": "p"}, "status": {"initContainerStatuses": [
                {"state": {"waiting": {"reason": reason, "message": "not found"}}}]}})
        };
        assert_eq!(reason(&waiting("ErrImagePull")).unwrap(), "Pod p: ErrImagePull not found");
        assert_eq!(reason(&waiting("PodInitializing")), None);
        let unscheduled = json!({"metadata": {"name": "p"}, "status": {"conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}]}});
        assert_eq!(reason(&unscheduled).unwrap(), "Pod p: Unschedulable 0/1 nodes");
    }

    #[test]
    fn pods_are_found_by_the_labels_that_the_workload_selects() {
        let workload = json!({"spec": {"selector": {"matchLabels": {"a": "b"}}}});
        assert!(is_of(&json!({"metadata": {"labels": {"a": "b", "c": "d"}}}), &workload));
        assert!(!is_of(&json!({"metadata": {"labels": {"a": "x"}}}), &workload));
        assert!(!is_of(&json!({"metadata": {}}), &json!({"spec": {}})));
    }
}
