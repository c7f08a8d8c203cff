use super::super::test_api::TestApi;
use super::*;
use crate::base::exit_code::ExitCode;
use crate::base::https::test_server::{TestCa, TestServer, dead_address};
use std::sync::atomic::{AtomicUsize, Ordering};

const LIMIT: Duration = Duration::from_secs(10);

fn component(name: &str, url: String) -> Component {
    Component { name: name.into(), url }
}

#[test]
fn failed_checks_are_named() {
    assert_eq!(trouble_in(200, "ok"), None);
    let text = "[+]ping ok\n[-]etcd failed: reason withheld\n[-]poststarthook/rbac/bootstrap-roles failed: not finished\nreadyz check failed";
    assert_eq!(
        trouble_in(500, text).unwrap(),
        "etcd failed: reason withheld, poststarthook/rbac/bootstrap-roles failed: not finished"
    );
    assert_eq!(trouble_in(503, r#"{"health":"false","reason":"RAFT NO LEADER"}"#).unwrap(), "RAFT NO LEADER");
    assert_eq!(trouble_in(200, r#"{"health":"true"}"#), None);
    assert!(trouble_in(200, r#"{"health":"false"}"#).is_some());
    assert_eq!(trouble_in(404, "nope\n").unwrap(), "it responds with status 404: nope");
}

#[test]
fn components_are_waited_for_and_the_unhealthy_one_is_named() {
    let ca = TestCa::new("self-made");
    let looks = AtomicUsize::new(0);
    let slow = TestServer::start(&ca.local_leaf(), None, move |_| {
        if looks.fetch_add(1, Ordering::SeqCst) < 2 {
            (500, "[-]leaderElection failed".into())
        } else {
            (200, "ok".into())
        }
    });
    let well = TestServer::start(&ca.local_leaf(), None, |_| (200, "ok".into()));
    let components = [component("kube-scheduler", slow.url()), component("kube-controller-manager", well.url())];
    let (gate, clock, events) = (Gate::open(), Clock::fixed(0), Events::silent());
    wait_for_components(&components, LIMIT, &gate, &clock, &events, || Ok(())).unwrap();
    assert!(clock.monotonic() >= Duration::from_millis(40), "two polls found it unhealthy");

    let dead = [component("etcd", format!("http://{}/health", dead_address())), components[1].clone()];
    let error = wait_for_components(&dead, LIMIT, &gate, &clock, &events, || Ok(())).unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Unhealthy);
    let text = error.to_string();
    assert!(text.contains("etcd: 127.0.0.1:") && text.contains("refused") && !text.contains("manager"), "{text}");
    // A dry run starts nothing.
    wait_for_components(&dead, LIMIT, &Gate::recording(), &clock, &events, || Ok(())).unwrap();
}

#[test]
fn a_node_is_waited_for_and_in_a_dry_run_assumed() {
    let events = Events::silent();
    let (api, gate) = (TestApi::default(), Gate::open());
    let cluster = api.cluster(&gate);
    let error = cluster.wait_for_node("n1", LIMIT, &events, || Ok(())).unwrap_err();
    assert!(error.to_string().contains("the kubelet has not registered it yet"), "{error}");
    let mut node = json!({"metadata": {"name": "n1"}, "status": {"conditions": [{"type": "Ready", "status": "False", "message": "no CNI"}]}});
    api.put("/api/v1/nodes/n1", node.clone());
    cluster.wait_for_node("n1", LIMIT, &events, || Ok(())).unwrap();
    let error = cluster.wait_for_ready_node("n1", LIMIT, &events).unwrap_err();
    assert!(error.to_string().ends_with("no CNI"), "{error}");
    node["status"]["conditions"][0]["status"] = json!("True");
    api.put("/api/v1/nodes/n1", node);
    cluster.wait_for_ready_node("n1", LIMIT, &events).unwrap();

    let dry = TestApi::default().cluster(&Gate::recording());
    dry.wait_for_node("n2", LIMIT, &events, || Ok(())).unwrap();
    assert!(dry.find(&ObjectRef::global(&NODE, "n2")).unwrap().is_some());
}

#[test]
fn the_wait_for_the_api_server_continues_after_refused_connections() {
    let events = Events::silent();
    let (api, gate) = (TestApi::default(), Gate::open());
    let cluster = api.cluster(&gate);
    api.with(|state| state.down = true);
    let error = cluster.wait_until_ready("/readyz", "a ready API server", LIMIT, &events).unwrap_err();
    assert!(error.to_string().contains("refused the connection"), "{error}");
    api.with(|state| {
        state.down = false;
        state.texts.insert("/readyz".into(), (200, "ok".into()));
    });
    cluster.wait_until_ready("/readyz", "a ready API server", LIMIT, &events).unwrap();
}
