//! Whole tests of a cluster in memory.

use super::super::kind::NAMESPACE;
use super::super::test_api::Mishap;
use super::test_nodes::{TestNodes, is_service};
use super::*;
use crate::base::env::Clock;
use crate::base::events::Events;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::domain::network_probe::{Failure, Question};
use serde_json::json;
use std::time::Duration;

const NS: &str = "/api/v1/namespaces/kubewright-network-test-abc";

fn options(stop: &dyn Fn() -> bool) -> Options<'_> {
    Options {
        nodes: Vec::new(),
        binary: "/usr/bin/kubewright".into(),
        limit: Duration::from_secs(30),
        suffix: "abc".into(),
        stop,
    }
}

fn never() -> bool {
    false
}

fn test(nodes: &TestNodes, options: &Options<'_>) -> Result<Tested> {
    let clock = Clock::fixed(1_800_000_000);
    run(&nodes.cluster(&clock), options, &clock, &Events::silent())
}

fn healthy(_: usize, _: bool, _: &Question) -> Option<Failure> {
    None
}

#[track_caller]
fn assert_clean(nodes: &TestNodes) {
    let left = nodes.api.with(|state| state.objects.contains_key(NS));
    assert!(!left, "the namespace is left");
}

#[test]
fn a_healthy_network_has_no_cause_and_nothing_is_left() {
    let nodes = TestNodes::new(3, healthy);
    let tested = test(&nodes, &options(&never)).unwrap();
    assert_eq!(tested.nodes, ["n1", "n2", "n3"]);
    assert!(tested.causes.is_empty() && tested.untested.is_empty(), "{:?} {:?}", tested.causes, tested.untested);
    // Of Pods: 6 for each of 3 nodes, the API, 3 names, 2 DNS Pods; of nodes: 2 for each, and 2 kubelets.
    assert_eq!(tested.seen.len(), 3 * (18 + 1 + 3 + 2) + 3 * (6 + 2));
    assert!(tested.seen.iter().all(|seen| !seen.failed()));
    let changes = nodes.changes();
    assert_eq!(changes.first().map(String::as_str), Some("POST /api/v1/namespaces"));
    assert_eq!(changes.last(), Some(&format!("DELETE {NS}")));
    assert_eq!(changes.iter().filter(|line| **line == format!("POST {NS}/pods")).count(), 9);
    assert!(changes.iter().all(|line| line.starts_with("POST ") || line.ends_with(NS)), "{changes:?}");
    assert_clean(&nodes);
}

#[test]
fn a_cause_comes_from_what_the_pods_saw() {
    let nodes = TestNodes::new(2, |node, _, question| (node == 2 && is_service(question)).then_some(Failure::TimedOut));
    let tested = test(&nodes, &options(&never)).unwrap();
    assert_eq!(
        tested.causes.iter().map(|cause| (cause.id, cause.nodes.join(" "))).collect::<Vec<_>>(),
        [("KubeProxy", "n2".into())]
    );
    assert_clean(&nodes);
}

#[test]
fn pods_have_no_rights_and_pull_nothing() {
    let nodes = TestNodes::new(1, healthy);
    let tested = test(&nodes, &options(&never)).unwrap();
    assert_eq!(tested.nodes, ["n1"]);
    let pod = nodes.api.with(|state| state.objects[&format!("{NS}/pods/server-0")].clone());
    let spec = &pod["spec"];
    assert_eq!(spec["automountServiceAccountToken"], false);
    assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
    let container = &spec["containers"][0];
    assert_eq!(
        (&container["image"], &container["imagePullPolicy"]),
        (&json!("registry.k8s.io/pause:3.10"), &json!("Never"))
    );
    assert_eq!(container["command"][0], "/host/kubewright");
    assert_eq!(container["volumeMounts"][0]["readOnly"], true);
    assert_eq!(spec["volumes"][0]["hostPath"], json!({"path": "/usr/bin", "type": "Directory"}));
}

fn untested_when(state: serde_json::Value, log: &str) -> (Why, String, String) {
    let nodes = TestNodes::new(2, healthy);
    nodes.break_node("n2", state, log);
    let tested = test(&nodes, &options(&never)).unwrap();
    assert_eq!(tested.nodes, ["n1"]);
    assert!(tested.causes.is_empty(), "{:?}", tested.causes);
    assert_clean(&nodes);
    let one = tested.untested.into_iter().next().unwrap();
    assert_eq!(one.node, "n2");
    (one.why, one.what, one.next)
}

#[test]
fn a_node_without_the_program_is_named_and_is_not_a_failure_of_the_network() {
    let message = "failed to create containerd task: exec: \"/host/kubewright\": stat /host/kubewright: no such file or directory: unknown";
    let state = json!({"terminated": {"reason": "StartError", "message": message, "exitCode": 128}});
    let (why, what, next) = untested_when(state, "");
    assert_eq!(why, Why::BinaryMissing);
    assert!(what.starts_with("/usr/bin/kubewright does not exist on n2") && next.contains("install"), "{what} {next}");
}

#[test]
fn programs_that_cannot_run_are_distinguished() {
    let ended = |code: i64| json!({"terminated": {"exitCode": code}});
    let dynamic = "exec /host/kubewright: no such file or directory\n";
    assert_eq!(untested_when(ended(1), dynamic).0, Why::BinaryUnusable);
    assert_eq!(untested_when(ended(2), "error: unrecognized subcommand 'network'\n").0, Why::BinaryTooOld);
    let (why, what, _) = untested_when(ended(3), "error: \u{1b}[2Jx\n");
    assert_eq!((why, what.as_str()), (Why::PodNotStarted, "the Pod on n2 ended with exit code 3: error:  [2Jx"));
    let denied =
        json!({"waiting": {"reason": "RunContainerError", "message": "exec: \"/host/kubewright\": permission denied"}});
    assert_eq!(untested_when(denied, "").0, Why::BinaryUnusable);
    let image = json!({"waiting": {"reason": "ErrImageNeverPull", "message": "not present"}});
    assert_eq!(untested_when(image, "").0, Why::PodNotStarted);
}

