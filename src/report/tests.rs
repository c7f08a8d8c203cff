//! Tests of plans as text: what is in the summary, what each kind of change looks like in short and in full.

use super::{ChangeList, Paint};
use crate::base::gate::{Change, Entry, Exchange};

fn plan_of(changes: Vec<Change>, verbosity: u8, paint: Paint) -> String {
    let entry = |change| Entry { phase: "etcd/local".into(), change };
    ChangeList::new(changes.into_iter().map(entry).collect()).plan(verbosity, paint)
}

fn short(changes: Vec<Change>) -> String {
    plan_of(changes, 0, Paint::plain())
}

fn write(path: &str, before: Option<&str>, after: &str) -> Change {
    Change::WriteFile { path: path.into(), mode: 0o600, before: before.map(str::to_owned), after: after.into() }
}

fn remove(path: &str) -> Change {
    Change::Remove { path: path.into() }
}

fn systemctl(verb: &str) -> Change {
    let command = ["systemctl", verb, "kubelet"].map(str::to_owned).to_vec();
    Change::Run { what: format!("{verb} kubelet"), command }
}

#[test]
fn a_plan_begins_with_a_summary_and_shows_each_change_in_short() {
    let changed = Change::Request {
        api: "kubernetes".into(),
        verb: "update".into(),
        object: "ConfigMap kube-system/coredns".into(),
        body: Some("data: {a: 2}\n".into()),
        exchange: Some(Exchange { before: "data:\n  a: 1\n".into(), after: "data:\n  a: 2\n".into() }),
    };
    let text = short(vec![
        Change::CreateDirectory { path: "/etc/a".into(), mode: 0o755 },
        Change::CreateDirectory { path: "/etc/a/b".into(), mode: 0o755 },
        write("/etc/a/long.conf", None, "1\n2\n3\n4\n"),
        write("/etc/a/few.conf", None, "net.ipv4.ip_forward = 1\n"),
        write("/etc/a/old.conf", Some("x\ny\n"), "x\nz\n"),
        write("/etc/a/mode.conf", Some("x\n"), "x\n"),
        systemctl("start"),
        Change::request("kubernetes", "create", "ConfigMap kube-system/kubeadm-config", Some("a: b\n".into())),
        Change::request("kubernetes", "create", "ConfigMap kube-system/kubelet-config", None),
        changed,
        Change::request("kubernetes", "delete", "Node n2", None),
        Change::request("cri", "pull", "image registry.k8s.io/etcd:3.6.4-0", None),
        remove("/var/lib/kubelet"),
    ]);
    assert_eq!(
        text,
        "\
13 changes planned. Nothing was changed. Add -v to show them in full.
  create    2 files (long.conf, few.conf); 2 directories
  change    2 files (old.conf, mode.conf)
  remove    1 path (/var/lib/kubelet)
  run       start kubelet
  runtime   pull image registry.k8s.io/etcd:3.6.4-0
  cluster   create ConfigMap kube-system/kubeadm-config, ConfigMap
            kube-system/kubelet-config; update ConfigMap kube-system/coredns;
            delete Node n2
Files:
  create directories (0755) /etc/a, /etc/a/b
  create /etc/a/long.conf (0600), 4 lines
  create /etc/a/few.conf (0600)
    net.ipv4.ip_forward = 1
  change /etc/a/old.conf (0600)
    @@ -1,2 +1,2 @@
     x
    -y
    +z
  change /etc/a/mode.conf (0600)
    the mode, or content that is not shown
Services and commands:
  start kubelet: systemctl start kubelet
Container runtime:
  pull image registry.k8s.io/etcd:3.6.4-0
Cluster:
  create ConfigMap kube-system/kubeadm-config, kube-system/kubelet-config
  update ConfigMap kube-system/coredns
    @@ -1,2 +1,2 @@
     data:
    -  a: 1
    +  a: 2
  delete Node n2
Removed from this host:
  remove /var/lib/kubelet
"
    );
}

#[test]
fn verbosity_adds_the_content_by_phase() {
    let text = plan_of(
        vec![write("/etc/a", None, "1\n\n2\n"), write("/etc/b", Some("a\nc\n"), "a\nb\n"), remove("/c")],
        1,
        Paint::plain(),
    );
    let (summary, changes) = text.split_once("[etcd/local]\n").unwrap();
    assert!(
        summary.starts_with("3 changes planned. Nothing was changed.\n") && summary.contains("remove"),
        "{summary}"
    );
    assert_eq!(
        changes,
        "would write /etc/a (0600):\n    1\n\n    2\n\
         would change /etc/b (0600):\n    @@ -1,2 +1,2 @@\n     a\n    -c\n    +b\n\
         would remove /c\n"
    );
}

#[test]
fn long_lists_are_counted_in_the_summary_and_complete_below() {
    let paths: Vec<String> = (0..40).map(|number| format!("/var/lib/etcd/member/{number}")).collect();
    let text = short(paths.iter().map(|path| remove(path)).collect());
    assert!(text.contains("  remove    40 paths\n"), "{text}");
    assert!(paths.iter().all(|path| text.contains(&format!("  remove {path}\n"))), "{text}");
}

#[test]
fn an_empty_plan_says_so() {
    assert_eq!(short(Vec::new()), "No changes.\n");
}

#[test]
fn a_key_has_the_algorithm_of_the_public_key_beside_it() {
    let public = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYD54V/vp+54P9DXarYqx4MPcm+HK\n\
        RIQzNasYSoRQHQ/6S6Ps8tpMcT+KvIIC8W/e9k0W7Cm72M1P9jU7SLf/vg==\n-----END PUBLIC KEY-----\n";
    let key = |path: &str| write(path, None, "(private key, not shown)\n");
    let text = short(vec![key("/pki/sa.key"), write("/pki/sa.pub", None, public), key("/pki/lone.key")]);
    assert!(text.contains("  create private key (0600, ECDSA-P256) /pki/sa.key\n"), "{text}");
    assert!(text.contains("  create /pki/sa.pub (0600), public key, ECDSA-P256\n"), "{text}");
    assert!(text.contains("  create private key (0600) /pki/lone.key\n"), "{text}");
}

#[test]
fn colours_change_nothing_but_the_colours() {
    let changes = || vec![write("/etc/b", Some("a\nc\n"), "a\nb\n"), remove("/c"), systemctl("stop")];
    let coloured = plan_of(changes(), 0, Paint::new(true, None));
    assert!(coloured.contains("\x1b[32m+b\x1b[0m") && coloured.contains("\x1b[31mremove\x1b[0m /c"), "{coloured:?}");
    let mut plain = coloured;
    for code in ["0", "1", "2", "31", "32", "33"] {
        plain = plain.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(plain, short(changes()));
}
