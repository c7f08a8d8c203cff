//! A reset of a host with an API server and an etcd that respond as the test defines, or not at all.

use super::reset_progress;
use crate::base::https::test_server::{TestCa, TestServer, dead_address};
use crate::context::leaving::fixture;
use crate::context::{Reset, Run};
use crate::etcd::Departure;
use crate::ops::etcd_member::{EtcdMembership, determine_membership, etcd_membership, leave};
use crate::state::api_health::api;
use crate::state::leave_error::LeaveError;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

struct TestHost {
    root: tempfile::TempDir,
    ca: TestCa,
    cx: Run<Reset>,
}

impl TestHost {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let cx = fixture(root.path());
        Self { root, ca: TestCa::new("ca"), cx }
    }

    fn put(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The kubeconfig of the host uses this address.
    fn with_api(mut self, server: &str) -> Self {
        let path = "/etc/kubernetes/admin.conf";
        self.put("etc/kubernetes/api-ca.crt", self.ca.pem());
        self.put(
            path,
            format!(
                "{{apiVersion: v1, kind: Config, current-context: a, contexts: [{{name: a, context: {{cluster: a, user: a}}}}], \
                 clusters: [{{name: a, cluster: {{server: '{server}', certificate-authority: api-ca.crt}}}}], \
                 users: [{{name: a, user: {{token: t}}}}]}}"
            ),
        );
        self.cx.work.kubeconfig = Some(path.into());
        self
    }

    /// The host has an etcd member with data, which listens at this address.
    fn with_etcd(self, endpoint: &str) -> Self {
        let leaf = self.ca.local_leaf();
        self.put("etc/kubernetes/pki/etcd/ca.crt", self.ca.pem());
        self.put("etc/kubernetes/pki/etcd/healthcheck-client.crt", leaf.certificate);
        self.put("etc/kubernetes/pki/etcd/healthcheck-client.key", leaf.key);
        self.put(
            "etc/kubernetes/manifests/etcd.yaml",
            format!(
                "spec: {{containers: [{{command: [etcd, '--initial-advertise-peer-urls=https://a:2380', \
                 '--advertise-client-urls={endpoint}']}}]}}"
            ),
        );
        self.put("var/lib/etcd/member/snap/db", "");
        self
    }
}

fn member(id: u64, name: &str, peer: &str, client: &str) -> Value {
    json!({"ID": id.to_string(), "name": name, "peerURLs": [peer], "clientURLs": [client]})
}

/// An etcd that lists these members and responds as the member with this id.
fn etcd(ca: &TestCa, own: u64, members: impl Fn() -> Vec<Value> + Send + Sync + 'static) -> TestServer {
    TestServer::start(&ca.local_leaf(), None, move |request| match request.path.as_str() {
        "/v3/cluster/member/list" => (200, json!({"members": members()}).to_string()),
        "/v3/cluster/member/remove" => (200, "{}".into()),
        "/v3/maintenance/status" => {
            (200, json!({"header": {"member_id": own.to_string()}, "leader": "1", "version": "3.5.0"}).to_string())
        }
        // As a proxy that does not support gRPC.
        other if other.starts_with("/etcdserverpb.") => (404, "{}".into()),
        other => panic!("{other}"),
    })
}

fn dead() -> String {
    format!("https://{}", dead_address())
}

#[test]
fn an_unreachable_cluster_is_reported_by_every_step_that_needs_it() {
    let mut test = TestHost::new().with_api(&dead()).with_etcd(&dead());
    // The check of etcd works without the cluster, and does not remember that it failed.
    assert!(matches!(determine_membership(&mut test.cx).unwrap(), EtcdMembership::Unknown(_)));
    for _ in 0..2 {
        let failure = api(&mut test.cx).err().unwrap();
        assert!(matches!(failure.downcast_ref(), Some(LeaveError::Silent { here: true, .. })), "{failure}");
    }
    let mut test = TestHost::new().with_api(&dead());
    test.cx.work.force = true;
    assert!(api(&mut test.cx).unwrap().is_none() && api(&mut test.cx).unwrap().is_none());
    assert_eq!(test.cx.work.notes.len(), 1);
}

