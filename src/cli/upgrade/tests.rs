//! Whole commands against an API server on this machine.

use crate::base::env::Env;
use crate::base::exit_code::ExitCode;
use crate::base::files::Content;
use crate::cli::test_output::{Written, env};
use crate::domain::paths::{KUBELET_CONFIG, manifest};
use crate::state::upgrade::files::static_pods;
use crate::state::upgrade::fixture::{FakeCluster, RunningCluster};
use serde_json::{Value, json};
use std::io::Cursor;
use std::path::Path;

/// Exit code, standard output and standard error.
type Ended = (ExitCode, String, String);

/// Runs `kubewright LINE` on the host of a cluster.
fn run(cluster: &RunningCluster, line: &str) -> Ended {
    run_with(cluster, line, "")
}

fn run_with(cluster: &RunningCluster, line: &str, stdin: &str) -> Ended {
    let (out, err) = (Written::default(), Written::default());
    let root = cluster.root.path().to_str().unwrap();
    let words = ["kubewright", "--rootfs", root].into_iter().chain(line.split(' '));
    let args = words.map(Into::into).collect();
    let code = crate::cli::run(Env { args, stdin: Box::new(Cursor::new(stdin.to_owned())), ..env(&out, &err) });
    (code, out.text(), err.text())
}

