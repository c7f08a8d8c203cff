use super::super::kind::{CONFIG_MAP, DEPLOYMENT, NODE, POD, SECRET};
use super::super::test_api::{Mishap, TestApi};
use super::*;
use crate::base::gate::{Change, Gate};
use crate::base::https::Trouble;

const MAP_PATH: &str = "/api/v1/namespaces/kube-system/configmaps/a";

fn map(data: impl Into<Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "kube-system"}, "data": data.into()})
}

fn map_ref() -> ObjectRef {
    ObjectRef::new(&CONFIG_MAP, "kube-system", "a")
}

fn bodies(gate: &Gate) -> Vec<String> {
    let body = |change| match change {
        Change::Request { verb, object, body, .. } => format!("{verb} {object}: {}", body.unwrap_or_default()),
        other => panic!("{other:?}"),
    };
    gate.entries().into_iter().map(|entry| body(entry.change)).collect()
}

#[test]
fn an_object_is_created_updated_and_then_left_unchanged() {
    let (api, gate) = (TestApi::default(), Gate::open());
    let cluster = api.cluster(&gate);
    assert_eq!(cluster.create_or_update(&map(json!({"k": "1"}))).unwrap(), Written::Created);
    assert_eq!(cluster.create_or_update(&map(json!({"k": "2"}))).unwrap(), Written::Changed);
    api.take_log();
    assert_eq!(cluster.create_or_update(&map(json!({"k": "2"}))).unwrap(), Written::Unchanged);
    assert_eq!(api.take_log(), [format!("GET {MAP_PATH}")]);
    assert_eq!(cluster.create_or_retain(&map(json!({"k": "3"}))).unwrap(), Written::Unchanged);
    assert_eq!(gate.count(), 2);
}

#[test]
fn fields_of_other_clients_stay() {
    let (api, gate) = (TestApi::default(), Gate::open());
    let mut foreign = map(json!({"k": "1", "jws-kubeconfig-abcdef": "x"}));
    foreign["metadata"]["annotations"] = json!({"team": "infra"});
    foreign["futureField"] = json!([1]);
    api.put(MAP_PATH, foreign);
    assert_eq!(api.cluster(&gate).create_or_update(&map(json!({"k": "2"}))).unwrap(), Written::Changed);
    let now = api.with(|state| state.objects[MAP_PATH].clone());
    assert_eq!(now["data"], json!({"k": "2", "jws-kubeconfig-abcdef": "x"}));
    assert_eq!(now["metadata"]["annotations"]["team"], "infra");
    assert_eq!(now["futureField"], json!([1]));
}

#[test]
fn data_that_is_no_longer_desired_is_removed_from_a_secret() {
    let secret = |data: Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "stringData": data});
    let (api, gate) = (TestApi::default(), Gate::open());
    let cluster = api.cluster(&gate);
    cluster.create_or_update(&secret(json!({"token-id": "abcdef", "expiration": "2020"}))).unwrap();
    assert_eq!(cluster.create_or_update(&secret(json!({"token-id": "abcdef"}))).unwrap(), Written::Changed);
    let found = cluster.read(&ObjectRef::new(&SECRET, "n", "s")).unwrap();
    assert_eq!(found["data"], json!({"token-id": "YWJjZGVm"}));
    assert!(found.get("stringData").is_none());
    assert_eq!(cluster.create_or_update(&secret(json!({"token-id": "abcdef"}))).unwrap(), Written::Unchanged);
}

#[test]
fn secrets_do_not_appear_in_the_plan() {
    let gate = Gate::recording();
    let cluster = TestApi::default().cluster(&gate);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"},
        "stringData": {"token-secret": "0123456789abcdef"}});
    cluster.create_or_update(&secret).unwrap();
    let object = ObjectRef::new(&SECRET, "n", "s");
    cluster.patch(&object, PatchKind::Merge, &json!({"data": {"token-secret": "c2VjcmV0"}})).unwrap();
    let operation = json!([{"op": "replace", "path": "/data/token-secret", "value": "c2VjcmV1"}]);
    cluster.patch(&object, PatchKind::Json, &operation).unwrap();
    let plan = bodies(&gate).join("\n");
    assert!(plan.contains("***") && plan.contains("token-secret"), "{plan}");
    for secret in ["0123456789abcdef", "MDEyMzQ1Njc4OWFiY2RlZg", "c2VjcmV0", "c2VjcmV1"] {
        assert!(!plan.contains(secret), "{plan}");
    }
}

