//! Changes of kube-proxy on a fake API server.

use super::*;
use crate::base::gate::Gate;
use crate::kube::test_api::TestApi;
use std::cell::RefCell;

const MAP: &str = "/api/v1/namespaces/kube-system/configmaps/kube-proxy";
const DAEMONS: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy";
const POD_PATH: &str = "/api/v1/namespaces/kube-system/pods/kube-proxy-1";
const STORED: &str = "kind: KubeProxyConfiguration\nclusterCIDR: 10.0.0.0/8\nconntrack:\n  maxPerCore: 1\nmode: \"\"";

/// A cluster of two nodes.
fn api() -> TestApi {
    let api = TestApi::default();
    let meta = json!({ "name": "kube-proxy", "namespace": "kube-system", "generation": 1 });
    let data = json!({ CONFIG: STORED, "kubeconfig.conf": "kind: Config" });
    api.put(MAP, json!({ "kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": data }));
    let spec = json!({ "updateStrategy": { "type": "RollingUpdate" }, "template": { "spec": {} } });
    let status = json!({
        "observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2, "numberReady": 2
    });
    api.put(
        DAEMONS,
        json!({ "kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": meta, "spec": spec, "status": status }),
    );
    api
}

fn wanted(per_core: u64) -> Map<String, Value> {
    let wanted = json!({ "clusterCIDR": "10.0.0.0/8", "conntrack": { "maxPerCore": per_core } });
    wanted.as_object().unwrap().clone()
}

/// Changes it; each of these is the outcome of a wait.
fn changed(api: &TestApi, wanted: &Map<String, Value>, outcomes: &[bool]) -> Result<()> {
    let (cx, cluster) = (Context::for_tests("/nonexistent"), api.cluster(&Gate::open()));
    let there = KubeProxy::find(&cluster)?.unwrap();
    let left = RefCell::new(outcomes.to_vec());
    let wait = |_: &Context, _: &Cluster| {
        if left.borrow_mut().remove(0) {
            Ok(())
        } else {
            Err(ProxyError::Stopped { why: "it exits on w1".into() }.into())
        }
    };
    let done = change(&cx, &cluster, &there, wanted, &wait);
    assert!(left.borrow().is_empty(), "it did not wait so often");
    done
}

fn at(api: &TestApi, path: &str) -> Value {
    api.with(|state| state.objects[path].clone())
}

#[test]
fn the_changed_configuration_is_stored_and_the_rest_of_the_map_stays() {
    let api = api();
    changed(&api, &wanted(2), &[true]).unwrap();
    let map = at(&api, MAP);
    let text = map["data"][CONFIG].as_str().unwrap();
    assert!(text.contains("maxPerCore: 2") && text.contains("kind: KubeProxyConfiguration"), "{text}");
    assert_eq!(map["data"]["kubeconfig.conf"], "kind: Config");
    assert!(map["metadata"]["annotations"][FORMER].is_null(), "{map}");
    let daemons = at(&api, DAEMONS);
    assert_eq!(daemons["spec"]["template"]["metadata"]["annotations"][HASH], hash(text));
    assert!(daemons["spec"]["minReadySeconds"].is_null(), "{daemons}");
    api.take_log();
    changed(&api, &wanted(2), &[]).unwrap();
    assert!(api.take_log().iter().all(|line| line.starts_with("GET ")), "the second time");
}

#[test]
fn it_gets_its_former_configuration_where_it_does_not_stay_up() {
    let api = api();
    let error = changed(&api, &wanted(2), &[false, true]).unwrap_err();
    let said = "it exits on w1; it runs with its former configuration again";
    assert!(error.to_string().ends_with(said), "{error}");
    assert_eq!(error.exit_code(), ExitCode::Unhealthy);
    let (map, daemons) = (at(&api, MAP), at(&api, DAEMONS));
    assert_eq!(map["data"][CONFIG], STORED);
    assert!(map["metadata"]["annotations"][FORMER].is_null(), "{map}");
    // Its Pods of the former template are not restarted.
    assert!(daemons["spec"]["template"]["metadata"]["annotations"][HASH].is_null(), "{daemons}");
    assert!(daemons["spec"]["minReadySeconds"].is_null(), "{daemons}");
}

