//! A host that leaves, with an API server and an etcd that answer what the test says, or do not.

use super::reset_progress;
use crate::base::https::test_server::{TestCa, TestServer, dead_address};
use crate::context::Context;
use crate::context::leaving::fixture;
use crate::etcd::Departure;
use crate::ops::etcd_member::{Place, find_place, leave, place};
use crate::state::api_health::api;
use crate::state::leave_error::LeaveError;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

struct World {
    root: tempfile::TempDir,
    ca: TestCa,
    cx: Context,
}

impl World {
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

    /// The host enters the cluster at this address.
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
        self.cx.leaving_mut().unwrap().kubeconfig = Some(path.into());
        self
    }

    /// The host has a member of etcd with data, which listens at this address.
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

/// An etcd that lists these members; the one that answers is the one with this id.
fn etcd(ca: &TestCa, own: u64, members: impl Fn() -> Vec<Value> + Send + Sync + 'static) -> TestServer {
    TestServer::start(&ca.local_leaf(), None, move |request| match request.path.as_str() {
        "/v3/cluster/member/list" => (200, json!({"members": members()}).to_string()),
        "/v3/cluster/member/remove" => (200, "{}".into()),
        "/v3/maintenance/status" => {
            (200, json!({"header": {"member_id": own.to_string()}, "leader": "1", "version": "3.5.0"}).to_string())
        }
        other => panic!("{other}"),
    })
}

fn dead() -> String {
    format!("https://{}", dead_address())
}

#[test]
fn a_cluster_that_does_not_answer_is_told_each_time_somebody_has_to_tell_it_something() {
    let mut world = World::new().with_api(&dead()).with_etcd(&dead());
    // The check of etcd does without the cluster, and forgets nothing by that.
    assert!(matches!(find_place(&mut world.cx).unwrap(), Place::Unknown(_)));
    for _ in 0..2 {
        let failure = api(&mut world.cx).err().unwrap();
        assert!(matches!(failure.downcast_ref(), Some(LeaveError::Silent { here: true, .. })), "{failure}");
    }
    let mut world = World::new().with_api(&dead());
    world.cx.leaving_mut().unwrap().force = true;
    assert!(api(&mut world.cx).unwrap().is_none() && api(&mut world.cx).unwrap().is_none());
    assert_eq!(world.cx.leaving().unwrap().notes.len(), 1);
}

#[test]
fn a_cluster_that_was_told_by_an_earlier_run_need_not_answer() {
    let mut world = World::new().with_api(&dead());
    reset_progress::add(&world.cx, |note| note.endpoints = vec!["https://b:2379".into()]).unwrap();
    assert!(api(&mut world.cx).is_err(), "a note of etcd's members says nothing of the cluster");
    let mut world = World::new().with_api(&dead());
    reset_progress::add(&world.cx, |note| note.told = true).unwrap();
    assert!(api(&mut world.cx).unwrap().is_none());
}

#[test]
fn the_end_of_a_cluster_is_continued_after_a_kill_that_left_etcd_stopped() {
    let place = |was_last: bool, end_cluster: bool| {
        let mut world = World::new().with_api(&dead()).with_etcd(&dead());
        reset_progress::add(&world.cx, |note| (note.told, note.was_last) = (was_last, was_last)).unwrap();
        world.cx.leaving_mut().unwrap().end_cluster = end_cluster;
        find_place(&mut world.cx).unwrap()
    };
    assert_eq!(place(true, true), Place::Last);
    assert!(matches!(place(true, false), Place::Unknown(_)), "nobody asked for the end of the cluster");
    assert!(matches!(place(false, true), Place::Unknown(_)), "the earlier run did not see that it was the last");
}

/// An 'init' that was killed early left no etcd, and a reset that was to end the cluster was refused.
#[test]
fn the_end_of_a_cluster_that_has_no_data_yet_needs_no_api_server() {
    let mut world = World::new().with_api(&dead());
    world.cx.leaving_mut().unwrap().end_cluster = true;
    assert!(api(&mut world.cx).unwrap().is_none());
    assert_eq!(world.cx.leaving().unwrap().notes.len(), 1);
    let mut world = World::new().with_api(&dead()).with_etcd(&dead());
    world.cx.leaving_mut().unwrap().end_cluster = true;
    assert!(api(&mut world.cx).is_err());
}

#[test]
fn an_earlier_run_that_told_the_cluster_does_not_keep_this_one_from_it() {
    let world = World::new();
    let server = TestServer::start(&world.ca.local_leaf(), None, |_| (200, "ok".into()));
    let mut world = world.with_api(&server.url());
    reset_progress::add(&world.cx, |note| note.told = true).unwrap();
    assert!(api(&mut world.cx).unwrap().is_some());
}

