use super::*;
use crate::base::events::{Events, Style};
use crate::base::https::test_server::{TestCa, dead_address};
use crate::state::join_fixture::{NOW, Objects, joining, put, put_kubelet_conf, put_pair};
use crate::state::kubelet_csr::tests::request;
use serde_json::json;
use std::fs::File;

/// A worker whose kubelet was not running waited five minutes for a certificate.
#[test]
fn a_stopped_kubelet_is_reported_before_the_wait_for_its_certificate() {
    let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
    let server = Objects::default().serve(&ca.local_leaf());
    let cx = joining(&root, None, &ca, &server, 36);
    put(&cx, "/var/lib/kubelet/config.yaml", format!("healthzPort: {}\n", dead_address().port()));
    let start = cx.host.clock.monotonic();
    let failure = wait_for_kubelet(&cx).unwrap_err();
    assert!(failure.to_string().starts_with("timed out after 240s waiting for a healthy kubelet"), "{failure}");
    assert!(cx.host.clock.monotonic().checked_sub(start).unwrap() >= cx.timeouts().kubelet_health_check);

    // A kubelet with its certificate is running, at any health address.
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
    assert!(failure.to_string().contains("its request csr-1 is waiting for approval"), "{failure}");
    assert_eq!(failure.exit_code(), crate::base::exit_code::ExitCode::Unhealthy);
}

/// For five minutes the output only reported that a file lacks a key, but not who has to act.
#[test]
fn a_pending_approval_is_reported_without_polling_the_cluster_all_the_time() {
    let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
    let objects = Objects::default();
    let server = objects.serve(&ca.local_leaf());
    let mut cx = joining(&root, None, &ca, &server, 36);
    let screen = root.path().join("screen");
    cx.events = Events::to_writer(Box::new(File::create(&screen).unwrap()), Style::Lines);
    put_kubelet_conf(&cx, &ca);
    let path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    objects.put(path, json!({"items": [request("csr-1", "cp1", &json!({}))]}));
    wait_for_certificate(&cx, Duration::from_mins(5)).unwrap_err();
    let said = std::fs::read_to_string(screen).unwrap();
    let approval = "its request csr-1 is waiting for approval ('kubectl certificate approve csr-1')";
    assert!(said.lines().next().unwrap().ends_with("its certificate or key is missing"), "{said}");
    assert!(said.lines().last().unwrap().contains(approval), "{said}");
    let asked = objects.log.lock().unwrap().iter().filter(|line| line.ends_with(path)).count();
    assert!((50..70).contains(&asked), "{asked} requests were sent to the cluster in 300 s");
}
