//! Tests of `init` on a host where it would damage another cluster: nothing is written, whatever is skipped or ignored.

use super::*;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Failure;
use crate::base::https::test_server::{TestCa, TestServer, dead_address};
use crate::config::model::{Etcd, ExternalEtcd, HostPort, InitConfig};
use crate::config::print;
use crate::context::{Context, InitOptions};
use crate::host::command::fake::FakeHost;
use crate::phases;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::versions::table;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// An etcd with `count` keys, each with this CA in it.
fn etcd(tls: &TestCa, count: u64, ca: &TestCa) -> TestServer {
    let value = STANDARD.encode(ca.pem());
    TestServer::start(&tls.local_leaf(), None, move |_| {
        let kvs = if count == 0 { json!([]) } else { json!([{ "value": value }]) };
        (200, json!({"kvs": kvs, "count": count.to_string()}).to_string())
    })
}

/// `init` on a new host with this configuration: preflight is skipped and every check is ignored.
fn init(fake: &FakeHost, only: Option<&str>, change: impl FnOnce(&mut InitConfig)) -> (Context, Option<Failure>) {
    let mut cx = Context::for_tests(&fake.root().to_string_lossy());
    cx.host = fake.live();
    cx.host.files = cx.host.files.clone();
    cx.host.gate = cx.host.gate.clone();
    let mut config = print::default_init(table::facts(36).unwrap(), "n1");
    config.node.ignore_preflight_errors = vec!["all".into()];
    change(&mut config);
    let choice = Choice { only: only.map(str::to_owned), skip: vec!["preflight".into()] };
    let options = InitOptions { is_single_phase: only.is_some(), ..InitOptions::default() };
    let mut run = Run::init(cx, config, options);
    let plan = Plan::new(&phases::init_workflow().unwrap(), &choice, &mut run).unwrap();
    let failure = plan.run(&mut run).err();
    (run.cx, failure)
}

#[track_caller]
fn assert_refused((cx, failure): (Context, Option<Failure>), why: &str) {
    let failure = failure.expect("it is refused");
    assert_eq!((failure.places(), failure.exit_code()), (["guard".to_owned()].as_slice(), ExitCode::Preflight));
    let text = failure.to_string();
    assert!(text.contains(why) && text.contains("cannot be skipped or ignored"), "{text}");
    assert_eq!(cx.host.gate.count(), 0, "{:?}", cx.host.gate.entries());
}

fn external(config: &mut InitConfig, url: &str) {
    config.cluster.etcd = Etcd::External(ExternalEtcd {
        endpoints: vec![url.to_owned()],
        http_endpoints: Vec::new(),
        ca_file: "/etcd/ca.crt".into(),
        cert_file: String::new(),
        key_file: String::new(),
    });
}

fn host_with_etcd_ca(ca: &TestCa) -> FakeHost {
    FakeHost::new().file("/etcd/ca.crt", &String::from_utf8(ca.pem()).unwrap())
}

/// 'init' overwrote the objects of the other cluster.
#[test]
fn the_data_of_another_cluster_in_an_external_etcd_stop_init_without_preflight() {
    let [tls, theirs] = ["etcd", "theirs"].map(TestCa::new);
    let server = etcd(&tls, 7, &theirs);
    for only in [None, Some("control-plane/apiserver"), Some("kubelet-start")] {
        let fake = host_with_etcd_ca(&tls);
        assert_refused(init(&fake, only, |config| external(config, &server.url())), "holds 7 keys below /registry");
    }
}

#[test]
fn an_external_etcd_that_cannot_be_asked_stops_init() {
    let tls = TestCa::new("etcd");
    let fake = host_with_etcd_ca(&tls);
    let url = format!("https://{}", dead_address());
    assert_refused(init(&fake, None, |config| external(config, &url)), "it cannot be seen whether the external etcd");
    assert_refused(init(&FakeHost::new(), None, |config| external(config, &url)), "/etcd/ca.crt does not exist");
}

#[test]
fn an_empty_etcd_and_phases_that_start_nothing_pass() {
    let [tls, theirs] = ["etcd", "theirs"].map(TestCa::new);
    let [empty, full] = [0, 7].map(|count| etcd(&tls, count, &theirs));
    for (server, only) in [(&empty, "control-plane/scheduler"), (&full, "certs/ca")] {
        let fake = host_with_etcd_ca(&tls);
        let (cx, failure) = init(&fake, Some(only), |config| external(config, &server.url()));
        assert!(failure.is_none() && cx.host.gate.count() > 0, "{only}: {failure:?}");
    }
}

/// The whole control plane was created before the join command failed.
#[test]
fn an_endpoint_that_leads_to_another_cluster_stops_init_without_preflight() {
    let theirs = TestCa::new("kubernetes");
    let version = r#"{"major": "1", "gitVersion": "v1.36.2"}"#;
    let server = TestServer::start(&theirs.local_leaf(), None, move |_| (200, version.into()));
    let shared = HostPort { host: "127.0.0.1".into(), port: Some(server.address.port()) };
    let refused = init(&FakeHost::new(), None, |config| config.cluster.control_plane_endpoint = Some(shared));
    assert_refused(refused, "another cluster answers at 127.0.0.1:");
}

#[test]
fn data_of_etcd_on_this_host_without_its_ca_stop_init_without_preflight() {
    let fake = FakeHost::new().file("/var/lib/etcd/member/snap/db", "x");
    assert_refused(init(&fake, None, |_| ()), "lacks what that rests on: /etc/kubernetes/pki/ca.crt");
}
