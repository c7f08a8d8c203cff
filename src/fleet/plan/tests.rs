mod proxy;
mod renewal;

use super::*;
use crate::base::exit_code::ExitCode;
use crate::context::upgrading::Parts;
use crate::fleet::survey::Trouble;
use crate::fleet::test_hosts::file;
use crate::state::host_facts::{ClusterFacts, HostFacts, NodeFacts, NodeObject, RunFacts};

const STORED: &str = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.30.1\n\
                      controlPlaneEndpoint: lb:6443\nnetworking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/12, dnsDomain: cluster.local}\n";
const HOSTS: &str = "hosts:\n- {ssh: cp, role: control-plane}\n- {ssh: w1}\n- {ssh: w2}\n";

fn host(name: &str) -> HostFacts {
    HostFacts {
        hostname: name.into(),
        machine_id: format!("id-{name}"),
        kubelet: Some("v1.30.1".into()),
        ..HostFacts::default()
    }
}

fn node(name: &str, control_plane: bool) -> NodeFacts {
    NodeFacts {
        name: Some(name.into()),
        control_plane,
        etcd: control_plane,
        pins: vec!["ca".into()],
        ..NodeFacts::default()
    }
}

fn object(name: &str, control_plane: bool) -> NodeObject {
    NodeObject {
        name: name.into(),
        machine_id: format!("id-{name}"),
        control_plane,
        ready: true,
        ..NodeObject::default()
    }
}

fn well(facts: HostFacts) -> Seen {
    Seen { facts: Ok(facts), ahead: 0 }
}

fn dead() -> Seen {
    let trouble = Trouble { why: "timed out".into(), help: None, code: ExitCode::Unreachable, unreachable: true };
    Seen { facts: Err(trouble), ahead: 0 }
}

/// A cluster of cp, w1 and w2, all as the file wants them.
fn running() -> Vec<Seen> {
    let nodes = vec![object("cp", true), object("w1", false), object("w2", false)];
    let cluster = ClusterFacts { configuration: Some(STORED.into()), nodes, ..ClusterFacts::default() };
    let mut seen = vec![well(HostFacts { node: Some(node("cp", true)), cluster: Some(cluster), ..host("cp") })];
    seen.extend(["w1", "w2"].map(|name| well(HostFacts { node: Some(node(name, false)), ..host(name) })));
    seen
}

fn facts(seen: &mut [Seen], at: usize) -> &mut HostFacts {
    seen[at].facts.as_mut().unwrap()
}

fn shown(plan: &Plan) -> Vec<String> {
    plan.hosts.iter().map(|host| format!("{} {}", host.host, host.shown())).collect()
}

#[test]
fn new_hosts_become_a_cluster() {
    let seen: Vec<Seen> = ["cp", "w1", "w2"].map(|name| well(host(name))).into();
    let plan = plan(&file(HOSTS), &seen);
    assert_eq!(shown(&plan), ["cp init", "w1 join", "w2 join"]);
    assert!(plan.findings.is_empty() && plan.require_sound().is_ok());
}

/// A cluster that was made by hand is taken over by writing its hosts into a file.
#[test]
fn a_cluster_that_is_as_the_file_says_is_not_touched() {
    let plan = plan(&file(HOSTS), &running());
    assert_eq!(shown(&plan), ["cp unchanged", "w1 unchanged", "w2 unchanged"]);
    assert!(!plan.changes() && plan.left.is_empty() && plan.findings.is_empty(), "{plan:?}");
}

#[test]
fn a_host_that_does_not_respond_does_not_hold_the_others() {
    let mut seen = running();
    seen[1] = dead();
    facts(&mut seen, 2).node = None;
    facts(&mut seen, 0).cluster.as_mut().unwrap().nodes.retain(|node| node.name != "w2");
    let plan = plan(&file(HOSTS), &seen);
    assert_eq!(shown(&plan), ["cp unchanged", "w1 unreachable: timed out", "w2 join"]);
    assert!(plan.left.is_empty(), "w1 has not left the file: {:?}", plan.left);
}

