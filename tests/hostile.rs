//! What cannot be used: files, folders and disks in every bad state. Each is told with a way out and exit code 3, and
//! nothing is left half.

use crate::support::run::{Finished, Run};
use crate::support::whole;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubewright::base::exit_code::ExitCode;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use tempfile::TempDir;

const INIT: [&str; 4] = ["init", "--config", "cluster.yaml", "--quiet"];
const CONFIG: &str = "\
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

/// Refused as input, with help, and every part of `telling` in the message.
#[track_caller]
fn assert_refused(finished: Finished, telling: &[&str]) {
    let finished = finished.exit(ExitCode::Input).stdout("");
    assert!(finished.stderr.starts_with("error: ") && finished.stderr.contains("help: "), "{finished}");
    for part in telling {
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
        ("unknown fields", unknown.into(), " more of them"),
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
    let folder = Run::new(["init", "--config", "."]).rootfs(root.path()).finish();
    assert_refused(folder, &["cannot read .", "give a file, not a folder"]);
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
    ("a kubeconfig is no YAML", |root| put(root, "admin.conf", b"{{{"), &["/etc/kubernetes/admin.conf"]),
    ("a kubeconfig is not UTF-8", |root| put(root, "kubelet.conf", b"\xff"), &["kubelet.conf", "UTF-8"]),
    ("a folder is in the way", |root| in_the_way(root, "pki/ca.crt"), &["pki/ca.crt", "a folder is where a file"]),
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
    for (name, damage, telling) in DAMAGES {
        let root = tempfile::tempdir().unwrap();
        crate::support::tree::copy(CLUSTER.path(), root.path());
        damage(root.path());
        let before = whole::contents(root.path());
        let finished = init(root.path());
        println!("{name}: {finished}");
        assert_refused(finished, telling);
        assert!(before == whole::contents(root.path()), "{name}: something was changed");
    }
}

/// What editors, variables and old tools do to the lines of a file.
const LINES: [(&str, fn(&str) -> String); 9] = [
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
fn a_folder_or_file_in_the_way_stops_a_new_tree_and_its_removal_completes_it() {
    for (obstacle, is_folder) in
        [("etc/kubernetes/manifests/kube-scheduler.yaml", true), ("etc/kubernetes/pki", false), ("var/lib", false)]
    {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(obstacle);
        if is_folder {
            fs::create_dir_all(&path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "not mine").unwrap();
        }
        assert_refused(init(root.path()), &[obstacle.rsplit('/').next().unwrap(), "move it away"]);
        if is_folder {
            fs::remove_dir(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        whole::assert_all(root.path());
        init(root.path()).exit(ExitCode::Ok);
    }
}

/// True as root; says so loudly where a test cannot show what it is for.
fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED, because it takes root: {test}");
    }
    root
}

/// Runs a script in a mount namespace of its own, with the binary as $BIN and the configuration as $CONFIG.
fn script(folder: &Path, text: &str) -> Output {
    let config = folder.join("cluster.yaml");
    fs::write(&config, CONFIG).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-euc", text]).current_dir(folder);
    command.env("BIN", env!("CARGO_BIN_EXE_kubewright")).env("CONFIG", config).output().unwrap()
}

/// The lines `NAME=VALUE` that a script printed.
fn told(output: &Output) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn a_full_disk_leaves_no_half_file_and_with_room_the_same_ca_is_completed() {
    if !is_root("a full disk") {
        return;
    }
    for blocks in [4, 12, 24, 40] {
        let folder = tempfile::tempdir().unwrap();
        let output = script(
            folder.path(),
            &format!(
                "mkdir disk copy; mount -t tmpfs -o size={blocks}k none disk
                 set +e; $BIN init --config $CONFIG --rootfs disk >/dev/null 2>message; echo code=$?; set -e
                 cp -r disk/. copy; ca=disk/etc/kubernetes/pki/ca.crt
                 if [ -e $ca ]; then echo before=$(sha256sum <$ca); fi
                 mount -o remount,size=16m none disk
                 $BIN init --config $CONFIG --rootfs disk >/dev/null 2>&1
                 echo after=$(sha256sum <$ca)"
            ),
        );
        let told = told(&output);
        let message = fs::read_to_string(folder.path().join("message")).unwrap();
        assert_eq!(told["code"], "3", "{blocks}k: {message}");
        assert!(message.contains("caused by: No space left") && message.contains("help: free disk space"), "{message}");
        whole::assert_all(&folder.path().join("copy"));
        assert!(told.get("before").is_none_or(|before| *before == told["after"]), "{blocks}k: there is another CA");
    }
}

#[test]
fn a_read_only_disk_is_named_with_the_way_to_remount_it() {
    if !is_root("a read-only disk") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = script(
        folder.path(),
        "mkdir disk; mount -t tmpfs -o ro none disk; set +e
         $BIN init --config $CONFIG --rootfs disk 2>message; echo code=$?; find disk -mindepth 1",
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), "code=3\n");
    let message = fs::read_to_string(folder.path().join("message")).unwrap();
    assert!(message.contains("mounted read-only") && message.contains("findmnt"), "{message}");
}

#[test]
fn what_a_user_may_not_read_or_write_is_named_with_who_may() {
    if !is_root("files of another user") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = script(
        folder.path(),
        "chmod 711 .; mkdir disk; chmod 755 disk; cp $BIN kubewright; chmod 644 $CONFIG; set +e
         as='setpriv --reuid 65534 --regid 65534 --clear-groups'
         $as ./kubewright init --config $CONFIG --rootfs disk 2>write; echo write=$?
         chmod 600 $CONFIG
         $as ./kubewright init --config $CONFIG --rootfs disk 2>read; echo read=$?
         find disk -mindepth 1",
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), "write=3\nread=3\n");
    for name in ["write", "read"] {
        let message = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(message.contains("Permission denied") && message.contains("\nhelp: run the command as"), "{message}");
    }
}