/// A Pod without a network waits until the end; the reason is only in its events.
#[test]
fn a_pod_that_does_not_start_is_explained_by_its_event() {
    let nodes = TestNodes::new(1, healthy);
    nodes.break_node("n1", json!({"waiting": {"reason": "ContainerCreating"}}), "");
    let event = json!({"kind": "Event", "metadata": {"name": "e"}, "type": "Warning", "involvedObject": {"name": "server-0"},
        "message": "failed to find plugin \"bridge\" in path [/opt/cni/bin]"});
    nodes.api.put(&format!("{NS}/events/e"), event);
    let tested = test(&nodes, &options(&never)).unwrap();
    assert!(tested.nodes.is_empty());
    assert!(tested.untested[0].what.contains("failed to find plugin"), "{:?}", tested.untested);
    assert_clean(&nodes);
}

#[test]
fn a_node_that_is_not_ready_is_left_out() {
    let nodes = TestNodes::new(2, healthy);
    let conditions = json!([{"type": "Ready", "status": "False", "message": "cni plugin not initialized"}]);
    nodes.api.with(|state| state.objects.get_mut("/api/v1/nodes/n1").unwrap()["status"]["conditions"] = conditions);
    let tested = test(&nodes, &options(&never)).unwrap();
    assert_eq!((tested.nodes.as_slice(), tested.untested[0].why), (["n2".to_owned()].as_slice(), Why::NodeNotReady));
}

#[test]
fn an_interrupted_test_removes_what_it_created() {
    let nodes = TestNodes::new(1, healthy);
    nodes.break_node("n1", json!({"waiting": {"reason": "ContainerCreating"}}), "");
    let error = test(&nodes, &options(&|| true)).err().unwrap();
    assert_eq!(error.exit_code(), ExitCode::Unhealthy);
    assert!(error.to_string().contains("interrupted"), "{error}");
    assert_clean(&nodes);
}

#[test]
fn a_test_that_fails_halfway_removes_what_it_created() {
    let nodes = TestNodes::new(2, healthy);
    // The namespace and the account are created; one of the next requests is refused.
    nodes.api.with(|state| state.writes_left = Some(3));
    assert!(test(&nodes, &options(&never)).is_err());
    nodes.api.with(|state| state.writes_left = None);
    // Its removal was refused, too: the next test finds it when it has expired.
    let expired = "2020-01-01T00:00:00Z";
    nodes.api.with(|state| {
        state.objects.get_mut(NS).unwrap()["metadata"]["annotations"]["kubewright.io/expires-at"] = json!(expired);
    });
    let mut other = options(&never);
    other.suffix = "def".into();
    test(&nodes, &other).unwrap();
    assert_clean(&nodes);
}

#[test]
fn a_removal_whose_answer_is_lost_is_done() {
    let nodes = TestNodes::new(1, healthy);
    nodes.api.mishap("DELETE", Mishap::AnswerLost);
    assert!(test(&nodes, &options(&never)).unwrap().causes.is_empty());
    assert_clean(&nodes);
}

#[test]
fn only_expired_namespaces_of_tests_are_swept() {
    let nodes = TestNodes::new(1, healthy);
    let put = |name: &str, managed: &str, expires: serde_json::Value| {
        let object = json!({"kind": "Namespace", "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": managed},
            "annotations": {"kubewright.io/expires-at": expires}}});
        nodes.api.put(&format!("/api/v1/namespaces/{name}"), object);
    };
    put("kubewright-network-test-old", "kubewright", json!("2020-01-01T00:00:00Z"));
    put("kubewright-network-test-odd", "kubewright", json!("never"));
    put("kubewright-network-test-new", "kubewright", json!("2099-01-01T00:00:00Z"));
    put("kubewright-network-test-theirs", "helm", json!("2020-01-01T00:00:00Z"));
    put("kubewright-other", "kubewright", json!("2020-01-01T00:00:00Z"));
    let clock = Clock::fixed(1_800_000_000);
    let swept = sweep::sweep(&nodes.cluster(&clock), clock.now()).unwrap();
    assert_eq!(swept.removed, ["kubewright-network-test-odd", "kubewright-network-test-old"]);
    assert_eq!(swept.young, ["kubewright-network-test-new"]);
    let left = nodes.cluster(&clock).list_metadata(&NAMESPACE).unwrap();
    let names: Vec<&str> = left.iter().filter_map(|one| one["metadata"]["name"].as_str()).collect();
    assert!(names.contains(&"kubewright-network-test-theirs") && names.contains(&"kubewright-other"), "{names:?}");
}

#[test]
fn nodes_are_chosen_by_name() {
    let nodes = TestNodes::new(3, healthy);
    let mut some = options(&never);
    some.nodes = vec!["n3".into(), "n1".into()];
    assert_eq!(test(&nodes, &some).unwrap().nodes, ["n1", "n3"]);
    some.nodes = vec!["n9".into()];
    let error = test(&nodes, &some).err().unwrap();
    assert_eq!((error.to_string().as_str(), error.exit_code()), ("the cluster has no node n9", ExitCode::Input));
    some.nodes = (0..101).map(|number| format!("x{number}")).collect();
    assert!(test(&nodes, &some).is_err());
}