#[test]
fn server_defaults_are_not_a_difference() {
    let desired = json!({"spec": {
        "containers": [{"name": "c", "image": "i", "resources": {}, "env": null}],
        "hostNetwork": false, "strategy": {"rollingUpdate": {"maxSurge": 1}}}});
    let live = json!({"spec": {
        "containers": [{"name": "c", "image": "i", "terminationMessagePath": "/dev/termination-log", "resources": {}}],
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1.0, "maxUnavailable": "25%"}}, "dnsPolicy": "ClusterFirst"}});
    assert!(merge::covers(&live, &desired));
    for (pointer, value) in [
        ("/spec/containers/0/image", json!("other")),
        ("/spec/containers", json!([])),
        ("/spec/hostNetwork", json!(true)),
        ("/spec/strategy/rollingUpdate/maxSurge", json!(2)),
    ] {
        let mut other = desired.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        assert!(!merge::covers(&live, &other), "{pointer}");
    }
    let selector = |keys: Value| json!({"nodeSelector": keys});
    let both = selector(json!({"beta.kubernetes.io/os": "linux", "kubernetes.io/os": "linux"}));
    assert!(!merge::covers(&both, &selector(json!({"kubernetes.io/os": "linux"}))));
}

#[test]
fn a_workload_keeps_its_scale_and_gets_a_new_template() {
    let deployment = |template: Value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "n"}, "spec": {"template": template}});
    let mut live = deployment(json!({"spec": {"priorityClassName": "old"}}));
    live["spec"]["replicas"] = json!(5);
    let merged = merge::merged(&live, &deployment(json!({"spec": {"hostNetwork": true}})));
    assert_eq!(merged["spec"], json!({"template": {"spec": {"hostNetwork": true}}, "replicas": 5}));
    let (api, gate) = (TestApi::default(), Gate::open());
    let cluster = api.cluster(&gate);
    cluster.create_or_update(&deployment(json!({}))).unwrap();
    assert_eq!(cluster.read(&ObjectRef::new(&DEPLOYMENT, "n", "d")).unwrap()["spec"]["replicas"], 1);
}

#[test]
fn a_conflict_with_another_client_is_resolved() {
    let (api, gate) = (TestApi::default(), Gate::open());
    let cluster = api.cluster(&gate);
    // Created by another client between our read and our write, with another value.
    api.mishap("POST", Mishap::Overtaken(map(json!({"k": "theirs", "more": "x"}))));
    cluster.create_or_update(&map(json!({"k": "1"}))).unwrap();
    let data = || api.with(|state| state.objects[MAP_PATH]["data"].clone());
    assert_eq!(data(), json!({"k": "1", "more": "x"}));
    // Changed by another client between our read and our write, twice.
    for _ in 0..2 {
        api.mishap("PUT", Mishap::Overtaken(map(json!({"k": "theirs", "other": "y"}))));
    }
    cluster.create_or_update(&map(json!({"k": "2"}))).unwrap();
    assert_eq!(data(), json!({"k": "2", "other": "y"}));
    // Kept unchanged, even if it is created in between.
    api.with(|state| state.objects.clear());
    api.mishap("POST", Mishap::Overtaken(map(json!({"k": "theirs"}))));
    cluster.create_or_retain(&map(json!({"k": "3"}))).unwrap();
    assert_eq!(data(), json!({"k": "theirs"}));
}

#[test]
fn a_lost_response_is_resolved_by_reading_again() {
    let (api, gate) = (TestApi::default(), Gate::open());
    let cluster = api.cluster(&gate);
    for (method, value) in [("POST", "1"), ("PUT", "2")] {
        api.mishap(method, Mishap::AnswerLost);
        cluster.create_or_update(&map(json!({"k": value}))).unwrap();
        assert_eq!(api.with(|state| state.objects[MAP_PATH]["data"]["k"].clone()), value);
    }
    api.mishap("DELETE", Mishap::AnswerLost);
    assert!(cluster.delete(&map_ref()).unwrap());
    assert!(!cluster.delete(&map_ref()).unwrap());
    assert_eq!(gate.count(), 3);
}

