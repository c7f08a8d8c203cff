//! Attacks and failures on a real TLS socket.

use super::*;
use crate::base::env::{Clock, Random};
use crate::base::events::Events;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::https::test_server::{TestCa, TestLeaf, TestResponse, TestServer, dead_address};
use crate::base::pin::Pin;
use crate::kube::via::Via;
use base64::engine::{Engine, general_purpose::STANDARD};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

mod unproved;

const ID: &str = "abcdef";
const SECRET: &str = "0123456789abcdef";

fn kubeconfig(server: &str, ca_pem: &[u8]) -> String {
    let ca = STANDARD.encode(ca_pem);
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: ''\n  cluster:\n    server: {server}\n    certificate-authority-data: {ca}\n"
    )
}

fn config_map(kubeconfig: &str, signature: Option<String>) -> TestResponse {
    let mut data = json!({"kubeconfig": kubeconfig});
    if let Some(signature) = signature {
        data[format!("jws-kubeconfig-{ID}")] = json!(signature);
    }
    (200, json!({"kind": "ConfigMap", "data": data}).to_string())
}

/// The genuine response of a cluster with this CA.
fn honest(ca: &TestCa) -> TestResponse {
    let text = kubeconfig("https://10.0.0.1:6443", &ca.pem());
    let signature = jws::sign(&text, ID, SECRET);
    config_map(&text, Some(signature))
}

fn serve(leaf: &TestLeaf, answer: TestResponse) -> TestServer {
    TestServer::start(leaf, None, move |request| {
        assert_eq!(request.path, "/api/v1/namespaces/kube-public/configmaps/cluster-info");
        assert_eq!(request.header("authorization"), None, "no secret is sent before the server is verified");
        answer.clone()
    })
}

fn pin(ca: &TestCa) -> Pin {
    ca::of_certificate(&ca.der()).unwrap()
}

fn spec(endpoints: &[String], ca: &TestCa) -> ByToken {
    ByToken {
        endpoints: endpoints.to_vec(),
        token: format!("{ID}.{SECRET}").into(),
        pins: vec![pin(ca)],
        unsafe_skip_ca_verification: false,
        proxies: Proxies::none(),
    }
}

fn search(spec: &ByToken) -> Result<Found, DiscoveryError> {
    let (clock, random, events) = (Clock::fixed(0), Random::seeded(1), Events::silent());
    by_token(spec, &Search { limit: Duration::from_mins(1), clock: &clock, random: &random, events: &events })
}

fn find(server: &TestServer, ca: &TestCa) -> Result<Found, DiscoveryError> {
    search(&spec(&[server.address.to_string()], ca))
}

/// The error, which must be one of trust, have a message, and have a hint.
fn attack(server: &TestServer, ca: &TestCa) -> DiscoveryError {
    let error = find(server, ca).unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Untrusted, "{error}");
    assert!(!error.retryable() && error.hint().is_some(), "{error}");
    error
}

#[test]
fn a_genuine_cluster_is_found() {
    let ca = TestCa::new("kubernetes");
    let server = serve(&ca.local_leaf(), honest(&ca));
    let found = find(&server, &ca).unwrap();
    assert_eq!((found.server.as_str(), found.ca_pem), ("https://10.0.0.1:6443", ca.pem()));
    let other = TestCa::new("other");
    let several = ByToken { pins: vec![pin(&other), pin(&ca)], ..spec(&[server.address.to_string()], &ca) };
    assert!(search(&several).is_ok());
}

#[test]
fn another_ca_is_refused_and_both_pins_are_shown() {
    let (ours, theirs) = (TestCa::new("kubernetes"), TestCa::new("kubernetes"));
    let server = serve(&theirs.local_leaf(), honest(&theirs));
    let text = attack(&server, &ours).to_string();
    for ca in [&ours, &theirs] {
        assert!(text.contains(&pin(ca).to_string()), "{text}");
    }
}

#[test]
fn the_right_ca_with_a_wrong_signature_is_refused() {
    let ca = TestCa::new("kubernetes");
    let text = kubeconfig("https://10.0.0.1:6443", &ca.pem());
    for signature in [jws::sign(&text, ID, "fedcba9876543210"), jws::sign("other", ID, SECRET), "x..y".into()] {
        let server = serve(&ca.local_leaf(), config_map(&text, Some(signature)));
        assert!(matches!(attack(&server, &ca), DiscoveryError::BadSignature { .. }));
    }
}

#[test]
fn a_signature_made_with_another_token_is_refused() {
    let ca = TestCa::new("kubernetes");
    let text = kubeconfig("https://10.0.0.1:6443", &ca.pem());
    let server = serve(&ca.local_leaf(), config_map(&text, Some(jws::sign(&text, "zzzzzz", SECRET))));
    assert!(matches!(attack(&server, &ca), DiscoveryError::BadSignature { .. }));
}

