use super::*;
use crate::base::files::HostFiles;
use crate::base::gate::{Change, Gate};
use crate::context::Reset;
use crate::context::leaving::fixture;
use crate::host::Host;
use crate::host::command::fake::FakeHost;
use crate::host::cri::fake::FakeCri;
use crate::host::removal::Why;
use crate::kube::test_api::TestApi;
use crate::ops::containers::tests::context;
use serde_json::json;
use std::os::unix::fs::symlink;
use std::sync::Arc;

fn put(root: &Path, path: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "x").unwrap();
}

fn clean(cx: &mut Run<Reset>) {
    CleanupNode.run(cx, &Target { path: "cleanup-node".into(), item: None }).unwrap();
}

fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let is_directory = path.symlink_metadata().unwrap().is_dir();
            if is_directory {
                directories.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

const OURS: [&str; 15] = [
    "etc/kubernetes/admin.conf",
    "etc/kubernetes/kubelet.conf",
    "etc/kubernetes/manifests/etcd.yaml",
    "etc/kubernetes/manifests/kube-apiserver.yaml",
    "etc/kubernetes/pki/ca.key",
    "etc/kubernetes/pki/etcd/peer.crt",
    "etc/kubernetes/pki/sa.pub",
    "etc/cni/net.d/10-flannel.conflist",
    "run/flannel/subnet.env",
    "var/lib/kubelet/config.yaml",
    "var/lib/kubelet/pki/kubelet.key",
    "var/lib/kubelet/pods/a/volumes/b/c",
    "var/lib/cni/networks/lab/last_reserved_ip.0",
    "var/log/pods/kube-system_etcd-n1_0123/etcd/0.log",
    "var/log/pods/default_web_4567/web/0.log",
];
const THEIRS: [&str; 11] = [
    "etc/cni/net.d/10-lab.conflist",
    "etc/kubernetes/audit-policy.yaml",
    "etc/kubernetes/manifests/kube-vip.yaml",
    "etc/kubernetes/pki/oidc-ca.pem",
    "etc/kubernetes/tmp/notes",
    "home/user/data",
    "var/lib/cni/networks/podman/10.88.0.2",
    "var/lib/etcd/member/snap/db",
    "var/lib/kubelet/seccomp/profile.json",
    "var/log/containers/mine.log",
    "var/log/pods/mine",
];

/// Earlier, the running kubelet would overwrite the condition; later, the credentials are missing.
#[test]
fn the_node_is_marked_not_ready_after_the_kubelet_has_stopped_and_before_its_credentials_are_removed() {
    let fake = FakeHost::new()
        .systemd()
        .on("systemctl show -p LoadState,ActiveState,UnitFileState kubelet", "ActiveState=active\n")
        .on("systemctl stop kubelet", "")
        .file("/etc/kubernetes/kubelet.conf", "x");
    let _server = FakeCri::new().pod("web", &[], &[]).serve(fake.root(), "/var/run/containerd/containerd.sock");
    let api = TestApi::default();
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    api.put("/api/v1/nodes/n1", json!({"metadata": {"name": "n1"}, "status": ready}));
    api.with(|state| state.texts.insert("/readyz".into(), (200, "ok".into())));
    let enter = |host: Host| {
        let mut cx = context(&fake, host);
        cx.work.kubeconfig = Some("/etc/kubernetes/kubelet.conf".into());
        cx.fake = Some(Arc::new(api.cluster(&cx.host.gate)));
        cx
    };
    crate::phases::reset::changes_wanted(&mut enter(fake.dry()), false).unwrap();
    assert!(api.take_log().is_empty(), "the preview sends no request");
    let mut cx = enter(fake.live());
    clean(&mut cx);
    let changes: Vec<Change> = cx.host.gate.entries().into_iter().map(|entry| entry.change).collect();
    let at = |is: fn(&Change) -> bool| changes.iter().position(is).unwrap();
    let stop = at(|change| matches!(change, Change::Run { command, .. } if command[1] == "stop"));
    let reported = at(|change| matches!(change, Change::Request { verb, .. } if verb == "patch"));
    let gone = at(|change| matches!(change, Change::Remove { path } if path.ends_with("kubelet.conf")));
    assert!(stop < reported && reported < gone, "{changes:?}");
}

#[test]
fn files_of_cluster_tools_are_removed_and_all_others_stay() {
    let root = tempfile::tempdir().unwrap();
    for path in OURS.iter().chain(&THEIRS) {
        put(root.path(), path);
    }
    clean(&mut fixture(root.path()));
    assert_eq!(files(root.path()), THEIRS);
    let mut again = fixture(root.path());
    clean(&mut again);
    assert_eq!(again.host.gate.count(), 0, "{:?}", again.host.gate.entries());
}

#[test]
fn data_and_certificates_of_an_external_etcd_stay() {
    let root = tempfile::tempdir().unwrap();
    let theirs = [
        "etc/kubernetes/pki/apiserver-etcd-client.key",
        "etc/kubernetes/pki/etcd/ca.crt",
        "var/lib/etcd/member/snap/db",
    ];
    for path in theirs.iter().chain(&["etc/kubernetes/kubelet.conf", "etc/kubernetes/pki/ca.key"]) {
        put(root.path(), path);
    }
    clean(&mut fixture(root.path()));
    assert_eq!(files(root.path()), theirs);
}

#[test]
fn an_etcd_member_whose_phase_was_skipped_is_not_stopped_without_force() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "etc/kubernetes/manifests/etcd.yaml");
    put(root.path(), "var/lib/etcd/member/snap/db");
    let mut cx = fixture(root.path());
    assert!(guard_etcd(&mut cx).unwrap_err().to_string().contains("etcd"));
    cx.work.etcd_membership = Some(EtcdMembership::Member { others: Vec::new() });
    guard_etcd(&mut cx).unwrap();
    assert_eq!(cx.work.notes.len(), 1);
    cx.work.etcd_membership = Some(EtcdMembership::Last);
    assert!(guard_etcd(&mut cx).is_err());
    cx.work.end_cluster = true;
    guard_etcd(&mut cx).unwrap();
}