#[test]
fn an_unknown_control_plane_stops_the_making_of_a_second_cluster() {
    let two = "hosts:\n- {ssh: cp, role: control-plane}\n- {ssh: cp2, role: control-plane}\n- {ssh: cp3, role: control-plane}\n";
    let plan = plan(&file(two), &[dead(), well(host("cp2")), well(host("cp3"))]);
    assert!(plan.hosts.iter().all(|host| host.action != Action::Init), "{plan:?}");
    assert_eq!(plan.require_sound().unwrap_err().exit_code(), ExitCode::Refused);
}

#[test]
fn a_cluster_whose_api_is_down_is_not_made_again() {
    let mut seen = running();
    facts(&mut seen, 0).cluster = None;
    let plan = plan(&file(HOSTS), &seen);
    assert!(plan.require_sound().unwrap_err().to_string().contains("no control plane of it responds"), "{plan:?}");
}

#[test]
fn what_an_interrupted_run_has_begun_is_continued() {
    let run = |command: &str, code| {
        Some(RunFacts { id: "r".into(), command: command.into(), running: false, exit_code: code })
    };
    let mut seen: Vec<Seen> = ["cp", "w1", "w2"].map(|name| well(host(name))).into();
    *facts(&mut seen, 0) = HostFacts { node: Some(node("cp", true)), run: run("init", None), ..host("cp") };
    assert_eq!(shown(&plan(&file(HOSTS), &seen))[0], "cp continue 'init'");
    // It was called a cluster that does not respond, after an apply that was killed while 'init' waited for its API server.
    facts(&mut seen, 0).run.as_mut().unwrap().running = true;
    let found = plan(&file(HOSTS), &seen);
    assert_eq!(shown(&found), ["cp wait for run r, init", "w1 join", "w2 join"]);
    assert!(found.require_sound().is_ok());
    let mut seen = running();
    facts(&mut seen, 1).run = run("join", Some(7));
    facts(&mut seen, 2).run = run("join", Some(0));
    assert_eq!(shown(&plan(&file(HOSTS), &seen)), ["cp unchanged", "w1 continue 'join'", "w2 unchanged"]);
    let mut seen = running();
    facts(&mut seen, 1).run = Some(RunFacts { running: true, ..run("join", None).unwrap() });
    assert_eq!(shown(&plan(&file(HOSTS), &seen))[1], "w1 wait for run r, unchanged");
}

#[test]
fn what_cannot_be_done_says_why() {
    let mut seen = running();
    facts(&mut seen, 1).node = None;
    facts(&mut seen, 1).machine_id = "new".into();
    facts(&mut seen, 2).node.as_mut().unwrap().pins = vec!["other".into()];
    let found = shown(&plan(&file(HOSTS), &seen));
    assert_eq!(found[1], "w1 impossible: the cluster has a node w1, but this host is another machine");
    assert_eq!(found[2], "w2 impossible: it is in another cluster");
    let other = "hosts:\n- {ssh: cp, role: control-plane}\n- {ssh: w1, role: control-plane}\n- {ssh: w2, name: x}\n";
    let found = shown(&plan(&file(other), &running()));
    assert_eq!(found[1], "w1 impossible: it is a worker, and roles cannot change in place");
    assert_eq!(found[2], "x impossible: it is node w2, and nodes cannot be renamed");
}

#[test]
fn labels_change_in_place_and_a_node_that_left_the_file_is_listed() {
    let less = "hosts:\n- {ssh: cp, role: control-plane, taints: []}\n- {ssh: w1, labels: {disk: fast}}\n";
    let plan = plan(&file(less), &running()[..2]);
    assert_eq!(shown(&plan), ["cp unchanged", "w1 label disk=fast"]);
    assert!(plan.changes());
    assert_eq!(plan.left.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["w2"]);
}

