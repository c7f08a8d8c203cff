//! Unusable files and directories in every bad state. Each is reported with a hint and exit code 3, and nothing is
//! left partially written.

use crate::support::run::{Finished, Run};
use crate::support::whole;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubewright::base::exit_code::ExitCode;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;

const INIT: [&str; 4] = ["init", "--config", "cluster.yaml", "--quiet"];
pub const CONFIG: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.5}
nodeRegistration: {name: cp1}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
encryptionAlgorithm: ECDSA-P256
";

/// Trees of two clusters; tests break copies of the first.
static CLUSTER: LazyLock<TempDir> = LazyLock::new(cluster);
static OTHER_CLUSTER: LazyLock<TempDir> = LazyLock::new(cluster);

fn cluster() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    init(root.path()).exit(ExitCode::Ok);
    root
}

fn init(root: &Path) -> Finished {
    Run::new(INIT).file("cluster.yaml", CONFIG).rootfs(root).finish()
}

/// Refused as input, with a hint, and every part of `expected` in the message.
#[track_caller]
fn assert_refused(finished: Finished, expected: &[&str]) {
    let finished = finished.exit(ExitCode::Input).stdout("");
    assert!(finished.stderr.starts_with("error: ") && finished.stderr.contains("help: "), "{finished}");
    for part in expected {
        assert!(finished.stderr.contains(part), "it lacks {part:?}: {finished}");
    }
}

#[test]
fn configurations_that_are_no_text_or_too_much_are_refused_and_nothing_is_written() {
    let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, nth| {
        format!("{text}a{nth}: &a{nth} [*a{}, *a{}]\n", nth - 1, nth - 1)
    });
    let indented: String = (0..5000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let unknown: String = (0..20_000).map(|nth| format!("field{nth}: 1\n")).collect();
    let unknown = format!("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n{unknown}");
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("not UTF-8", b"apiVersion: kubeadm.k8s.io/v1beta4\nkind: \xff\xfe\n".into(), "cluster.yaml:2:7"),
        ("NUL", b"apiVersion: kubeadm.k8s.io/v1beta4\nkind: a\0b\n".into(), "cluster.yaml:2:8"),
        ("binary", (0..=255).collect(), "cluster.yaml:2:"),
        ("10 MiB", b"# a long comment\n".repeat((10 << 20) / 17), "cluster.yaml"),
        ("aliases", bomb.into(), "cluster.yaml:"),
        ("deep brackets", b"a: ".iter().copied().chain(b"[".repeat(200_000)).collect(), "cluster.yaml:1:"),
        ("deep maps", indented.into(), "cluster.yaml:"),
        ("unknown fields", unknown.into(), "\n  and "),
        ("empty", Vec::new(), "contains no documents"),
    ];
    for (name, bytes, place) in cases {
        let root = tempfile::tempdir().unwrap();
        let finished = Run::new(INIT).file("cluster.yaml", &bytes).rootfs(root.path()).finish();
        println!("{name}");
        // A broken file must not fill the screen either.
        assert!(finished.stderr.len() < 16_384, "{name}: {} bytes of message", finished.stderr.len());
        assert_refused(finished, &[place]);
        assert_eq!(whole::names(root.path()), Vec::<PathBuf>::new(), "{name}");
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let root = tempfile::tempdir().unwrap();
    let missing = Run::new(INIT).rootfs(root.path()).finish();
    assert_refused(missing, &["cannot read cluster.yaml", "run 'ls -la cluster.yaml'"]);
    let directory = Run::new(["init", "--config", "."]).rootfs(root.path()).finish();
    assert_refused(directory, &["cannot read .", "give a file, not a directory"]);
    assert_eq!(whole::names(root.path()), Vec::<PathBuf>::new());
}