fn object((code, out, err): &Ended) -> Value {
    assert_eq!(*code, ExitCode::Ok, "{out}{err}");
    serde_json::from_str(out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

/// A control plane with the manifests of its version.
fn host(fake: FakeCluster) -> RunningCluster {
    let mut running = fake.start();
    let stored = running.cx.cluster().unwrap().clone();
    let version = stored.version.clone();
    for (name, text) in static_pods(&mut running.cx, &stored, &version).unwrap() {
        running.cx.host.files.write(&manifest(name), &Content::public(text), 0o600).unwrap();
    }
    running
}

#[test]
fn a_plan_without_a_version_proposes_known_releases_and_reads_only() {
    let running = host(FakeCluster::new("v1.33.2"));
    let (code, out, err) = run(&running, "upgrade plan");
    assert_eq!(code, ExitCode::Ok, "{out}{err}");
    for part in [
        "The cluster is v1.33.2.\n",
        "nothing\nwas looked up on the internet",
        "Upgrade to v1.33.6: version in the v1.33 series\n",
        "Upgrade to v1.34.2: stable version\n",
        "COMPONENT  NODE  CURRENT  TARGET\nkubelet    n1    v1.33.2  v1.34.2\n",
        "kube-apiserver           n1    v1.33.2   v1.34.2\n",
        "CoreDNS                        v1.12.0   v1.12.1\n",
        "etcd                     n1    3.5.21-0  3.6.5-0\n",
        "kubelet.config.k8s.io    v1beta1          v1beta1            no\n",
        "Checked for v1.34.2: 19 checks, nothing found.\n",
        "\nNot checked:\n",
        "    kubewright upgrade diff v1.34.2\n",
    ] {
        assert!(out.contains(part), "no {part:?} in:\n{out}");
    }
    assert!(running.log().iter().all(|line| line.starts_with("GET ")));
    assert!(running.log().len() < 12, "{:?}", running.log());
}

#[test]
fn the_object_is_kubeadms_also_when_nothing_is_to_do() {
    let running = host(FakeCluster::new("v1.33.2"));
    let plan = object(&run(&running, "upgrade plan v1.34.1 -o json"));
    assert_eq!((&plan["kind"], &plan["apiVersion"]), (&json!("UpgradePlan"), &json!("output.kubeadm.k8s.io/v1alpha3")));
    let upgrade = &plan["availableUpgrades"][0];
    assert_eq!(upgrade["description"], "stable version");
    let first = json!({"name": "kubelet", "currentVersion": "v1.33.2", "newVersion": "v1.34.1", "nodeName": "n1"});
    assert_eq!(upgrade["components"][0], first);
    assert_eq!(upgrade["hops"], json!(["v1.34.1"]));
    let config = json!({"group": "kubeproxy.config.k8s.io", "currentVersion": "v1alpha1", "preferredVersion": "v1alpha1",
        "manualUpgradeRequired": false});
    assert_eq!(plan["configVersions"][0], config);
    let nothing = object(&run(&running, "upgrade plan v1.33.2 -o json"));
    assert_eq!((&nothing["kind"], &nothing["availableUpgrades"]), (&json!("UpgradePlan"), &json!([])));
    let (_, out, _) = run(&running, "upgrade plan v1.33.2");
    assert!(out.contains("Nothing to upgrade."), "{out}");
}

#[test]
fn the_exit_code_distinguishes_on_request() {
    let running = host(FakeCluster::new("v1.33.2"));
    for (line, code) in [
        ("upgrade plan v1.34.1", ExitCode::Ok),
        ("upgrade plan v1.34.1 --exit-code", ExitCode::Changes),
        ("upgrade plan --exit-code", ExitCode::Changes),
        ("upgrade plan v1.33.2 --exit-code", ExitCode::Ok),
        ("upgrade plan v1.36.1 --exit-code", ExitCode::Refused),
        ("upgrade diff v1.33.2 --exit-code", ExitCode::Changes),
        ("upgrade diff v1.34.1", ExitCode::Ok),
        ("upgrade plan stable", ExitCode::Input),
        ("upgrade plan v1.99.0", ExitCode::Input),
        ("upgrade apply", ExitCode::Usage),
        ("upgrade apply v1.99.0 --yes", ExitCode::Input),
        ("upgrade apply v1.34.1 --yes", ExitCode::Usage),
        ("upgrade node", ExitCode::Usage),
    ] {
        let (ended, out, err) = run(&running, line);
        assert_eq!(ended, code, "{line}\n{out}{err}");
    }
}

#[test]
fn an_upgrade_over_several_minors_lists_the_steps_and_the_rule() {
    let running = host(FakeCluster::new("v1.33.2"));
    let (_, out, _) = run(&running, "upgrade plan v1.36.1");
    assert!(out.contains("Steps: v1.34.2, v1.35.5, v1.36.1\n"), "{out}");
    assert!(out.contains("NOT ALLOWED NoSkippedMinor (cluster)\n"), "{out}");
    let (_, out, _) = run(&running, "upgrade plan v1.34.0-rc.1");
    assert!(out.contains("NEEDS FORCE PreRelease (cluster)\n"), "{out}");
    let (_, out, _) = run(&running, "upgrade plan v1.34.0-rc.1 --allow-release-candidate-upgrades");
    assert!(!out.contains("PreRelease"), "{out}");
}

#[test]
fn findings_are_listed_and_errors_can_be_ignored() {
    let mut fake = FakeCluster::new("v1.33.2");
    fake.node("n1")["status"]["conditions"][0]["status"] = json!("False");
    let running = host(fake);
    let plan = object(&run(&running, "upgrade plan v1.34.1 -o json"));
    let first = &plan["findings"][0];
    assert_eq!(
        (&first["check"], &first["severity"], &first["where"]),
        (&json!("Nodes"), &json!("error"), &json!("n1"))
    );
    assert!(plan["checks"].as_array().unwrap().len() > 10 && !plan["notChecked"].as_array().unwrap().is_empty());
    let (_, out, _) = run(&running, "upgrade plan v1.34.1 --ignore-preflight-errors Nodes");
    assert!(out.contains("IGNORED Nodes (n1)\n"), "{out}");
}

#[test]
fn a_configuration_file_gives_version_and_etcd() {
    let mut fake = FakeCluster::new("v1.33.2");
    fake.add_pod("etcd", "n1", "3.5.21-0", &["https://127.0.0.1:1".into()]);
    let running = host(fake);
    let file = running.root.path().join("upgrade.yaml");
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: UpgradeConfiguration\nplan: {kubernetesVersion: v1.34.1, etcdUpgrade: false}\n";
    std::fs::write(&file, text).unwrap();
    let line = format!("upgrade plan -o json --config {}", file.display());
    let components = object(&run(&running, &line))["availableUpgrades"][0]["components"].clone();
    let etcd = components.as_array().unwrap().last().unwrap().clone();
    assert_eq!((&etcd["currentVersion"], &etcd["newVersion"]), (&json!("3.5.21-0"), &json!("3.5.21-0")));
    let upgraded = object(&run(&running, "upgrade plan v1.34.1 -o json"))["availableUpgrades"][0]["components"].clone();
    assert_eq!(upgraded.as_array().unwrap().last().unwrap()["newVersion"], "3.6.4-0");
}

#[test]
fn a_cluster_that_does_not_respond_is_an_error() {
    let running = host(FakeCluster::new("v1.33.2"));
    let (code, out, err) = run(&running, "upgrade plan --kubeconfig /none.conf");
    assert_eq!((code, out.as_str()), (ExitCode::Input, ""), "{err}");
}

#[test]
fn a_difference_covers_static_pods_etcd_and_the_kubelet() {
    let running = host(FakeCluster::new("v1.33.2"));
    let (code, out, err) = run(&running, "upgrade diff v1.34.1");
    assert_eq!(code, ExitCode::Ok, "{out}{err}");
    for part in [
        "--- /etc/kubernetes/manifests/etcd.yaml\n+++ /etc/kubernetes/manifests/etcd.yaml\n",
        "-    image: registry.k8s.io/etcd:3.5.21-0\n",
        "+    image: registry.k8s.io/etcd:3.6.4-0\n",
        "+    image: registry.k8s.io/kube-scheduler:v1.34.1\n",
        "--- /dev/null\n+++ /var/lib/kubelet/config.yaml\n",
        "+containerRuntimeEndpoint: ",
    ] {
        assert!(out.contains(part), "no {part:?} in:\n{out}");
    }
    let (_, short, _) = run(&running, "upgrade diff v1.34.1 -c 0");
    assert!(short.lines().count() < out.lines().count());
}

#[test]
fn the_same_version_changes_nothing_and_the_order_of_keys_is_not_a_change() {
    let running = host(FakeCluster::new("v1.33.2"));
    let diff = object(&run(&running, "upgrade diff v1.33.2 -o json"));
    let states = |diff: &Value| -> Vec<(String, String)> {
        let files = diff["files"].as_array().unwrap();
        let pair = |file: &Value| (file["path"].as_str().unwrap().into(), file["state"].as_str().unwrap().into());
        files.iter().map(pair).collect()
    };
    let kubelet: (String, String) = (KUBELET_CONFIG.into(), "added".into());
    assert!(states(&diff).iter().all(|one| one.1 == "unchanged" || *one == kubelet), "{diff}");
    let path = manifest("kube-scheduler");
    let text = running.cx.host.files.read_text(&path).unwrap().unwrap();
    let sorted: Value = crate::config::untrusted::value(text.as_bytes()).unwrap();
    running.cx.host.files.write(&path, &Content::public(sorted.to_string()), 0o600).unwrap();
    let diff = object(&run(&running, "upgrade diff v1.33.2 -o json"));
    assert!(states(&diff).contains(&(path.display().to_string(), "unchanged".into())), "{diff}");
}

#[test]
fn patches_are_part_of_the_difference() {
    let running = host(FakeCluster::new("v1.33.2"));
    let patches = running.root.path().join("patches");
    std::fs::create_dir_all(&patches).unwrap();
    std::fs::write(patches.join("kube-scheduler+merge.yaml"), "metadata: {annotations: {team: blue}}\n").unwrap();
    let (_, out, err) = run(&running, "upgrade diff v1.33.2 --patches /patches");
    assert!(out.contains("+    team: blue\n"), "{out}{err}");
}

#[test]
fn a_worker_has_nothing_to_compare() {
    let running = FakeCluster::new("v1.33.2").start();
    let (code, _, err) = run(&running, "upgrade diff v1.34.1");
    assert_eq!(code, ExitCode::Input);
    assert!(
        err.contains("run this on a control plane") && !running.cx.host.files.exists(Path::new(KUBELET_CONFIG)),
        "{err}"
    );
}

#[test]
fn a_host_shows_how_its_files_differ_from_a_configuration() {
    let running = host(FakeCluster::new("v1.33.2"));
    let given = |args: &str| {
        let text = format!(
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.33.2\n\
             controllerManager: {{extraArgs: [{args}]}}\n"
        );
        object(&run_with(&running, "host diff -o json", &text))
    };
    let before = given("");
    let paths = |answer: &Value| -> Vec<String> {
        answer["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect()
    };
    let manager = manifest("kube-controller-manager").display().to_string();
    assert!(!paths(&before).contains(&manager), "{before}");
    let after = given("{name: v, value: '4'}");
    let file = after["files"].as_array().unwrap().iter().find(|file| file["path"] == manager.as_str()).unwrap();
    assert!(file["diff"].as_str().unwrap().contains("+    - --v=4\n"), "{file}");
    assert!(running.log().iter().all(|line| line.starts_with("GET ")));
}