#[test]
fn fields_of_the_cluster_are_of_three_classes_and_defaults_are_none_of_them() {
    let with = |body: &str| {
        let text = format!("{HOSTS}---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n{body}");
        let plan = plan(&file(&text), &running());
        let changes: Vec<(String, Class)> = plan.cluster.iter().map(|it| (it.field.clone(), it.class)).collect();
        (changes, plan.require_sound().is_ok())
    };
    assert_eq!(with("controlPlaneEndpoint: lb:6443\nnetworking: {podSubnet: 10.244.0.0/16}\n"), (vec![], true));
    assert_eq!(with("apiServer: {}\netcd: {}\nnetworking: {}\n"), (vec![], true));
    let (changes, sound) = with("apiServer: {extraArgs: {v: '2'}}\nnetworking: {dnsDomain: a.b}\n");
    let fields: Vec<&str> = changes.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!((fields, sound), (vec!["apiServer.extraArgs.v", "networking.dnsDomain"], false));
    let field = |name: &str, class| (name.to_owned(), class);
    let version = |class| vec![field("kubernetesVersion", class)];
    assert_eq!(with("kubernetesVersion: v1.31.0\n"), (version(Class::Procedure), true));
    assert_eq!(with("kubernetesVersion: v1.32.0\n"), (version(Class::Command), false), "a minor version is skipped");
    assert_eq!(with("kubernetesVersion: v1.30.0\n"), (version(Class::Impossible), false), "an older one");
    assert_eq!(
        with("apiServer: {certSANs: [a.example]}\n"),
        (vec![field("apiServer.certSANs", Class::Procedure)], true)
    );
    let in_place = vec![field("scheduler.extraArgs.v", Class::InPlace)];
    assert_eq!(with("scheduler: {extraArgs: {v: '4'}}\n"), (in_place, true));
    assert_eq!(
        with("networking: {podSubnet: 10.9.0.0/16}\n"),
        (vec![("networking.podSubnet".into(), Class::Impossible)], false)
    );
}

#[test]
fn a_plan_holds_until_the_facts_change() {
    let before = plan(&file(HOSTS), &running());
    let saved: Plan = serde_json::from_str(&serde_json::to_string(&before).unwrap()).unwrap();
    saved.require_same(&plan(&file(HOSTS), &running())).unwrap();
    assert_eq!(saved.hash(), before.hash());
    let mut late = running();
    late[2].ahead = 5_000;
    saved.require_same(&plan(&file(HOSTS), &late)).unwrap();
    let mut seen = running();
    seen[2] = dead();
    let error = saved.require_same(&plan(&file(HOSTS), &seen)).unwrap_err();
    assert!(error.to_string().ends_with("w2: unchanged, now unreachable: timed out"), "{error}");
}

/// The file with these documents behind its hosts.
fn with_documents(documents: &str) -> crate::config::cluster::ClusterFile {
    file(&format!("{HOSTS}---\n{documents}"))
}

const KUBELET: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

#[test]
fn a_field_of_the_kubelets_changes_every_host_and_an_argument_only_control_planes() {
    let mut seen = running();
    let stored = serde_json::json!({ "maxPods": 110, "evictionHard": { "a": "1" }, "authentication": { "anonymous": { "enabled": false } } });
    facts(&mut seen, 0).cluster.as_mut().unwrap().kubelet = stored.as_object().cloned();
    let of = |documents: &str| plan(&with_documents(documents), &seen);
    let same = of(&format!("{KUBELET}maxPods: 110\nauthentication: {{anonymous: {{}}}}\n"));
    assert!(!same.changes() && same.cluster.is_empty(), "{same:?}");
    let changed = of(&format!("{KUBELET}maxPods: 80\nevictionHard: {{b: '2'}}\n"));
    let one = "change the kubelet";
    assert_eq!(shown(&changed), [format!("cp {one}"), format!("w1 {one}"), format!("w2 {one}")]);
    let fields: Vec<&str> = changed.cluster.iter().map(|change| change.field.as_str()).collect();
    let prefix = "KubeletConfiguration.";
    let wanted = ["evictionHard.a", "evictionHard.b", "maxPods"].map(|field| format!("{prefix}{field}"));
    assert_eq!(fields, wanted, "what a whole map does not list goes");
    assert!(changed.require_sound().is_ok());
    let changed =
        of("apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nscheduler: {extraArgs: {v: '4'}}\n");
    assert_eq!(shown(&changed), ["cp change static Pods", "w1 unchanged", "w2 unchanged"]);
    let domain = of(&format!("{KUBELET}clusterDomain: other.local\n"));
    assert!(domain.require_sound().unwrap_err().to_string().contains("clusterDomain cannot change"), "{domain:?}");
}