#[test]
fn replayed_information_with_another_server_address_is_refused() {
    let ca = TestCa::new("kubernetes");
    let signature = jws::sign(&kubeconfig("https://10.0.0.1:6443", &ca.pem()), ID, SECRET);
    let forged = kubeconfig("https://6.6.6.6:6443", &ca.pem());
    let server = serve(&ca.local_leaf(), config_map(&forged, Some(signature)));
    assert!(matches!(attack(&server, &ca), DiscoveryError::BadSignature { .. }));
}

#[test]
fn information_that_changes_on_the_verified_connection_is_refused() {
    let ca = TestCa::new("kubernetes");
    let answers = [honest(&ca), {
        let text = kubeconfig("https://10.0.0.2:6443", &ca.pem());
        config_map(&text, Some(jws::sign(&text, ID, SECRET)))
    }];
    let asked = AtomicUsize::new(0);
    let server = TestServer::start(&ca.local_leaf(), None, move |_| {
        answers[asked.fetch_add(1, Ordering::SeqCst).min(1)].clone()
    });
    assert!(matches!(attack(&server, &ca), DiscoveryError::Changed { .. }));
}

#[test]
fn an_expired_token_is_reported_without_waiting() {
    let ca = TestCa::new("kubernetes");
    let text = kubeconfig("https://10.0.0.1:6443", &ca.pem());
    let server = serve(&ca.local_leaf(), config_map(&text, None));
    let clock = Clock::fixed(0);
    let (random, events) = (Random::seeded(1), Events::silent());
    let error = by_token(
        &spec(&[server.address.to_string()], &ca),
        &Search { limit: Duration::from_mins(5), clock: &clock, random: &random, events: &events },
    )
    .unwrap_err();
    assert!(matches!(error, DiscoveryError::NoSignature { .. }), "{error}");
    assert!(clock.monotonic() < Duration::from_secs(6), "{:?}", clock.monotonic());
}

/// On a slow machine the first signature comes half a minute after the API server's first response.
#[test]
fn the_signer_of_a_new_cluster_may_be_late() {
    let ca = TestCa::new("kubernetes");
    let text = kubeconfig("https://10.0.0.1:6443", &ca.pem());
    let map = |data: &serde_json::Value| {
        let metadata = json!({"creationTimestamp": "2027-01-15T08:00:00Z"});
        (200, json!({"kind": "ConfigMap", "metadata": metadata, "data": data}).to_string())
    };
    let unsigned = json!({"kubeconfig": text});
    let (unsigned, signed) = (map(&unsigned), map(&with_signature(unsigned, ID, &jws::sign(&text, ID, SECRET))));
    let clock = Clock::fixed(1_800_000_000 + 60);
    let (start, made) = (clock.clone(), clock.monotonic());
    let server = TestServer::start(&ca.local_leaf(), None, move |_| {
        if start.monotonic().saturating_sub(made) < Duration::from_secs(30) { unsigned.clone() } else { signed.clone() }
    });
    let (random, events) = (Random::seeded(1), Events::silent());
    let search = Search { limit: Duration::from_mins(5), clock: &clock, random: &random, events: &events };
    assert!(by_token(&spec(&[server.address.to_string()], &ca), &search).is_ok());

    // If another token is signed, the signer works: a mistyped token is reported soon.
    let other = map(&with_signature(json!({"kubeconfig": text}), "zzzzzz", "x"));
    let server = serve(&ca.local_leaf(), other);
    let before = clock.monotonic();
    assert!(matches!(
        by_token(&spec(&[server.address.to_string()], &ca), &search),
        Err(DiscoveryError::NoSignature { .. })
    ));
    assert!(clock.monotonic().saturating_sub(before) < Duration::from_secs(6));
}

fn with_signature(mut data: serde_json::Value, id: &str, signature: &str) -> serde_json::Value {
    data[format!("jws-kubeconfig-{id}")] = json!(signature);
    data
}

#[test]
fn a_token_that_was_just_created_is_found() {
    let ca = TestCa::new("kubernetes");
    let (unsigned, signed) = (config_map(&kubeconfig("https://10.0.0.1:6443", &ca.pem()), None), honest(&ca));
    let asked = AtomicUsize::new(0);
    let server = TestServer::start(&ca.local_leaf(), None, move |_| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 { unsigned.clone() } else { signed.clone() }
    });
    assert!(find(&server, &ca).is_ok());
}

#[test]
fn a_server_with_a_valid_chain_to_another_ca_is_refused() {
    let (ours, theirs) = (TestCa::new("kubernetes"), TestCa::new("another company"));
    let server = serve(&theirs.local_leaf(), honest(&ours));
    assert!(matches!(attack(&server, &ours), DiscoveryError::OtherServer { .. }));
}

