use super::super::fixture::{NOW, Objects, joining, put, put_kubelet_conf, put_pair};
use super::*;
use crate::base::https::test_server::{TestCa, dead_address};
use crate::pki::issue;
use crate::pki::sans::Sans;
use crate::pki::{Generator, KeySource};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

fn request(name: &str, node: &str, status: &Value) -> Value {
    let key = Generator.take(crate::config::model::KeyAlgorithm::EcdsaP256).unwrap();
    let subject = Subject::new(format!("system:node:{node}"), &["system:nodes"]);
    let pem = issue::request(&subject, &Sans::default(), &key).unwrap();
    json!({
        "metadata": {"name": name, "creationTimestamp": format!("2026-01-01T00:00:0{}Z", name.len())},
        "spec": {"username": "system:bootstrap:abcdef", "request": STANDARD.encode(pem)},
        "status": status
    })
}

#[test]
fn the_request_of_another_node_is_not_taken_for_ours() {
    let denied = json!({"conditions": [{"type": "Denied", "message": "no"}]});
    let requests =
        [request("later", "n1", &denied), request("last-of-all", "n2", &json!({})), request("x", "n1", &json!({}))];
    assert!(fate(&requests, "n1").text.contains("later was denied"), "{:?}", fate(&requests, "n1"));
    assert_eq!(fate(&requests, "n3").text, "it has not asked for one");
}

#[test]
fn every_state_of_a_request_is_told() {
    let told = |status: &Value| fate(&[request("csr-1", "n1", status)], "n1").text;
    assert!(told(&json!({})).contains("waits for approval"));
    let approved = json!([{"type": "Approved"}]);
    assert!(told(&json!({"conditions": approved})).contains("has not signed it"));
    assert!(told(&json!({"conditions": approved, "certificate": "x"})).contains("not fetched"));
    assert!(told(&json!({"conditions": [{"type": "Denied", "message": "no"}]})).ends_with("was denied: no"));
    let others = json!({"metadata": {"name": "x"}, "spec": {"username": "system:node:n1"}});
    assert_eq!(fate(&[others], "n1").text, "it has not asked for one");
}

/// Who joined with a discovery file asks with the credentials in it, and was told not to have asked.
#[test]
fn a_request_made_with_the_credentials_of_a_discovery_file_is_ours_too() {
    let mut request = request("csr-1", "n1", &json!({}));
    request["spec"]["username"] = json!("kubernetes-admin");
    assert!(fate(&[request], "n1").text.contains("waits for approval"));
}

#[test]
fn this_host_is_asked_for_the_cause_where_the_request_does_not_tell_it() {
    let says_why = |status: &Value| fate(&[request("csr-1", "n1", status)], "n1").says_why;
    assert!(!fate(&[], "n1").says_why);
    let approved = json!([{"type": "Approved"}]);
    assert!(!says_why(&json!({"conditions": approved, "certificate": "x"})));
    assert!(says_why(&json!({"conditions": approved})) && says_why(&json!({})));
    let failed = json!({"conditions": [{"type": "Approved"}, {"type": "Failed", "message": "bad usages"}]});
    assert!(says_why(&failed));
}

/// A worker whose kubelet did not run was left waiting for a certificate for five minutes.
#[test]
fn a_kubelet_that_does_not_run_is_told_before_its_certificate_is_waited_for() {
    let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
    let server = Objects::default().serve(&ca.local_leaf());
    let cx = joining(&root, None, &ca, &server, 36);
    put(&cx, "/var/lib/kubelet/config.yaml", format!("healthzPort: {}\n", dead_address().port()));
    let start = cx.clock.monotonic();
    let failure = wait_for_kubelet(&cx).unwrap_err();
    assert!(failure.to_string().starts_with("a healthy kubelet did not happen within 240s"), "{failure}");
    assert!(cx.clock.monotonic().checked_sub(start).unwrap() >= cx.timeouts().kubelet_health_check);

    // One that has its certificate runs, wherever it tells how it is.
    put_kubelet_conf(&cx, &ca);
    put_pair(&cx, &ca.client("system:node:cp1", NOW + 900));
    wait_for_kubelet(&cx).unwrap();
    wait_for_certificate(&cx, Duration::ZERO).unwrap();
}

#[test]
fn a_kubelet_without_a_certificate_is_waited_for_and_its_request_explains_why() {
    let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
    let objects = Objects::default();
    let server = objects.serve(&ca.local_leaf());
    let cx = joining(&root, None, &ca, &server, 36);
    put_kubelet_conf(&cx, &ca);
    let list = json!({"items": [request("csr-1", "cp1", &json!({}))]});
    objects.put("/apis/certificates.k8s.io/v1/certificatesigningrequests", list);
    let failure = wait_for_certificate(&cx, Duration::from_mins(5)).unwrap_err();
    assert!(failure.to_string().contains("its request csr-1 waits for approval"), "{failure}");
    assert_eq!(failure.exit_code(), crate::base::exit_code::ExitCode::Unhealthy);
}