/// The mark in the cluster, or the record on the host, shows what an apply that was killed has left to do.
#[test]
fn a_change_that_was_interrupted_is_continued_without_a_difference_in_the_file() {
    let mut seen = running();
    facts(&mut seen, 0).cluster.as_mut().unwrap().nodes[1].pending = Parts { components: true, kubelet: true };
    assert_eq!(shown(&plan(&file(HOSTS), &seen)), ["cp unchanged", "w1 change the kubelet", "w2 unchanged"]);
    let mut seen = running();
    facts(&mut seen, 0).node.as_mut().unwrap().change = Some(Parts { components: true, kubelet: false });
    assert_eq!(shown(&plan(&file(HOSTS), &seen))[0], "cp continue to change static Pods");
    // Its API server may be what does not start.
    facts(&mut seen, 0).cluster = None;
    let found = plan(&file(HOSTS), &seen);
    assert_eq!(
        shown(&found)[..2],
        ["cp continue to change static Pods", "w1 impossible: its cluster does not respond"]
    );
    assert!(found.require_sound().is_ok() && found.documents.is_none());
    let mut seen = running();
    facts(&mut seen, 0).node.as_mut().unwrap().upgrading = true;
    let changed = with_documents(
        "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nscheduler: {extraArgs: {v: '4'}}\n",
    );
    assert_eq!(shown(&plan(&changed, &seen))[0], "cp impossible: an upgrade of it was interrupted");
}

#[test]
fn a_san_is_added_where_the_certificate_lacks_it_and_one_that_left_the_file_stays() {
    let changed = with_documents(
        "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\napiServer: {certSANs: [a.example, 10.0.0.9]}\n",
    );
    let mut seen = running();
    facts(&mut seen, 0).node.as_mut().unwrap().sans = vec!["cp".into(), "10.0.0.9".into()];
    assert_eq!(shown(&plan(&changed, &seen))[0], "cp add SAN a.example");
    let stored = format!("{STORED}apiServer: {{certSANs: [a.example, 10.0.0.9, old.example]}}\n");
    facts(&mut seen, 0).cluster.as_mut().unwrap().configuration = Some(stored);
    facts(&mut seen, 0).node.as_mut().unwrap().sans = vec!["a.example".into(), "10.0.0.9".into()];
    let found = plan(&changed, &seen);
    assert!(!found.changes() && found.cluster.is_empty(), "{found:?}");
}

/// A file for two control planes and a worker that run v1.30.1, with this version in it.
fn upgraded(version: &str, edit: impl Fn(&mut Vec<Seen>)) -> Plan {
    let hosts = "hosts:\n- {ssh: w1}\n- {ssh: c1, role: control-plane}\n- {ssh: c2, role: control-plane}\n";
    let text = format!(
        "{hosts}---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\ncontrolPlaneEndpoint: lb:6443\n{version}"
    );
    let object = |name, control_plane| NodeObject { version: "v1.30.1".into(), ..object(name, control_plane) };
    let nodes = vec![object("w1", false), object("c1", true), object("c2", true)];
    let mut cluster = Some(ClusterFacts { configuration: Some(STORED.into()), nodes, ..ClusterFacts::default() });
    let mut seen: Vec<Seen> = vec![well(HostFacts { node: Some(node("w1", false)), ..host("w1") })];
    for name in ["c1", "c2"] {
        let node = NodeFacts { version: Some("v1.30.1".into()), ..node(name, true) };
        seen.push(well(HostFacts { node: Some(node), cluster: cluster.take(), ..host(name) }));
    }
    edit(&mut seen);
    plan(&file(&text), &seen)
}