/// How a file of the tree is broken, and what the message must say.
type Damage = (&'static str, fn(&Path), &'static [&'static str]);

const DAMAGES: [Damage; 9] = [
    ("the CA is cut off", |root| cut(root, "pki/ca.crt"), &["/etc/kubernetes/pki/ca.crt"]),
    ("a certificate is cut off", |root| cut(root, "pki/apiserver.crt"), &["/etc/kubernetes/pki/apiserver.crt"]),
    ("a key is cut off", |root| cut(root, "pki/etcd/server.key"), &["/etc/kubernetes/pki/etcd/server.key"]),
    ("the CA's key is another's", |root| foreign(root, "pki/ca.key"), &["/etc/kubernetes/pki/ca.", "key"]),
    ("a key is another's", |root| foreign(root, "pki/apiserver.key"), &["/etc/kubernetes/pki/apiserver.", "key"]),
    ("a certificate is of another CA", |root| foreign_pair(root, "pki/apiserver"), &["pki/apiserver.crt", "ca"]),
    ("a kubeconfig is not YAML", |root| put(root, "admin.conf", b"{{{"), &["/etc/kubernetes/admin.conf"]),
    ("a kubeconfig is not UTF-8", |root| put(root, "kubelet.conf", b"\xff"), &["kubelet.conf", "UTF-8"]),
    (
        "a directory is in the way",
        |root| in_the_way(root, "pki/ca.crt"),
        &["pki/ca.crt", "there is a directory where a file"],
    ),
];

fn place(root: &Path, name: &str) -> PathBuf {
    root.join("etc/kubernetes").join(name)
}

fn put(root: &Path, name: &str, content: &[u8]) {
    fs::write(place(root, name), content).unwrap();
}

fn cut(root: &Path, name: &str) {
    let bytes = fs::read(place(root, name)).unwrap();
    put(root, name, &bytes[..bytes.len() / 2]);
}

fn foreign(root: &Path, name: &str) {
    put(root, name, &fs::read(place(OTHER_CLUSTER.path(), name)).unwrap());
}

fn foreign_pair(root: &Path, name: &str) {
    foreign(root, &format!("{name}.crt"));
    foreign(root, &format!("{name}.key"));
}

fn in_the_way(root: &Path, name: &str) {
    fs::remove_file(place(root, name)).unwrap();
    fs::create_dir(place(root, name)).unwrap();
}

#[test]
fn what_is_broken_in_a_tree_is_named_and_left_as_it_is() {
    for (name, damage, expected) in DAMAGES {
        let root = tempfile::tempdir().unwrap();
        crate::support::tree::copy(CLUSTER.path(), root.path());
        damage(root.path());
        let before = whole::contents(root.path());
        let finished = init(root.path());
        println!("{name}: {finished}");
        assert_refused(finished, expected);
        assert!(before == whole::contents(root.path()), "{name}: something was changed");
    }
}

/// A kind of damage to the lines of a file, with its name.
type LineDamage = (&'static str, fn(&str) -> String);

/// What editors, variables and old tools do to the lines of a file.
const LINES: [LineDamage; 9] = [
    ("blanks for line breaks", |text| text.replace('\n', " ")),
    ("tabs for line breaks", |text| text.replace('\n', "\t")),
    ("carriage returns for line breaks", |text| text.replace('\n', "\r")),
    ("no line breaks", |text| text.replace('\n', "")),
    ("written line breaks", |text| text.replace('\n', "\\n")),
    ("one line joined", |text| text.replacen("-----\n", "-----", 1)),
    ("no first line", |text| text.split_once('\n').unwrap().1.into()),
    ("a byte order mark", |text| format!("\u{feff}{text}")),
    ("indented", |text| text.lines().map(|line| format!("  {line}\n")).collect()),
];

/// The base64 of a PEM file.
fn body(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

#[track_caller]
fn assert_hides(finished: &Finished, secret: &str) {
    for text in [&finished.stdout, &finished.stderr] {
        let shown =
            secret.as_bytes().windows(8).filter_map(|part| str::from_utf8(part).ok()).find(|part| text.contains(part));
        assert_eq!(shown, None, "{finished}");
    }
}

/// The error quoted the whole key as the label of its block.
#[test]
fn a_damaged_key_is_never_shown() {
    let key = fs::read_to_string(place(CLUSTER.path(), "pki/ca.key")).unwrap();
    let conf = fs::read_to_string(place(CLUSTER.path(), "admin.conf")).unwrap();
    let commands: [&[&str]; 4] = [
        &INIT,
        &["init", "--config", "cluster.yaml", "-o", "json"],
        &["certs", "renew", "all", "--config", "cluster.yaml"],
        &["certs", "check-expiration", "-o", "json"],
    ];
    for (name, damage) in LINES {
        let root = tempfile::tempdir().unwrap();
        crate::support::tree::copy(CLUSTER.path(), root.path());
        put(root.path(), "pki/ca.key", damage(&key).as_bytes());
        for command in commands {
            let finished = Run::new(command).file("cluster.yaml", CONFIG).rootfs(root.path()).finish();
            println!("{name}: {finished}");
            assert_hides(&finished, &body(&key));
        }
        assert_refused(init(root.path()), &["/etc/kubernetes/pki/ca.key"]);
        put(root.path(), "pki/ca.key", key.as_bytes());

        let value: serde_json::Value = serde_yaml::from_str(&conf).unwrap();
        let data = value["users"][0]["user"]["client-key-data"].as_str().unwrap();
        let inside = String::from_utf8(STANDARD.decode(data).unwrap()).unwrap();
        let damaged = |data: &str| serde_yaml::to_string(&with_key(value.clone(), data.into())).unwrap();
        let listed = serde_yaml::to_string(&with_key(value.clone(), serde_json::json!([data]))).unwrap();
        for text in [damaged(&STANDARD.encode(damage(&inside))), damaged(&format!("*{data}")), listed, damage(&conf)] {
            put(root.path(), "admin.conf", text.as_bytes());
            for command in commands {
                let finished = Run::new(command).file("cluster.yaml", CONFIG).rootfs(root.path()).finish();
                println!("{name}: {finished}");
                assert_hides(&finished, data);
                assert_hides(&finished, &body(&inside));
            }
        }
    }
}

fn with_key(mut kubeconfig: serde_json::Value, data: serde_json::Value) -> serde_json::Value {
    kubeconfig["users"][0]["user"]["client-key-data"] = data;
    kubeconfig
}

/// 22 KB took 2 GB.
#[test]
fn a_kubeconfig_that_aliases_make_large_is_refused() {
    let bomb = format!("more: &a [{}]\nmuch: [{}]\n", "x,".repeat(5000), "*a,".repeat(4000));
    let root = tempfile::tempdir().unwrap();
    crate::support::tree::copy(CLUSTER.path(), root.path());
    let conf = fs::read_to_string(place(root.path(), "admin.conf")).unwrap();
    fs::create_dir_all(root.path().join("root/.kube")).unwrap();
    fs::write(root.path().join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    fs::write(root.path().join("root/.kube/config"), format!("{conf}{bomb}")).unwrap();
    let install = Run::new(["kubeconfig", "install", "--user", "root"]).rootfs(root.path()).finish();
    assert_refused(install, &["/root/.kube/config", "more than 100000 values"]);
    put(root.path(), "admin.conf", format!("{conf}{bomb}").as_bytes());
    assert_refused(init(root.path()), &["/etc/kubernetes/admin.conf", "more than 100000 values"]);
}

#[test]
fn a_directory_or_file_in_the_way_stops_a_new_tree_and_its_removal_completes_it() {
    for (obstacle, is_directory) in
        [("etc/kubernetes/manifests/kube-scheduler.yaml", true), ("etc/kubernetes/pki", false), ("var/lib", false)]
    {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(obstacle);
        if is_directory {
            fs::create_dir_all(&path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "not mine").unwrap();
        }
        assert_refused(init(root.path()), &[obstacle.rsplit('/').next().unwrap(), "move it away"]);
        if is_directory {
            fs::remove_dir(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        whole::assert_all(root.path());
        init(root.path()).exit(ExitCode::Ok);
    }
}