#[test]
fn kubeadms_own_backups_are_removed_only_with_the_flag() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "etc/kubernetes/tmp/kubeadm-backup-etcd-2026/db");
    put(root.path(), "etc/kubernetes/tmp/notes");
    clean(&mut fixture(root.path()));
    assert_eq!(files(root.path()).len(), 2);
    let mut cx = fixture(root.path());
    cx.work.place.cleanup_tmp_dir = true;
    clean(&mut cx);
    assert_eq!(files(root.path()), ["etc/kubernetes/tmp/notes"]);
}

#[test]
fn a_certificates_directory_that_is_a_link_is_kept_and_reported() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "data/pki/ca.key");
    put(root.path(), "etc/kubernetes/admin.conf");
    symlink("/data/pki", root.path().join("etc/kubernetes/pki")).unwrap();
    let mut cx = fixture(root.path());
    clean(&mut cx);
    assert_eq!(files(root.path()), ["data/pki/ca.key", "etc/kubernetes/pki"]);
    let kept = &cx.work.kept;
    assert!(kept.iter().any(|kept| kept.why == Why::BehindLink("/etc/kubernetes/pki".into())), "{kept:?}");
    assert_eq!(kept.len(), 1, "one line for the link, regardless of the number of files behind it");
}

#[test]
fn directories_that_we_created_are_removed_if_empty_and_those_of_others_stay() {
    use crate::base::files::Content;
    use crate::journal::Journal;
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("etc/kubernetes")).unwrap();
    let mut cx = fixture(root.path());
    cx.host.files.write(Path::new("/etc/kubernetes/manifests/etcd.yaml"), &Content::public("x"), 0o600).unwrap();
    let mut journal = Journal::default();
    journal.note(&cx.host.files, &cx.host.gate.entries(), "", 1).unwrap();
    journal.save(&cx.host.files).unwrap();
    clean(&mut cx);
    assert!(root.path().join("etc/kubernetes").exists() && !root.path().join("etc/kubernetes/manifests").exists());
}

#[test]
fn a_dry_run_records_everything_and_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    for path in OURS {
        put(root.path(), path);
    }
    let mut cx = fixture(root.path());
    let gate = Gate::recording();
    cx.host.files = HostFiles::new(root.path(), gate.clone());
    cx.host = crate::host::Host::new(&cx.vars, cx.host.clock.clone(), cx.host.files.clone(), gate.clone());
    cx.host.gate = gate;
    clean(&mut cx);
    assert!(cx.host.gate.count() >= OURS.len() - 4, "{:?}", cx.host.gate.entries());
    assert_eq!(files(root.path()).len(), OURS.len());
}

/// It was listed as not created by cluster tools.
#[test]
fn a_kubelet_checkpoint_directory_is_removed_only_if_empty() {
    for (files, stays) in [(vec![], false), (vec!["checkpoint-web.tar"], true)] {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("var/lib/kubelet/checkpoints");
        std::fs::create_dir_all(&directory).unwrap();
        for name in files {
            std::fs::write(directory.join(name), "x").unwrap();
        }
        let mut cx = fixture(root.path());
        let task = Target { path: String::new(), item: None };
        CleanupNode.run(&mut cx, &task).unwrap();
        let left = crate::state::leftovers::list(&mut cx).unwrap();
        assert_eq!((directory.exists(), left.is_empty()), (stays, !stays), "{left:?}");
    }
}