#[test]
fn a_cluster_that_an_earlier_run_informed_need_not_respond() {
    let mut test = TestHost::new().with_api(&dead());
    reset_progress::add(&test.cx, |progress| progress.endpoints = vec!["https://b:2379".into()]).unwrap();
    assert!(api(&mut test.cx).is_err(), "recorded etcd members do not mean that the cluster was informed");
    let mut test = TestHost::new().with_api(&dead());
    reset_progress::add(&test.cx, |progress| progress.cluster_informed = true).unwrap();
    assert!(api(&mut test.cx).unwrap().is_none());
}

#[test]
fn the_end_of_a_cluster_is_continued_after_a_kill_that_left_etcd_stopped() {
    let last = |was_last: bool, end_cluster: bool| {
        let mut test = TestHost::new().with_api(&dead()).with_etcd(&dead());
        reset_progress::add(&test.cx, |progress| (progress.cluster_informed, progress.was_last) = (was_last, was_last))
            .unwrap();
        test.cx.work.end_cluster = end_cluster;
        determine_membership(&mut test.cx).unwrap()
    };
    assert_eq!(last(true, true), EtcdMembership::Last);
    assert!(matches!(last(true, false), EtcdMembership::Unknown(_)), "the end of the cluster was not requested");
    assert!(
        matches!(last(false, true), EtcdMembership::Unknown(_)),
        "the earlier run did not see that it was the last"
    );
}

/// An 'init' that was killed early left no etcd, and a reset with --end-cluster was refused.
#[test]
fn the_end_of_a_cluster_without_data_does_not_need_the_api_server() {
    let mut test = TestHost::new().with_api(&dead());
    test.cx.work.end_cluster = true;
    assert!(api(&mut test.cx).unwrap().is_none());
    assert_eq!(test.cx.work.notes.len(), 1);
    let mut test = TestHost::new().with_api(&dead()).with_etcd(&dead());
    test.cx.work.end_cluster = true;
    assert!(api(&mut test.cx).is_err());
}

#[test]
fn a_reachable_cluster_is_used_even_if_an_earlier_run_informed_it() {
    let test = TestHost::new();
    let server = TestServer::start(&test.ca.local_leaf(), None, |_| (200, "ok".into()));
    let mut test = test.with_api(&server.url());
    reset_progress::add(&test.cx, |progress| progress.cluster_informed = true).unwrap();
    assert!(api(&mut test.cx).unwrap().is_some());
}

#[test]
fn force_does_not_ignore_a_loss_of_quorum_that_etcd_reports_while_the_api_server_fails() {
    let test = TestHost::new();
    let server = TestServer::start(&test.ca.local_leaf(), None, |request| {
        if request.path == "/readyz" { (200, "ok".into()) } else { (500, "{}".into()) }
    });
    let gone = dead();
    let etcd = etcd(&test.ca, 1, move || {
        vec![member(1, "n1", "https://a:2380", "https://a:2379"), member(2, "n2", "https://b:2380", &gone)]
    });
    let mut test = test.with_api(&server.url()).with_etcd(&etcd.url());
    test.cx.work.force = true;
    let failure = determine_membership(&mut test.cx).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(LeaveError::Quorum(_))), "{failure}");
    test.cx.work.accept_quorum_loss = true;
    assert!(matches!(determine_membership(&mut test.cx).unwrap(), EtcdMembership::Unknown(_)));
}

#[test]
fn a_member_with_changed_addresses_is_identified_by_its_own_id() {
    let test = TestHost::new();
    let etcd = etcd(&test.ca, 7, || vec![member(7, "n1", "https://moved:2380", "https://a:2379")]);
    let mut test = test.with_etcd(&etcd.url());
    assert_eq!(determine_membership(&mut test.cx).unwrap(), EtcdMembership::Last);
}