const TO: &str = "kubernetesVersion: v1.30.4\n";

#[test]
fn a_newer_version_upgrades_all_hosts_and_one_control_plane_upgrades_the_cluster() {
    let found = upgraded(TO, |_| ());
    assert_eq!(
        shown(&found),
        [
            "w1 upgrade the kubelet to v1.30.4",
            "c1 upgrade to v1.30.4, then its kubelet",
            "c2 upgrade to v1.30.4, then its kubelet"
        ]
    );
    let first: Vec<bool> = found.hosts.iter().filter_map(|host| Some(host.upgrade.as_ref()?.cluster)).collect();
    assert_eq!(first, [false, true, false]);
    assert!(found.require_sound().is_ok() && found.changes());
    let same = upgraded("kubernetesVersion: v1.30.1\n", |_| ());
    assert!(!same.changes(), "{same:?}");
    let unnamed = upgraded("", |seen| facts(seen, 2).node.as_mut().unwrap().version = Some("v1.30.0".into()));
    assert!(!unnamed.changes(), "the file names no version: {unnamed:?}");
}

/// What is left to do shows in the versions of the hosts: the cluster stores the new one after its first control plane.
#[test]
fn an_upgrade_that_was_killed_goes_on_where_versions_are_old() {
    let stored = STORED.replace("v1.30.1", "v1.30.4");
    let found = upgraded(TO, |seen| {
        facts(seen, 1).cluster.as_mut().unwrap().configuration = Some(stored.clone());
        facts(seen, 1).cluster.as_mut().unwrap().nodes[1].version = "v1.30.4".into();
        facts(seen, 1).node.as_mut().unwrap().version = Some("v1.30.4".into());
    });
    assert_eq!(
        shown(&found),
        ["w1 upgrade the kubelet to v1.30.4", "c1 unchanged", "c2 upgrade to v1.30.4, then its kubelet"]
    );
    assert!(found.hosts.iter().all(|host| host.upgrade.as_ref().is_none_or(|upgrade| !upgrade.cluster)));
    let run = |command: &str| RunFacts { id: "r".into(), command: command.into(), running: false, exit_code: None };
    let begun = |seen: &mut Vec<Seen>, at: usize, command: &str| {
        let facts = facts(seen, at);
        facts.run = Some(run(command));
        facts.node.as_mut().unwrap().upgrading = true;
    };
    // It has stored the version, and not upgraded the addons.
    let found = upgraded(TO, |seen| {
        facts(seen, 1).cluster.as_mut().unwrap().configuration = Some(stored.clone());
        facts(seen, 1).node.as_mut().unwrap().version = Some("v1.30.4".into());
        begun(seen, 1, "upgrade apply");
    });
    assert_eq!(shown(&found)[1], "c1 continue to upgrade to v1.30.4, then its kubelet");
    assert!(found.hosts[1].upgrade.as_ref().unwrap().cluster);
    // Its API server may be what does not start.
    let found = upgraded(TO, |seen| {
        facts(seen, 1).cluster = None;
        begun(seen, 1, "upgrade apply");
    });
    assert_eq!(shown(&found)[1], "c1 continue to upgrade to v1.30.4, then its kubelet");
    assert!(found.require_sound().is_ok(), "{found:?}");
    // Only the kubelet is left of this one.
    let found = upgraded(TO, |seen| {
        facts(seen, 1).cluster.as_mut().unwrap().configuration = Some(stored.clone());
        facts(seen, 2).node.as_mut().unwrap().version = Some("v1.30.4".into());
        begun(seen, 2, "upgrade node");
    });
    assert_eq!(shown(&found)[2], "c2 continue to upgrade the kubelet to v1.30.4");
}

#[test]
fn another_change_has_to_wait_for_the_upgrade() {
    let found = upgraded(&format!("{TO}scheduler: {{extraArgs: {{v: '4'}}}}\n"), |_| ());
    let error = found.require_sound().unwrap_err().to_string();
    assert!(error.contains("scheduler.extraArgs.v changes, and the cluster is upgraded"), "{error}");
}