#[test]
fn force_does_not_pass_over_a_majority_that_can_be_read_although_the_api_server_fails() {
    let world = World::new();
    let server = TestServer::start(&world.ca.local_leaf(), None, |request| {
        if request.path == "/readyz" { (200, "ok".into()) } else { (500, "{}".into()) }
    });
    let gone = dead();
    let etcd = etcd(&world.ca, 1, move || {
        vec![member(1, "n1", "https://a:2380", "https://a:2379"), member(2, "n2", "https://b:2380", &gone)]
    });
    let mut world = world.with_api(&server.url()).with_etcd(&etcd.url());
    world.cx.leaving_mut().unwrap().force = true;
    let failure = find_place(&mut world.cx).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(LeaveError::Quorum(_))), "{failure}");
    world.cx.leaving_mut().unwrap().accept_quorum_loss = true;
    assert!(matches!(find_place(&mut world.cx).unwrap(), Place::Unknown(_)));
}

#[test]
fn a_member_whose_addresses_were_changed_is_known_by_what_it_says_of_itself() {
    let world = World::new();
    let etcd = etcd(&world.ca, 7, || vec![member(7, "n1", "https://moved:2380", "https://a:2379")]);
    let mut world = world.with_etcd(&etcd.url());
    assert_eq!(find_place(&mut world.cx).unwrap(), Place::Last);
}

/// It was taken for this host's own, and would have been removed in its place.
#[test]
fn a_member_that_answers_at_an_address_which_all_share_is_not_taken_for_this_hosts() {
    let world = World::new();
    let url = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let known = url.clone();
    let third = etcd(&world.ca, 3, Vec::new);
    let (own_address, address) = (third.url(), third.url());
    let etcd = etcd(&world.ca, 2, move || {
        let shared = known.get().unwrap();
        vec![
            member(1, "n1", "https://a:2380", shared),
            member(2, "n2", "https://b:2380", shared),
            member(3, "n3", "https://c:2380", &own_address),
        ]
    });
    url.set(etcd.url()).unwrap();
    let mut world = world.with_etcd(&etcd.url());
    let client = super::etcd_member::client(&mut world.cx, None).unwrap();
    let local = crate::state::local_etcd::local(&world.cx).unwrap().unwrap();
    assert_eq!(super::etcd_member::own_id(&client, &local), None);
    assert_eq!(find_place(&mut world.cx).unwrap(), Place::Member { others: vec![etcd.url(), address] });
}

/// 'node remove' on another host had taken it out, and 'reset' without --force did not go on.
#[test]
fn a_control_plane_whose_member_was_taken_out_elsewhere_need_not_reach_its_own_api_server() {
    let world = World::new();
    let etcd = etcd(&world.ca, 2, || vec![member(2, "n2", "https://b:2380", "https://b:2379")]);
    let mut world = world.with_api(&dead()).with_etcd(&dead());
    reset_progress::add(&world.cx, |note| note.endpoints = vec![etcd.url()]).unwrap();
    assert_eq!(find_place(&mut world.cx).unwrap(), Place::None);
    assert!(api(&mut world.cx).unwrap().is_none());
    assert!(world.cx.leaving().unwrap().notes[0].contains("kubectl delete node n1"));
    assert_eq!(place(&mut world.cx).unwrap(), Place::None);
}

#[test]
fn a_member_of_this_name_elsewhere_is_neither_removed_nor_taken_for_nobody() {
    let world = World::new();
    let etcd = etcd(&world.ca, 7, || {
        vec![
            member(7, "n2", "https://b:2380", "https://b:2379"),
            member(8, "n1", "https://moved:2380", "https://c:2379"),
        ]
    });
    // The other member answers; the one on this host does not run.
    let mut world = world.with_etcd(&dead());
    reset_progress::add(&world.cx, |note| note.endpoints = vec![etcd.url()]).unwrap();
    let Place::Unknown(why) = find_place(&mut world.cx).unwrap() else { panic!("it was found out") };
    assert!(why.contains("https://moved:2380"), "{why}");
}

#[test]
fn a_member_that_has_become_the_last_one_meanwhile_stays() {
    static ALONE: AtomicBool = AtomicBool::new(false);
    let world = World::new();
    let url = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let known = url.clone();
    let second = etcd(&world.ca, 2, Vec::new);
    let other = second.url();
    let etcd = etcd(&world.ca, 1, move || {
        let url = known.get().unwrap();
        let mut members = vec![member(1, "n1", "https://a:2380", url), member(2, "n2", "https://b:2380", &other)];
        members.truncate(if ALONE.load(Ordering::SeqCst) { 1 } else { 2 });
        members
    });
    url.set(etcd.url()).unwrap();
    let mut world = world.with_etcd(&etcd.url());
    assert!(matches!(place(&mut world.cx).unwrap(), Place::Member { .. }));
    ALONE.store(true, Ordering::SeqCst);
    let failure = leave(&mut world.cx).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(LeaveError::LastMember { .. })), "{failure}");
    world.cx.leaving_mut().unwrap().end_cluster = true;
    assert_eq!(leave(&mut world.cx).unwrap(), Departure::IsLast);
}