#[test]
fn temporary_failures_are_retried_and_others_are_reported_at_once() {
    let (api, gate) = (TestApi::default(), Gate::open());
    let cluster = api.cluster(&gate);
    api.mishap("GET", Mishap::Status(429, "busy")).mishap("GET", Mishap::Status(500, "etcdserver: leader changed"));
    api.mishap("GET", Mishap::Lost(Trouble::Refused));
    assert_eq!(cluster.find(&map_ref()).unwrap(), None);
    assert_eq!(api.take_log().len(), 4);
    api.mishap("GET", Mishap::Status(403, "no"));
    assert!(cluster.find(&map_ref()).unwrap_err().is_forbidden());
    assert_eq!(api.take_log().len(), 1);
    api.with(|state| state.down = true);
    assert!(cluster.find(&map_ref()).unwrap_err().is_refused());
    assert!(api.take_log().len() > 5);
}

#[test]
fn a_server_that_never_responded_is_reported_at_once() {
    let api = TestApi::default();
    api.with(|state| state.down = true);
    assert!(api.cluster(&Gate::open()).find(&map_ref()).unwrap_err().is_refused());
    assert_eq!(api.take_log().len(), 1);
}

#[test]
fn in_a_dry_run_later_reads_return_the_planned_objects() {
    let gate = Gate::recording();
    let api = TestApi::default();
    api.put(
        "/api/v1/nodes/n1",
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "labels": {"a": "b"}}}),
    );
    let cluster = api.cluster(&gate);
    let node = ObjectRef::global(&NODE, "n1");
    assert_eq!(cluster.create_or_update(&map(json!({"k": "1"}))).unwrap(), Written::Created);
    assert_eq!(cluster.create_or_update(&map(json!({"k": "1"}))).unwrap(), Written::Unchanged);
    assert_eq!(cluster.read(&map_ref()).unwrap()["data"]["k"], "1");
    let taint = json!({"spec": {"taints": [{"key": "t", "effect": "NoSchedule"}]}});
    assert_eq!(cluster.patch(&node, PatchKind::Strategic, &taint).unwrap(), Written::Changed);
    assert_eq!(cluster.patch(&node, PatchKind::Strategic, &taint).unwrap(), Written::Unchanged);
    let listed = cluster.list(&NODE, None, "").unwrap();
    assert_eq!((listed.len(), &listed[0]["spec"]["taints"][0]["key"]), (1, &json!("t")));
    cluster.modify(&map_ref(), |map| map["data"]["k"] = json!("2")).unwrap();
    assert_eq!(cluster.list(&CONFIG_MAP, Some("kube-system"), "").unwrap()[0]["data"]["k"], "2");
    assert!(cluster.delete(&node).unwrap() && cluster.find(&node).unwrap().is_none());
    assert!(cluster.list(&NODE, None, "").unwrap().is_empty());
    assert!(api.take_log().iter().all(|line| line.starts_with("GET ")));
    assert_eq!(gate.count(), 4);
}

#[test]
fn a_cluster_that_is_not_up_yet_is_empty() {
    let gate = Gate::recording();
    let api = TestApi::default();
    api.with(|state| state.down = true);
    let cluster = api.starting(&gate);
    assert_eq!(cluster.create_or_update_all(&[map(json!({})), map(json!({}))]).unwrap(), [Written::Created; 2]);
    assert!(cluster.list(&NODE, None, "").unwrap().is_empty());
    // A load balancer, or a name that is not in the DNS yet, is the same case; a wrong certificate is another.
    api.with(|state| state.down = false);
    for trouble in [Trouble::NoSuchHost, Trouble::NoConnection, Trouble::Broken] {
        api.mishap("GET", Mishap::Lost(trouble));
        assert_eq!(api.starting(&gate).find(&map_ref()).unwrap(), None, "{trouble:?}");
    }
    api.mishap("GET", Mishap::Lost(Trouble::UnknownIssuer));
    assert!(api.starting(&gate).find(&map_ref()).is_err());
    // Once it has responded, a refused connection is a failure like any other.
    let (api, gate) = (TestApi::default(), Gate::open());
    let cluster = api.starting(&gate);
    assert!(cluster.find(&map_ref()).unwrap().is_none());
    api.with(|state| state.down = true);
    assert!(cluster.find(&map_ref()).unwrap_err().is_refused());
}