/// Killed after each of its writes, the same goes on, and knows the configuration from before.
#[test]
fn a_change_that_was_killed_goes_on_and_can_still_go_back() {
    for writes in 0..4 {
        let api = api();
        api.with(|state| state.writes_left = Some(writes));
        assert!(changed(&api, &wanted(2), if writes < 2 { &[] } else { &[true] }).is_err(), "{writes}");
        api.with(|state| state.writes_left = None);
        let done = changed(&api, &wanted(2), &[true]);
        assert!(done.is_ok(), "{writes}: {done:?}");
        let (map, daemons) = (at(&api, MAP), at(&api, DAEMONS));
        assert!(map["data"][CONFIG].as_str().unwrap().contains("maxPerCore: 2"), "{writes}: {map}");
        assert!(map["metadata"]["annotations"][FORMER].is_null(), "{writes}: {map}");
        assert!(daemons["spec"]["minReadySeconds"].is_null(), "{writes}: {daemons}");
    }
    let api = api();
    api.with(|state| state.writes_left = Some(1));
    changed(&api, &wanted(2), &[]).unwrap_err();
    api.with(|state| state.writes_left = None);
    changed(&api, &wanted(2), &[false, true]).unwrap_err();
    assert_eq!(at(&api, MAP)["data"][CONFIG], STORED);
}

#[test]
fn nothing_changes_while_it_is_not_ready_on_a_node() {
    let api = api();
    let mut daemons = at(&api, DAEMONS);
    daemons["status"]["numberReady"] = json!(1);
    api.put(DAEMONS, daemons.clone());
    let error = changed(&api, &wanted(2), &[]).unwrap_err();
    assert_eq!(error.to_string(), "kube-proxy is not ready on 1 of 2 nodes; nothing was changed");
    daemons["spec"]["updateStrategy"]["type"] = json!("OnDelete");
    api.put(DAEMONS, daemons);
    assert!(changed(&api, &wanted(2), &[]).unwrap_err().to_string().contains("OnDelete"));
    assert_eq!(at(&api, MAP)["data"][CONFIG], STORED);
}

#[test]
fn a_pod_that_exits_again_and_again_ends_the_wait_with_its_last_words() {
    let api = api();
    let mut daemons = at(&api, DAEMONS);
    daemons["status"]["updatedNumberScheduled"] = json!(1);
    daemons["spec"]["template"]["metadata"] = json!({ "annotations": { HASH: "h" } });
    api.put(DAEMONS, daemons);
    let pod = |mark: &str, restarts: u64, state: Value| {
        let metadata = json!({ "name": "kube-proxy-1", "namespace": "kube-system", "labels": { "k8s-app": "kube-proxy" }, "annotations": { HASH: mark } });
        let status = json!({ "ready": false, "restartCount": restarts, "state": state });
        json!({ "metadata": metadata, "spec": { "nodeName": "w1" }, "status": { "containerStatuses": [status] } })
    };
    let log = "/api/v1/namespaces/kube-system/pods/kube-proxy-1/log";
    let lines = "W1203 10:00:00.1 1 x.go:1] proxier\nF1203 10:00:00.2 1 x.go:2] unknown gate x\ngoroutine 1 [running]:\nmain.main()\n";
    api.with(|state| {
        let texts = [
            (log.to_owned(), "unable to retrieve container logs for containerd://1"),
            (format!("{log}?previous=true"), lines),
        ];
        state.texts.extend(texts.map(|(path, text)| (path, (200, text.to_owned()))));
    });
    let wait = || {
        let cx = Context::for_tests("/nonexistent");
        rolled_out(&cx, &api.cluster(&Gate::open())).unwrap_err().to_string()
    };
    api.put(POD_PATH, pod("h", 2, json!({})));
    assert_eq!(wait(), "it exits on w1: F1203 10:00:00.2 1 x.go:2] unknown gate x");
    let pulls = json!({ "waiting": { "reason": "ErrImagePull", "message": "no such host" } });
    api.put(POD_PATH, pod("h", 0, pulls));
    assert_eq!(wait(), "ErrImagePull on w1: no such host");
    // It exits once when the kubelet replaces its file, and one of the former template is not meant.
    for other in [pod("h", 1, json!({})), pod("older", 5, json!({}))] {
        api.put(POD_PATH, other);
        assert_eq!(wait(), "it is restarted on 1 of 2 nodes, and no further one follows");
    }
}