#[test]
fn another_ca_next_to_the_pinned_one_is_not_trusted() {
    let (ours, theirs) = (TestCa::new("kubernetes"), TestCa::new("stowaway"));
    // The attacker knows the token and the real CA's certificate, which are both easy to get.
    let text = kubeconfig("https://10.0.0.1:6443", &[ours.pem(), theirs.pem()].concat());
    let answer = config_map(&text, Some(jws::sign(&text, ID, SECRET)));
    let server = serve(&theirs.local_leaf(), answer.clone());
    assert!(matches!(attack(&server, &ours), DiscoveryError::OtherServer { .. }));
    // The real server may return both, as it does while its CA is being rotated.
    assert!(find(&serve(&ours.local_leaf(), answer), &ours).is_ok());
}

#[test]
fn plaintext_and_old_tls_are_refused() {
    use std::io::{Read, Write};
    let ca = TestCa::new("kubernetes");
    let plain = TestServer::start_raw(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        let _ = stream.read(&mut [0; 1024]);
    });
    // A TLS alert: only protocol versions before TLS 1.2.
    let old = TestServer::start_raw(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&[21, 3, 1, 0, 2, 2, 70]);
        let _ = stream.read(&mut [0; 1024]);
    });
    for server in [plain, old] {
        assert!(matches!(attack(&server, &ca), DiscoveryError::Transport(_)));
    }
}

#[test]
fn a_wrong_clock_is_reported() {
    let ca = TestCa::new("kubernetes");
    for days in [(1, 2), (-2, -1)] {
        let server = serve(&ca.leaf(&["127.0.0.1"], days), honest(&ca));
        let error = attack(&server, &ca);
        assert!(matches!(error, DiscoveryError::ClockSkew { .. }));
        assert!(error.hint().unwrap().contains("timedatectl"));
    }
}

#[test]
fn without_pins_the_verification_must_be_skipped_explicitly() {
    let ca = TestCa::new("kubernetes");
    let server = serve(&ca.local_leaf(), honest(&ca));
    let bare = ByToken { pins: Vec::new(), ..spec(&[server.address.to_string()], &ca) };
    assert!(matches!(search(&bare), Err(DiscoveryError::NoPins)));
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
    let waived = ByToken { unsafe_skip_ca_verification: true, ..bare };
    assert!(search(&waived).is_ok());
    // The token is still verified.
    let wrong = ByToken { token: String::from("abcdef.aaaaaaaaaaaaaaaa").into(), ..waived };
    assert!(matches!(search(&wrong), Err(DiscoveryError::BadSignature { .. })));
}