/// It was treated as the member of this host, and would have been removed instead.
#[test]
fn a_member_that_responds_at_a_shared_address_is_not_this_hosts() {
    let test = TestHost::new();
    let url = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let known = url.clone();
    let third = etcd(&test.ca, 3, Vec::new);
    let (own_address, address) = (third.url(), third.url());
    let etcd = etcd(&test.ca, 2, move || {
        let shared = known.get().unwrap();
        vec![
            member(1, "n1", "https://a:2380", shared),
            member(2, "n2", "https://b:2380", shared),
            member(3, "n3", "https://c:2380", &own_address),
        ]
    });
    url.set(etcd.url()).unwrap();
    let mut test = test.with_etcd(&etcd.url());
    let client = super::etcd_member::client(&mut test.cx, None).unwrap();
    let local = crate::state::local_etcd::local(&test.cx).unwrap().unwrap();
    assert_eq!(super::etcd_member::own_id(&client, &local), None);
    assert_eq!(
        determine_membership(&mut test.cx).unwrap(),
        EtcdMembership::Member { others: vec![etcd.url(), address] }
    );
}

/// 'node remove' on another host had removed the member, and 'reset' without --force did not continue.
#[test]
fn a_control_plane_whose_member_was_removed_elsewhere_does_not_need_its_own_api_server() {
    let test = TestHost::new();
    let etcd = etcd(&test.ca, 2, || vec![member(2, "n2", "https://b:2380", "https://b:2379")]);
    let mut test = test.with_api(&dead()).with_etcd(&dead());
    reset_progress::add(&test.cx, |progress| progress.endpoints = vec![etcd.url()]).unwrap();
    assert_eq!(determine_membership(&mut test.cx).unwrap(), EtcdMembership::None);
    assert!(api(&mut test.cx).unwrap().is_none());
    assert!(test.cx.work.notes[0].contains("kubectl delete node n1"));
    assert_eq!(etcd_membership(&mut test.cx).unwrap(), EtcdMembership::None);
}

#[test]
fn a_member_of_this_name_with_another_address_is_neither_removed_nor_ignored() {
    let test = TestHost::new();
    let etcd = etcd(&test.ca, 7, || {
        vec![
            member(7, "n2", "https://b:2380", "https://b:2379"),
            member(8, "n1", "https://moved:2380", "https://c:2379"),
        ]
    });
    // The other member responds; the one on this host is not running.
    let mut test = test.with_etcd(&dead());
    reset_progress::add(&test.cx, |progress| progress.endpoints = vec![etcd.url()]).unwrap();
    let EtcdMembership::Unknown(why) = determine_membership(&mut test.cx).unwrap() else { panic!("it was determined") };
    assert!(why.contains("https://moved:2380"), "{why}");
}

#[test]
fn a_member_that_has_become_the_last_one_is_not_removed() {
    static ALONE: AtomicBool = AtomicBool::new(false);
    let test = TestHost::new();
    let url = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let known = url.clone();
    let second = etcd(&test.ca, 2, Vec::new);
    let other = second.url();
    let etcd = etcd(&test.ca, 1, move || {
        let url = known.get().unwrap();
        let mut members = vec![member(1, "n1", "https://a:2380", url), member(2, "n2", "https://b:2380", &other)];
        members.truncate(if ALONE.load(Ordering::SeqCst) { 1 } else { 2 });
        members
    });
    url.set(etcd.url()).unwrap();
    let mut test = test.with_etcd(&etcd.url());
    assert!(matches!(etcd_membership(&mut test.cx).unwrap(), EtcdMembership::Member { .. }));
    ALONE.store(true, Ordering::SeqCst);
    let failure = leave(&mut test.cx).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(LeaveError::LastMember { .. })), "{failure}");
    test.cx.work.end_cluster = true;
    assert_eq!(leave(&mut test.cx).unwrap(), Departure::IsLast);
}