#[test]
fn many_objects_are_recorded_in_their_order() {
    let (api, gate) = (TestApi::default(), Gate::open());
    let objects: Vec<Value> = (0..20)
        .map(|i| json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": format!("s{i:02}"), "namespace": "n"}}))
        .collect();
    assert_eq!(api.cluster(&gate).create_or_update_all(&objects).unwrap(), [Written::Created; 20]);
    let noted = bodies(&gate);
    assert!(noted.is_sorted() && noted.len() == 20, "{noted:?}");
    let nobody = json!({"kind": "Widget", "metadata": {"name": "w"}});
    assert!(matches!(api.cluster(&gate).create_or_update(&nobody), Err(KubeError::NoObject { .. })));
}

#[test]
fn patches_have_the_same_result_as_on_the_server() {
    let node = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "status": {"conditions": [{"type": "Ready", "status": "False"}]},
        "spec": {"taints": [{"key": "x"}]}});
    let after = |kind, patch: Value| patch::patched(&node, kind, &patch);
    let merged = after(PatchKind::Merge, json!({"metadata": {"labels": {"a": null, "c": "3"}}})).unwrap();
    assert_eq!(merged["metadata"]["labels"], json!({"b": "2", "c": "3"}));
    let strategic = after(
        PatchKind::Strategic,
        json!({"status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "New"}]}, "spec": {"taints": [{"key": "y"}]}}),
    );
    let strategic = strategic.unwrap();
    assert_eq!(strategic["status"]["conditions"], json!([{"type": "Ready", "status": "True"}, {"type": "New"}]));
    assert_eq!(strategic["spec"]["taints"], json!([{"key": "y"}]));
    let gone = after(PatchKind::Strategic, json!({"status": {"conditions": [{"type": "Ready", "$patch": "delete"}]}}));
    assert_eq!(gone.unwrap()["status"]["conditions"], json!([]));
    let operations = json!([
        {"op": "test", "path": "/metadata/labels/a", "value": "1"},
        {"op": "remove", "path": "/metadata/labels/a"},
        {"op": "add", "path": "/metadata/labels/x~1y", "value": "z"},
        {"op": "add", "path": "/spec/taints/-", "value": {"key": "y"}},
        {"op": "move", "from": "/metadata/labels/b", "path": "/metadata/labels/c"},
    ]);
    let json = after(PatchKind::Json, operations).unwrap();
    assert_eq!(json["metadata"]["labels"], json!({"x/y": "z", "c": "2"}));
    assert_eq!(json["spec"]["taints"], json!([{"key": "x"}, {"key": "y"}]));
    for bad in [
        json!({}),
        json!([{"op": "test", "path": "/metadata/labels/a", "value": "2"}]),
        json!([{"op": "remove", "path": "/nowhere/x"}]),
        json!([{"op": "replace", "path": "/spec/taints/7", "value": 1}]),
        json!([{"op": "frobnicate", "path": "/spec"}]),
    ] {
        assert!(after(PatchKind::Json, bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn the_status_of_a_node_is_patched_through_its_subresource_only() {
    let (api, gate) = (TestApi::default(), Gate::open());
    let conditions =
        json!([{"type": "DiskPressure", "status": "False"}, {"type": "Ready", "status": "True", "reason": "a"}]);
    api.put(
        "/api/v1/nodes/n1",
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": {"conditions": conditions}}),
    );
    let (cluster, node) = (api.cluster(&gate), ObjectRef::global(&NODE, "n1"));
    let status = json!({"conditions": [{"type": "Ready", "status": "False"}]});
    assert_eq!(cluster.patch_status(&node, &status).unwrap(), Written::Changed);
    let now = cluster.read(&node).unwrap();
    assert_eq!(now["status"]["conditions"][0], conditions[0]);
    assert_eq!(now["status"]["conditions"][1], json!({"type": "Ready", "status": "False", "reason": "a"}));
    assert_eq!(cluster.patch_status(&node, &status).unwrap(), Written::Unchanged);
    let writes: Vec<String> = api.take_log().into_iter().filter(|line| !line.starts_with("GET")).collect();
    assert_eq!(writes, ["PATCH /api/v1/nodes/n1/status"]);
}

#[test]
fn a_pod_is_evicted_with_the_version_that_the_server_supports() {
    let (api, gate) = (TestApi::default(), Gate::open());
    let pod = ObjectRef::new(&POD, "n", "p");
    api.put("/api/v1", json!({"resources": [{"name": "pods/eviction", "group": "policy", "version": "v1beta1"}]}));
    api.put(&pod.path(), json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}}));
    let cluster = api.cluster(&gate);
    assert_eq!(cluster.eviction_version().unwrap(), "policy/v1beta1");
    api.mishap("POST", Mishap::Status(429, "the budget does not allow it"));
    assert!(cluster.evict(&pod).unwrap_err().is_too_many_requests());
    assert!(cluster.evict(&pod).unwrap());
    assert!(!cluster.evict(&pod).unwrap());
}