#[test]
fn permanent_refusals_have_their_own_messages_and_are_not_retried() {
    let ca = TestCa::new("kubernetes");
    let plain = kubeconfig("http://10.0.0.1:6443", &ca.pem());
    let plain = config_map(&plain, Some(jws::sign(&plain, ID, SECRET)));
    for (answer, words) in [
        ((401, String::new()), "anonymous access to the cluster information (status 401)"),
        ((403, String::new()), "anonymous access to the cluster information (status 403)"),
        ((404, String::new()), "has no cluster information"),
        ((200, r#"{"data":{}}"#.to_owned()), "it has no kubeconfig"),
        (plain, "not an https:// address"),
        (config_map(&kubeconfig("https://10.0.0.1:6443", b"x"), None), "not a certificate"),
    ] {
        let server = serve(&ca.local_leaf(), answer);
        let error = find(&server, &ca).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!((error.exit_code(), error.hint().is_some()), (ExitCode::Unreachable, true));
        assert_eq!(server.connections.load(Ordering::SeqCst), 1, "{words}");
    }
    let refused = search(&spec(&[dead_address().to_string()], &ca)).unwrap_err();
    assert_eq!(refused.exit_code(), ExitCode::Unreachable);
    assert!(refused.to_string().contains("refused the connection"), "{refused}");
}

#[test]
fn temporary_failures_are_retried_until_success_or_timeout() {
    let ca = TestCa::new("kubernetes");
    let (good, asked) = (honest(&ca), AtomicUsize::new(0));
    let slow = TestServer::start(&ca.local_leaf(), None, move |_| {
        if asked.fetch_add(1, Ordering::SeqCst) < 3 { (503, "starting".into()) } else { good.clone() }
    });
    assert!(find(&slow, &ca).is_ok());
    let never = serve(&ca.local_leaf(), (429, "busy".into()));
    let error = find(&never, &ca).unwrap_err();
    assert!(matches!(error, DiscoveryError::TimedOut { .. }) && error.to_string().contains("busy"), "{error}");
    let attempts = never.connections.load(Ordering::SeqCst);
    assert!((10..40).contains(&attempts), "{attempts} attempts in a minute");
}

#[test]
fn a_working_endpoint_is_found_among_unreachable_ones() {
    let ca = TestCa::new("kubernetes");
    let server = serve(&ca.local_leaf(), honest(&ca));
    let live = server.address.to_string();
    // Two that refuse, one that accepts and never responds, one whose packets are dropped (TEST-NET-1).
    let silent = TestServer::start_raw(|stream| {
        std::thread::park();
        drop(stream);
    });
    let dead =
        [dead_address().to_string(), silent.address.to_string(), "192.0.2.1:6443".into(), dead_address().to_string()];
    let endpoints = [dead.as_slice(), std::slice::from_ref(&live)].concat();
    assert_eq!(search(&spec(&endpoints, &ca)).unwrap().endpoint, live);
}

#[test]
fn of_several_failures_the_one_of_trust_is_reported() {
    let (ours, theirs) = (TestCa::new("kubernetes"), TestCa::new("kubernetes"));
    let server = serve(&theirs.local_leaf(), honest(&theirs));
    let endpoints = [dead_address().to_string(), server.address.to_string(), dead_address().to_string()];
    assert!(matches!(search(&spec(&endpoints, &ours)), Err(DiscoveryError::PinMismatch { .. })));
}

#[test]
fn two_hundred_hosts_at_once_all_find_it_without_a_retry() {
    let ca = TestCa::new("kubernetes");
    let server = serve(&ca.local_leaf(), honest(&ca));
    let spec = spec(&[server.address.to_string()], &ca);
    std::thread::scope(|scope| {
        let hosts: Vec<_> = (0..200).map(|_| scope.spawn(|| search(&spec))).collect();
        for host in hosts {
            host.join().unwrap().unwrap();
        }
    });
    assert_eq!(server.connections.load(Ordering::SeqCst), 400);
}

#[test]
fn a_discovery_file_is_verified_with_its_own_ca() {
    let (ours, theirs) = (TestCa::new("kubernetes"), TestCa::new("kubernetes"));
    let (clock, random, events) = (Clock::fixed(0), Random::seeded(1), Events::silent());
    let search = Search { limit: Duration::from_mins(1), clock: &clock, random: &random, events: &events };
    let access = |server: &TestServer, ca: &TestCa| Access {
        server: server.url(),
        trust: Trust::Only(ca.pem()),
        credentials: Credentials::Anonymous,
        proxies: Proxies::none(),
        via: Via::default(),
    };
    let open = serve(&ours.local_leaf(), honest(&ours));
    assert_eq!(by_access(&access(&open, &ours), &search).unwrap().unwrap().ca_pem, ours.pem());
    assert!(matches!(by_access(&access(&open, &theirs), &search), Err(DiscoveryError::OtherServer { .. })));
    let closed = serve(&ours.local_leaf(), (403, String::new()));
    assert_eq!(by_access(&access(&closed, &ours), &search).unwrap(), None);
    // Its information is unusable, and not needed.
    for odd in ["{}", r#"{"data": {"kubeconfig": "clusters: []"}}"#] {
        let odd = serve(&ours.local_leaf(), (200, odd.into()));
        assert_eq!(by_access(&access(&odd, &ours), &search).unwrap(), None);
    }
    let strict = serve(&ours.local_leaf(), (401, String::new()));
    let named = Access { credentials: Credentials::Token(String::from("x").into()), ..access(&strict, &ours) };
    assert!(by_access(&named, &search).is_err(), "credentials that are not accepted are an error");
    for bad in ["http://127.0.0.1/x", "ftp://x", "https://"] {
        let error = download(bad, &Proxies::none(), &search).unwrap_err();
        assert!(matches!(error, DiscoveryError::Malformed { .. } | DiscoveryError::Transport(_)), "{bad}");
    }
}

#[test]
fn a_discovery_file_is_downloaded_from_a_trusted_server_only() {
    let (ours, theirs) = (TestCa::new("web"), TestCa::new("web"));
    let server = TestServer::start(&ours.local_leaf(), None, |request| match request.path.as_str() {
        "/there" => (200, "kind: Config\n".into()),
        "/moved" => (302, format!("https://{}/there", request.header("host").unwrap())),
        "/plain" => (302, "http://127.0.0.1:1/there".into()),
        _ => (404, "no such page".into()),
    });
    let fetch = |path: &str, ca: &TestCa| {
        let options = Options { redirects: 10, ..Options::new(Trust::Only(ca.pem())) };
        endpoint::download(&format!("{}{path}", server.url()), &options)
    };
    for path in ["/there", "/moved"] {
        assert_eq!(fetch(path, &ours).unwrap(), b"kind: Config\n");
    }
    assert!(fetch("/plain", &ours).is_err(), "never over plain http");
    assert!(fetch("/gone", &ours).unwrap_err().to_string().contains("no such page"));
    assert_eq!(fetch("/there", &theirs).unwrap_err().exit_code(), ExitCode::Untrusted);
}
