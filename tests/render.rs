//! What is rendered of whole configurations: equal to kubeadm's own files byte for byte, stable for
//! the minors between, and accepted by the real components.

use crate::support::golden;
use kubewright::base::env::Random;
use kubewright::base::files::HostFiles;
use kubewright::base::gate::Gate;
use kubewright::config::model::{Etcd, InitConfig};
use kubewright::config::{self, Facts, InitFlags};
use kubewright::render::kubelet::{self, FlagsInput, NodeInput, SharedInput};
use kubewright::render::patches::{PatchSet, Target};
use kubewright::render::pods::{self, PodInput};
use kubewright::versions::table;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of one host by their names, such as `manifests/etcd.yaml`.
type Tree = BTreeMap<String, String>;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn resolve(source: &str, text: &str, host_name: &str) -> InitConfig {
    let facts = Facts { hostname: host_name.into(), ..Facts::placeholder(Random::seeded(1)) };
    config::parse(source, text.as_bytes()).unwrap().init(&InitFlags::default(), &facts).unwrap().config
}

/// The reference host has Debian's directories with CA certificates, no runtime, no systemd-resolved
fn render(config: &InitConfig, host_name: &str, patches: &PatchSet) -> Tree {
    let InitConfig { cluster, node, .. } = config;
    let facts = table::facts(cluster.version.minor).unwrap();
    let (environment, host_has) = (BTreeMap::new(), |path: &Path| !path.starts_with("/etc/pki"));
    let input = PodInput { cluster, node, facts, environment: &environment, host_has: &host_has, external_ca: false };
    let mut tree = Tree::new();
    let mut pod = |name: &str, target: Target, text: String| {
        tree.insert(format!("manifests/{name}.yaml"), patches.apply(target, &text).unwrap());
    };
    pod("kube-apiserver", Target::KubeApiserver, pods::kube_apiserver(&input).unwrap());
    pod("kube-controller-manager", Target::KubeControllerManager, pods::kube_controller_manager(&input).unwrap());
    pod("kube-scheduler", Target::KubeScheduler, pods::kube_scheduler(&input).unwrap());
    if let Etcd::Local(local) = &cluster.etcd {
        pod("etcd", Target::Etcd, pods::etcd(&input, local, &[]).unwrap());
    }
    let socket = node.cri_socket.clone().unwrap();
    let instance = kubelet::uses_instance_config(cluster, facts).then(|| kubelet::instance_config(&socket).unwrap());
    let shared = SharedInput { cluster, facts, systemd_resolved: false };
    let own = NodeInput { facts, systemd_resolved: false, instance_config: instance.as_deref(), patches };
    let config = kubelet::node_config(&kubelet::shared_config(&shared).unwrap(), &own).unwrap();
    let flags = FlagsInput { cluster, node, facts, cri_socket: &socket, host_name, register_taints: false };
    tree.insert("kubelet/config.yaml".into(), config);
    tree.insert("kubelet/kubeadm-flags.env".into(), kubelet::flags_env(&flags));
    tree.extend(instance.map(|text| ("kubelet/instance-config.yaml".into(), text)));
    tree
}

/// Every case of the reference that has manifests.
fn reference_cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let directories =
        |path: &Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let versions = directories(&root).into_iter().filter(|path| path.is_dir());
    let mut cases: Vec<_> =
        versions.flat_map(|v| directories(&v)).filter(|case| case.join("manifests").is_dir()).collect();
    cases.sort();
    assert!(cases.len() >= 13, "the reference is not there: {cases:?}");
    cases
}

fn reference_tree(case: &Path) -> Tree {
    let mut tree = Tree::new();
    for directory in ["manifests", "kubelet"] {
        for entry in std::fs::read_dir(case.join(directory)).unwrap() {
            let entry = entry.unwrap();
            tree.insert(format!("{directory}/{}", entry.file_name().into_string().unwrap()), read(&entry.path()));
        }
    }
    tree
}

#[test]
fn the_files_are_kubeadms_byte_for_byte() {
    for case in reference_cases() {
        let about: Value = serde_json::from_str(&read(&case.join("case.json"))).unwrap();
        let host_name = about["hostname"].as_str().unwrap();
        let config = resolve("config.yaml", &read(&case.join("config.yaml")), host_name);
        let files = HostFiles::new(&case, Gate::recording());
        let patches = match config.node.patches_dir {
            // The directory was elsewhere on the host; the case contains its content.
            Some(_) => PatchSet::load(&files, Path::new("/patches")).unwrap(),
            None => PatchSet::default(),
        };
        let (ours, theirs) = (render(&config, host_name, &patches), reference_tree(&case));
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{}", case.display());
        for (name, text) in theirs {
            assert_eq!(ours[&name], text, "{} {name}", case.display());
        }
    }
}

