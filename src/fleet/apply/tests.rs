mod renewal;

use super::*;
use crate::base::env::Clock;
use crate::fleet::plan::plan;
use crate::fleet::survey;
use crate::fleet::survey::survey;
use crate::fleet::test_hosts::{TestHosts, file};
use crate::fleet::watch::Unwatched;

const DONE: [&str; 2] =
    [r#"{"seq":1,"event":"runStarted"}"#, r#"{"seq":2,"event":"runDone","exitCode":0,"changes":3}"#];
const FAILED: [&str; 3] =
    [DONE[0], r#"{"seq":2,"event":"error","error":"disk full"}"#, r#"{"seq":3,"event":"runDone","exitCode":5}"#];
const TOKEN: &str = r#"{"tokens": ["abcdef.0123456789abcdef"], "certificateKey": "00ff", "joinCommand": "kubewright join lb:6443 --discovery-token-ca-cert-hash sha256:aa"}"#;

fn facts(name: &str) -> String {
    format!(r#"{{"hostname": "{name}", "machineId": "id-{name}", "kubelet": "v1.30.1", "clock": 0}}"#)
}

/// Plans and applies; the hosts answer as the test expects.
fn applied(body: &str, hosts: &TestHosts, limit: &[&str]) -> Vec<HostResult> {
    let file = file(body);
    for host in &file.hosts {
        hosts.on(&host.target.host, "host facts", &[&facts(&host.target.host)]);
    }
    applied_to(&file, hosts, limit)
}

fn applied_to(file: &ClusterFile, hosts: &TestHosts, limit: &[&str]) -> Vec<HostResult> {
    let clock = Clock::fixed(0);
    let links: Vec<Link<'_>> = file.hosts.iter().map(|host| Link::new(host, hosts)).collect();
    let seen = survey(&links, 8, &clock, &Unwatched);
    let plan = plan(file, &seen);
    plan.require_sound().unwrap();
    let limit: Vec<String> = limit.iter().map(|name| (*name).to_owned()).collect();
    let chosen = chosen(file, &plan, &limit).unwrap();
    apply(&Applying {
        file,
        links: &links,
        plan: &plan,
        chosen: &chosen,
        id: "r",
        clock: &clock,
        watch: &Unwatched,
        stop: &|| None,
        fix: false,
    })
}

fn states(results: &[HostResult]) -> Vec<String> {
    results.iter().map(|result| format!("{} {}", result.host, result.state.word())).collect()
}

#[test]
fn the_first_control_plane_comes_first_and_secrets_go_by_standard_input() {
    let hosts = TestHosts::default();
    for host in ["c1", "c2", "c3", "w1", "w2"] {
        hosts.on(host, "host run --id r", &DONE);
    }
    hosts.on("c1", "token create", &[TOKEN]).always();
    hosts.on("c1", "token delete", &[]);
    hosts.on("c1", "host labels", &[r#"{"changes": 1}"#]);
    let results = applied(
        "hosts:\n- {ssh: w1, labels: {a: b}}\n- {ssh: c1, role: control-plane}\n- {ssh: c2, role: control-plane}\n- {ssh: c3, role: control-plane}\n- {ssh: w2}\n",
        &hosts,
        &[],
    );
    assert!(results.iter().all(|result| result.state == State::Changed), "{results:?}");
    hosts.all_used();
    let asked = hosts.asked.lock().unwrap();
    let place =
        |host: &str| asked.iter().position(|(words, _)| words.starts_with(&format!("{host}: host run"))).unwrap();
    for later in ["c2", "c3", "w1", "w2"] {
        assert!(place("c1") < place(later), "{later} came before the cluster was made");
    }
    assert!(place("c2") < place("c3"));
    assert!(asked.iter().all(|(words, _)| !words.contains("0123456789abcdef") && !words.contains("00ff")), "{asked:?}");
    assert!(asked[place("c2")].1.contains("00ff") && !asked[place("w1")].1.contains("00ff"));
    assert!(asked.last().unwrap().1.contains(r#""labels":{"a":"b"}"#), "{asked:?}");
}

/// Two applies at the same moment replaced the certificates of one another, and both failed.
#[test]
fn a_control_plane_whose_certificate_key_was_replaced_joins_again_with_a_new_one() {
    let hosts = TestHosts::default();
    hosts.on("c1", "host run", &DONE);
    hosts.on("c1", "token create", &[TOKEN]);
    hosts.on(
        "c2",
        "host run --id r",
        &[
            DONE[0],
            r#"{"seq":2,"event":"error","error":"cannot decrypt ca.crt"}"#,
            r#"{"seq":3,"event":"runDone","exitCode":8}"#,
        ],
    );
    hosts.on("c1", "token create", &[&TOKEN.replace("00ff", "11ee")]);
    hosts.on("c2", "host run --id r-again", &DONE);
    hosts.on("c1", "token delete", &[]);
    let results = applied("hosts:\n- {ssh: c1, role: control-plane}\n- {ssh: c2, role: control-plane}\n", &hosts, &[]);
    assert_eq!(states(&results), ["c1 changed", "c2 changed"]);
    hosts.all_used();
    let asked = hosts.asked.lock().unwrap();
    let joins: Vec<_> = asked.iter().filter(|(words, _)| words.starts_with("c2: host run")).collect();
    assert!(joins[0].1.contains("00ff") && joins[1].1.contains("11ee"), "{joins:?}");
}

#[test]
fn the_pod_network_goes_to_the_first_control_plane_with_its_manifest() {
    let hosts = TestHosts::default();
    hosts.on("c1", "host run", &DONE);
    let mut file = file("podNetwork: ./net.yaml\nhosts:\n- {ssh: c1, role: control-plane}\n");
    file.pod_network.as_mut().unwrap().manifest = Some("kind: DaemonSet".into());
    hosts.on("c1", "host facts", &[&facts("c1")]);
    let results = applied_to(&file, &hosts, &[]);
    assert_eq!(states(&results), ["c1 changed"]);
    let asked = hosts.asked.lock().unwrap();
    let order: Value = serde_json::from_str(&asked.last().unwrap().1).unwrap();
    assert_eq!(order["files"], serde_json::json!({ "pod-network.yaml": "kind: DaemonSet" }));
    let words = order["arguments"].to_string();
    assert!(words.ends_with(r#""--pod-network","./pod-network.yaml"]"#), "{words}");
}

#[test]
fn a_failed_control_plane_ends_the_work_on_control_planes_and_not_on_workers() {
    let hosts = TestHosts::default();
    hosts.on("c1", "host run", &DONE);
    hosts.on("c1", "token create", &[TOKEN]).always();
    hosts.on("c1", "token delete", &[]);
    hosts.on("c2", "host run", &FAILED);
    hosts.on("w1", "host run", &DONE);
    let body = "hosts:\n- {ssh: c1, role: control-plane}\n- {ssh: c2, role: control-plane}\n- {ssh: c3, role: control-plane}\n- {ssh: w1}\n";
    let results = applied(body, &hosts, &[]);
    assert_eq!(states(&results), ["c1 changed", "c2 failed", "c3 skipped", "w1 changed"]);
    assert_eq!((results[1].why.as_str(), results[1].code), ("disk full", ExitCode::Host));
    hosts.all_used();
}

#[test]
fn workers_stop_when_the_budget_is_spent() {
    let hosts = TestHosts::default();
    hosts.on("c1", "host run", &DONE);
    hosts.on("c1", "token create", &[TOKEN]).always();
    hosts.on("c1", "token delete", &[]);
    for worker in ["w1", "w2"] {
        hosts.on(worker, "host run", &FAILED);
    }
    let body = "limits: {parallel: 1, failures: 1}\nhosts:\n- {ssh: c1, role: control-plane}\n- {ssh: w1}\n- {ssh: w2}\n- {ssh: w3}\n";
    let results = applied(body, &hosts, &[]);
    assert_eq!(states(&results), ["c1 changed", "w1 failed", "w2 failed", "w3 skipped"]);
    hosts.all_used();
}

#[test]
fn a_failed_first_control_plane_leaves_all_others_untouched() {
    let hosts = TestHosts::default();
    hosts.on("c1", "host run", &FAILED);
    let results = applied("hosts:\n- {ssh: c1, role: control-plane}\n- {ssh: w1}\n", &hosts, &[]);
    assert_eq!(states(&results), ["c1 failed", "w1 skipped"]);
}

#[test]
fn a_dead_worker_is_reported_and_the_others_join() {
    let hosts = TestHosts::default();
    hosts.kill("w1");
    hosts.on("c1", "host run", &DONE);
    hosts.on("c1", "token create", &[TOKEN]).always();
    hosts.on("c1", "token delete", &[]);
    hosts.on("w2", "host run", &DONE);
    let body = "hosts:\n- {ssh: c1, role: control-plane}\n- {ssh: w1}\n- {ssh: w2}\n";
    assert_eq!(states(&applied(body, &hosts, &[])), ["c1 changed", "w1 unreachable", "w2 changed"]);
}

#[test]
fn only_chosen_hosts_are_worked_on() {
    let hosts = TestHosts::default();
    hosts.on("c1", "host run", &DONE);
    let results = applied("hosts:\n- {ssh: c1, role: control-plane}\n- {ssh: w1}\n", &hosts, &["c1"]);
    assert_eq!(states(&results), ["c1 changed", "w1 skipped"]);
    assert_eq!(crate::fleet::outcome::exit_code(&results), ExitCode::Ok);
}

/// Only what was begun is continued; a host that is new, or well, is left alone.
#[test]
fn only_hosts_with_a_failed_run_are_worked_on_on_request() {
    let hosts = TestHosts::default();
    let failed =
        |command: &str| format!(r#""run": {{"id": "r-1", "command": "{command}", "running": false, "exitCode": 5}}"#);
    let with = |name: &str, run: &str| facts(name).replace(r#""clock": 0"#, &format!(r#""clock": 0, {run}"#));
    hosts.on("c1", "host facts", &[&with("c1", &failed("init"))]);
    hosts.on("w1", "host facts", &[&with("w1", &failed("join"))]);
    hosts.on("w2", "host facts", &[&facts("w2")]);
    let file = file("hosts:\n- {ssh: c1, role: control-plane}\n- {ssh: w1}\n- {ssh: w2}\n");
    let links: Vec<Link<'_>> = file.hosts.iter().map(|host| Link::new(host, &hosts)).collect();
    let plan = plan(&file, &survey(&links, 1, &Clock::fixed(0), &Unwatched));
    assert_eq!(only_unfinished(&plan, &[true; 3]), [true, true, false]);
    assert_eq!(only_unfinished(&plan, &[false, true, true]), [false, true, false]);
}

#[test]
fn an_unknown_host_is_refused_with_the_nearest_one() {
    let file = file("hosts:\n- {ssh: node-1, role: control-plane}\n");
    let plan = plan(&file, &[survey::look(&Link::new(&file.hosts[0], &dead()), &Clock::fixed(0))]);
    let error = chosen(&file, &plan, &["node-2".into()]).unwrap_err();
    assert_eq!((error.hint().as_deref(), error.exit_code()), (Some("did you mean 'node-1'?"), ExitCode::Usage));
}

fn dead() -> TestHosts {
    let hosts = TestHosts::default();
    hosts.kill("node-1");
    hosts
}

const RUNNING: &str = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.30.1\n\
                       controlPlaneEndpoint: lb:6443\n";
const CHANGED: &str = "hosts:\n- {ssh: w1}\n- {ssh: c1, role: control-plane}\n- {ssh: c2, role: control-plane}\n- {ssh: c3, role: control-plane}\n\
                       - {ssh: w2}\n---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\ncontrolPlaneEndpoint: lb:6443\n\
                       apiServer: {certSANs: [a.example], extraArgs: {v: '4'}}\n---\n\
                       apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 80\n";

/// Members of a running cluster, which c1 shows.
fn members(hosts: &TestHosts) {
    members_with(hosts, &|_, _| ());
}

/// The same, each with an edited `node`.
fn members_with(hosts: &TestHosts, edit: &dyn Fn(&str, &mut Value)) {
    let object = |name: &str| serde_json::json!({ "name": name, "controlPlane": name.starts_with('c'), "ready": true });
    let nodes: Vec<Value> = ["c1", "c2", "c3", "w1", "w2"].map(object).into();
    for name in ["w1", "c1", "c2", "c3", "w2"] {
        let is_control_plane = name.starts_with('c');
        let mut facts: Value = serde_json::from_str(&facts(name)).unwrap();
        facts["node"] = serde_json::json!({
            "name": name, "controlPlane": is_control_plane, "pins": ["ca"], "sans": ["lb"],
        });
        edit(name, &mut facts["node"]);
        if name == "c1" {
            facts["cluster"] =
                serde_json::json!({ "configuration": RUNNING, "kubelet": { "maxPods": 110 }, "nodes": nodes });
        }
        hosts.on(name, "host facts", &[&facts.to_string()]);
    }
}

#[test]
fn a_change_is_checked_everywhere_then_done_on_one_control_plane_after_the_other_and_then_on_workers() {
    let hosts = TestHosts::default();
    members(&hosts);
    for name in ["c1", "c2", "c3"] {
        hosts.on(name, "host change --config - --dry-run", &["{}"]);
        hosts.on(name, "host run --id r-san", &DONE);
    }
    for name in ["w1", "c1", "c2", "c3", "w2"] {
        hosts.on(name, "host run --id r", &DONE);
    }
    let results = applied_to(&file(CHANGED), &hosts, &[]);
    assert!(results.iter().all(|result| result.state == State::Changed), "{results:?}");
    hosts.all_used();
    let asked = hosts.asked.lock().unwrap();
    let place = |words: &str| asked.iter().position(|(asked, _)| asked.starts_with(words)).unwrap();
    assert!(place("c3: host change") < place("c1: host run"), "a check came after a change");
    let run = |words: &&str| asked.iter().position(|(asked, _)| asked == *words).unwrap();
    let places: Vec<usize> = [
        "c1: host run --id r-san",
        "c1: host run --id r",
        "c2: host run --id r-san",
        "c3: host run --id r-san",
        "w1: host run --id r",
        "w2: host run --id r",
    ]
    .iter()
    .map(run)
    .collect();
    assert!(places.is_sorted(), "{places:?} of {asked:?}");
    let sent: Value = serde_json::from_str(&asked[places[1]].1).unwrap();
    assert_eq!(sent["arguments"], serde_json::json!(["host", "change", "--config", "-"]));
    let input = sent["input"].as_str().unwrap();
    assert!(input.contains("\"maxPods\":80") && input.contains("\"v\":\"4\"") && input.contains("lb:6443"), "{input}");
    let worker: Value = serde_json::from_str(&asked[places[4]].1).unwrap();
    assert_eq!(worker["arguments"], serde_json::json!(["host", "change"]), "a worker takes what is stored");
}

#[test]
fn nothing_is_changed_if_one_control_plane_refuses() {
    let hosts = TestHosts::default();
    members(&hosts);
    hosts.on("c1", "host change --config - --dry-run", &["{}"]);
    hosts.on("c2", "host change --config - --dry-run", &["not an answer"]);
    hosts.on("c3", "host change --config - --dry-run", &["{}"]);
    let results = applied_to(&file(CHANGED), &hosts, &[]);
    assert_eq!(states(&results), ["w1 skipped", "c1 skipped", "c2 failed", "c3 skipped", "w2 skipped"]);
}

#[test]
fn the_first_control_plane_that_fails_ends_the_change() {
    let hosts = TestHosts::default();
    members(&hosts);
    for name in ["c1", "c2", "c3"] {
        hosts.on(name, "host change --config - --dry-run", &["{}"]);
    }
    hosts.on("c1", "host run --id r-san", &DONE);
    hosts.on("c1", "host run --id r", &FAILED);
    let results = applied_to(&file(CHANGED), &hosts, &[]);
    assert_eq!(states(&results), ["w1 skipped", "c1 failed", "c2 skipped", "c3 skipped", "w2 skipped"]);
    assert_eq!(results[1].why, "disk full");
    hosts.all_used();
}

#[test]
fn the_first_worker_that_fails_ends_the_change_of_workers() {
    let hosts = TestHosts::default();
    members(&hosts);
    for name in ["c1", "c2", "c3"] {
        hosts.on(name, "host change --config - --dry-run", &["{}"]);
        hosts.on(name, "host run --id r-san", &DONE);
        hosts.on(name, "host run --id r", &DONE);
    }
    hosts.on("w1", "host run --id r", &FAILED);
    let results = applied_to(&file(CHANGED), &hosts, &[]);
    assert_eq!(states(&results), ["w1 failed", "c1 changed", "c2 changed", "c3 changed", "w2 skipped"]);
}

const UPGRADED: &str = "upgrade: {packages: /srv/k8s}\nhosts:\n- {ssh: w1}\n- {ssh: c1, role: control-plane}\n- {ssh: c2, role: control-plane}\n\
    - {ssh: c3, role: control-plane}\n- {ssh: w2}\n---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n\
    kubernetesVersion: v1.30.9\ncontrolPlaneEndpoint: lb:6443\n";

/// The order of runs, as `HOST: WORDS`.
fn runs(hosts: &TestHosts) -> Vec<String> {
    let asked = hosts.asked.lock().unwrap();
    let words = |(asked, input): &(String, String)| {
        let host = asked.split_once(": host run")?.0.to_owned();
        let order: Value = serde_json::from_str(input).unwrap();
        let words: Vec<&str> = order["arguments"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        Some(format!("{host}: {}", words.join(" ")))
    };
    asked.iter().filter_map(words).collect()
}

#[test]
fn an_upgrade_has_all_api_servers_before_the_first_kubelet() {
    let hosts = TestHosts::default();
    members(&hosts);
    for name in ["c1", "c2", "c3"] {
        hosts.on(name, "host run --id r-upgrade", &DONE);
    }
    for name in ["w1", "c1", "c2", "c3", "w2"] {
        hosts.on(name, "host run --id r-kubelet", &DONE);
    }
    let results = applied_to(&file(UPGRADED), &hosts, &[]);
    assert!(results.iter().all(|result| result.state == State::Changed), "{results:?}");
    assert_eq!(results.iter().map(|result| result.changes).collect::<Vec<_>>(), [3, 6, 6, 6, 3].map(Some));
    hosts.all_used();
    let finish = "upgrade node --finish --packages /srv/k8s/v1.30.9";
    assert_eq!(
        runs(&hosts),
        [
            "c1: upgrade apply v1.30.9 --yes".to_owned(),
            "c2: upgrade node".into(),
            "c3: upgrade node".into(),
            format!("c1: {finish}"),
            format!("c2: {finish}"),
            format!("c3: {finish}"),
            format!("w1: {finish}"),
            format!("w2: {finish}"),
        ]
    );
}

#[test]
fn a_control_plane_that_cannot_be_upgraded_ends_the_upgrade() {
    let hosts = TestHosts::default();
    members(&hosts);
    hosts.on("c1", "host run --id r-upgrade", &DONE);
    hosts.on("c2", "host run --id r-upgrade", &FAILED);
    let results = applied_to(&file(UPGRADED), &hosts, &[]);
    assert_eq!(states(&results), ["w1 skipped", "c1 skipped", "c2 failed", "c3 skipped", "w2 skipped"]);
    assert_eq!(results[2].why, "disk full");
    hosts.all_used();
}

/// A kubelet of the new minor version would talk to an API server of the former one.
#[test]
fn no_kubelet_is_upgraded_while_a_control_plane_is_left_out() {
    let hosts = TestHosts::default();
    members(&hosts);
    let results = applied_to(&file(UPGRADED), &hosts, &["w1", "c2"]);
    assert_eq!(states(&results), ["w1 skipped", "c1 skipped", "c2 skipped", "c3 skipped", "w2 skipped"]);
    assert_eq!(results[2].why, "control plane c1 has to be upgraded first");
    let hosts = TestHosts::default();
    members(&hosts);
    hosts.on("c1", "host run --id r-upgrade", &DONE);
    let results = applied_to(&file(UPGRADED), &hosts, &["c1", "w2"]);
    assert_eq!(states(&results)[1..], ["c1 skipped", "c2 skipped", "c3 skipped", "w2 skipped"]);
    assert_eq!(results[4].why, "control plane c2 has to be upgraded first");
    hosts.all_used();
}
