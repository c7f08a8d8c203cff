use super::*;
use crate::base::https::test_server::dead_address;
use crate::state::test_cluster::{TestCluster, node};
use serde_json::{Value, json};

/// n1 and n2 are members that respond through the test's etcd, n3 is on a host of its own.
fn cluster(own: u64, n3: impl Fn() -> Value + Send + Sync + 'static) -> TestCluster {
    let (path, mut object) = node("n3", false);
    object["status"]["addresses"] = json!([{"type": "InternalIP", "address": "10.0.0.3"}]);
    TestCluster::start([node("n1", true), node("n2", true), (path, object)]).with_etcd(own, move |url| {
        let second = format!("{url}/2");
        vec![member(1, "n1", "https://10.0.0.1:2380", url), member(2, "n2", "https://10.0.0.2:2380", &second), n3()]
    })
}

fn member(id: u64, name: &str, peer: &str, client: &str) -> Value {
    json!({"ID": id.to_string(), "name": name, "peerURLs": [peer], "clientURLs": [client]})
}

fn unnamed() -> Value {
    json!({"ID": "3", "peerURLs": ["https://10.0.0.3:2380"], "isLearner": true})
}

fn run(action: &dyn Phase<Leaving<Elsewhere>>, cx: &mut Run<Leaving<Elsewhere>>) -> Result<()> {
    action.run(cx, &Target { path: "x".into(), item: None })
}

#[test]
fn the_member_of_a_host_that_failed_during_its_join_is_removed_by_node_name_or_member_id() {
    for name in ["n3", "3"] {
        let cluster = cluster(1, unnamed);
        let mut cx = cluster.removing(name, true);
        run(&RemoveCheck, &mut cx).unwrap();
        run(&RemoveMember, &mut cx).unwrap();
        assert_eq!(cluster.removed_members(), ["3"], "{name}");
    }
}

#[test]
fn a_host_whose_etcd_responds_is_not_dead() {
    let dead = format!("https://{}", dead_address());
    let cluster = cluster(1, move || member(3, "n3", "https://10.0.0.3:2380", &dead));
    run(&RemoveCheck, &mut cluster.removing("n3", true)).unwrap();
    // The member that responds in the test is now the second one, whose kubelet does not report.
    let (path, object) = node("n2", false);
    let cluster = TestCluster::start([node("n1", true), (path, object)]).with_etcd(2, |url| {
        ["n1", "n2", "n3"]
            .iter()
            .zip(1..)
            .map(|(name, id)| member(id, name, &format!("https://{name}:2380"), &format!("{url}/{id}")))
            .collect()
    });
    let failure = run(&RemoveCheck, &mut cluster.removing("n2", true)).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(LeaveError::MemberAlive(_))), "{failure}");
}

#[test]
fn after_a_loss_of_quorum_the_hint_does_not_repeat_the_same_command() {
    let dead = format!("https://{}", dead_address());
    let cluster = TestCluster::start([node("n1", true), node("n2", false)]).with_etcd(1, move |url| {
        vec![member(1, "n1", "https://10.0.0.1:2380", url), member(2, "n2", "https://10.0.0.2:2380", &dead)]
    });
    let failure = run(&RemoveCheck, &mut cluster.removing("n2", true)).unwrap_err();
    let hint = failure.hint().unwrap();
    assert!(failure.to_string().contains("quorum"), "{failure}");
    assert!(hint.contains("snapshot") && !hint.contains("--dead") && !hint.contains("--accept"), "{hint}");
}

const N2: &str = "/api/v1/nodes/n2";
const LEASE_OF_N2: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n2";

/// n2 is Ready, and reported twelve seconds ago.
fn reporting() -> TestCluster {
    reported(12)
}

fn reported(ago: u64) -> TestCluster {
    let dead = format!("https://{}", dead_address());
    let made = u64::try_from(fixture_time()).unwrap();
    let lease = lease(made - ago);
    TestCluster::start([node("n1", true), node("n2", true), (LEASE_OF_N2.into(), lease)]).with_etcd(1, move |url| {
        let third = format!("{url}/3");
        vec![
            member(1, "n1", "https://10.0.0.1:2380", url),
            member(2, "n2", "https://10.0.0.2:2380", &dead),
            member(3, "n3", "https://10.0.0.3:2380", &third),
        ]
    })
}

fn fixture_time() -> i64 {
    TestCluster::start([]).leaving().host.clock.now()
}

fn lease(at: u64) -> Value {
    json!({"spec": {"renewTime": crate::pki::moment::text(i64::try_from(at).unwrap())}})
}

#[test]
fn for_a_host_that_has_just_lost_its_power_the_remaining_time_is_reported() {
    let failure = run(&RemoveCheck, &mut reporting().removing("n2", true)).unwrap_err();
    assert!(failure.to_string().contains("its kubelet last renewed its lease 12 s ago"), "{failure}");
    let hint = failure.hint().unwrap();
    assert!(hint.contains("within 43 s") && hint.contains("--wait"), "{hint}");
}

#[test]
fn with_wait_the_command_waits_until_the_cluster_notices() {
    let (_, away) = node("n2", false);
    let cluster = reporting().replaced_after(N2, 5, away);
    let mut cx = cluster.removing("n2", true);
    cx.work.wait = true;
    run(&RemoveCheck, &mut cx).unwrap();
}

/// After a recovery of etcd the last report is old, and the controller manager, which was restarted, counts from then on:
/// the wait ended too early.
#[test]
fn a_controller_manager_that_has_just_started_gets_its_whole_grace_period() {
    let (_, away) = node("n2", false);
    let cluster = reported(72).replaced_after(N2, 60, away);
    let mut cx = cluster.removing("n2", true);
    cx.work.wait = true;
    run(&RemoveCheck, &mut cx).unwrap();
    let hint = run(&RemoveCheck, &mut reported(72).removing("n2", true)).unwrap_err().hint().unwrap();
    assert!(hint.contains("within 55 s"), "{hint}");
}

#[test]
fn a_host_that_reports_again_ends_the_wait() {
    let again = lease(u64::try_from(fixture_time()).unwrap());
    for cluster in [reporting().replaced_after(LEASE_OF_N2, 3, again), reporting()] {
        let mut cx = cluster.removing("n2", true);
        cx.work.wait = true;
        let failure = run(&RemoveCheck, &mut cx).unwrap_err();
        assert!(matches!(failure.downcast_ref(), Some(LeaveError::Alive { .. })), "{failure}");
    }
}

#[test]
fn the_state_of_the_node_must_match_the_options() {
    let refused = |name: &str, dead: bool| {
        let failure = run(&RemoveCheck, &mut cluster(1, unnamed).removing(name, dead)).unwrap_err();
        failure.to_string()
    };
    assert!(refused("n1", true).contains("is this host"));
    assert!(refused("n2", true).contains("reports n2 as Ready"));
    assert!(refused("n3", false).contains("not Ready"));
    assert!(refused("n9", true).contains("no node and no etcd member"));
}