/// A configuration that uses much, in a form that every minor from `since` on can be given.
fn busy_config(minor: u16) -> InitConfig {
    let (api, args) = if minor < 31 {
        ("v1beta3", "extraArgs: {v: '4', feature-gates: 'A=true,B=false'}")
    } else {
        ("v1beta4", "extraArgs: [{name: v, value: '4'}, {name: feature-gates, value: 'A=true,B=false'}]")
    };
    let api = if minor < 22 { "v1beta2" } else { api };
    let text = format!(
        "apiVersion: kubeadm.k8s.io/{api}
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: 'fd00::4', bindPort: 8443}}
nodeRegistration: {{name: node-1, criSocket: 'unix:///run/containerd/containerd.sock'}}
---
apiVersion: kubeadm.k8s.io/{api}
kind: ClusterConfiguration
kubernetesVersion: v1.{minor}.0
networking: {{podSubnet: 'fd00:10::/56', serviceSubnet: 'fd00:96::/112'}}
apiServer: {{{args}}}
scheduler: {{{args}}}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 55
"
    );
    resolve("busy.yaml", &text, "host")
}

#[test]
fn the_minors_between_stay_as_they_are() {
    for minor in [24, 29, 31, 33] {
        let tree = render(&busy_config(minor), "host", &PatchSet::default());
        let files: Vec<_> = tree.iter().map(|(name, text)| format!("# {name}\n{text}\n")).collect();
        golden::check(&format!("tests/golden/render/v1.{minor}.txt"), &files.concat());
    }
}

#[test]
fn every_minor_gives_yaml_that_means_a_pod_with_probes_on_its_port() {
    for minor in table::OLDEST..=table::newest() {
        for (name, text) in render(&busy_config(minor), "host", &PatchSet::default()) {
            let Some(component) = name.strip_prefix("manifests/").and_then(|n| n.strip_suffix(".yaml")) else {
                continue;
            };
            let pod: Value = serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("v1.{minor} {name}: {e}"));
            assert_eq!(pod["metadata"]["name"], component, "v1.{minor} {name}");
            let container = &pod["spec"]["containers"][0];
            for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
                let port = &container[probe]["httpGet"]["port"];
                let declared = container["ports"][0]["name"].as_str();
                assert!(
                    port.is_null() || port.is_u64() || port.as_str() == declared,
                    "v1.{minor} {name} {probe}: {port}"
                );
            }
            let volumes = |list: &Value| -> Vec<String> {
                let mut names: Vec<_> = list.as_array().unwrap().iter().map(|v| v["name"].to_string()).collect();
                names.sort();
                names
            };
            assert_eq!(volumes(&pod["spec"]["volumes"]), volumes(&container["volumeMounts"]), "v1.{minor} {name}");
        }
    }
}

/// A component whose flags are wrong says so before anything else; with right ones it gets as far as
/// missing the files that they name.
#[test]
#[ignore = "NEEDS KUBERNETES' OWN PROGRAMS: KUBEWRIGHT_K8S_BIN=DIRECTORY cargo test --test main -- --ignored real_components"]
fn real_components_accept_our_flags() {
    let directory = PathBuf::from(std::env::var_os("KUBEWRIGHT_K8S_BIN").expect("KUBEWRIGHT_K8S_BIN must be set"));
    let version = Command::new(directory.join("kube-apiserver")).arg("--version").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap().trim().trim_start_matches("Kubernetes ").to_owned();
    let root = tempfile::tempdir().unwrap();
    let text = format!(
        "apiVersion: kubeadm.k8s.io/v1beta2\nkind: InitConfiguration\nlocalAPIEndpoint: {{advertiseAddress: 192.0.2.1}}\n\
         nodeRegistration: {{criSocket: /run/containerd/containerd.sock}}\n---\n\
         apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\nkubernetesVersion: {version}\n\
         certificatesDir: {0}/pki\nnetworking: {{podSubnet: 10.244.0.0/16}}\n",
        root.path().display()
    );
    let tree = render(&resolve("real.yaml", &text, "host"), "host", &PatchSet::default());
    for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        let pod: Value = serde_yaml::from_str(&tree[&format!("manifests/{component}.yaml")]).unwrap();
        let words = pod["spec"]["containers"][0]["command"].as_array().unwrap().iter();
        let mut words: Vec<String> = words.map(|word| word.as_str().unwrap().to_owned()).collect();
        let said = |words: &[String]| {
            let output = Command::new(directory.join(&words[0])).args(&words[1..]).output().unwrap();
            String::from_utf8_lossy(&output.stderr).into_owned()
        };
        let text = said(&words);
        assert!(!text.contains("unknown flag") && !text.contains("invalid argument"), "{component}: {text}");
        assert!(text.contains("no such file or directory"), "{component}: {text}");
        // Check of this test itself: an unknown flag is detected.
        words.push("--kubewright=1".into());
        assert!(said(&words).contains("unknown flag: --kubewright"), "{component}");
    }
}
