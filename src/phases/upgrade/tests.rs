//! Upgrades of a host whose components are fakes: what changes, the way back, and runs that are killed.

mod fake_kubelet;

use super::component::consumer;
use super::exits::Exits;
use super::{half_done, kubelet, static_pod, verify};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::files::{Content, faults::injected};
use crate::context::upgrading::{Certificates, HostUpgrade, Scope};
use crate::context::{Context, Lifecycle, Renewal, Run, Upgrading};
use crate::domain::paths::{BACKUP_DIR, KUBELET_CONFIG, KUBELET_FLAGS, manifest};
use crate::ops::running::Running;
use crate::ops::upgrade_progress;
use crate::pki::catalog::{self, CERTS};
use crate::pki::fixture;
use crate::state::manifests;
use crate::state::renewal_fixture;
use crate::state::upgrade::progress::{PROGRESS_FILE, progress};
use crate::state::upgrade::target_config::at_version;
use fake_kubelet::{FakeKubelet, now};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const FROM: &str = "v1.35.2";
const TO: &str = "v1.36.2";
const FLAGS: &str = "KUBELET_KUBEADM_ARGS=\"--pod-infra-container-image=r.io/pause:3.10 --node-ip=10.0.0.1\"\n";

/// A control plane of the former version.
fn host() -> TempDir {
    let root = renewal_fixture::host();
    let cx = context(root.path(), FROM, Certificates::Stay);
    for name in manifests::pod_names() {
        let text = manifests::text(&cx, name).unwrap().unwrap();
        cx.host.files.write(&manifest(name), &Content::public(text), 0o600).unwrap();
    }
    cx.host.files.write(Path::new(KUBELET_CONFIG), &Content::public("a: 1\n"), 0o644).unwrap();
    cx.host.files.write(Path::new(KUBELET_FLAGS), &Content::public(FLAGS), 0o644).unwrap();
    // Older than what this test writes, as on a real host.
    let hour = std::time::Duration::from_hours(1);
    for path in files(root.path()).keys() {
        let file = std::fs::File::options().write(true).open(root.path().join(path)).unwrap();
        file.set_modified(file.metadata().unwrap().modified().unwrap() - hour).unwrap();
    }
    root
}

/// The same with few certificates, so that a run has few steps.
fn small() -> TempDir {
    let root = host();
    let pki = root.path().join("etc/kubernetes/pki");
    for name in ["apiserver-kubelet-client", "apiserver-etcd-client", "etcd/healthcheck-client", "front-proxy-client"] {
        for extension in ["crt", "key"] {
            std::fs::remove_file(pki.join(format!("{name}.{extension}"))).unwrap();
        }
    }
    // It cannot be renewed any more, and is then left alone.
    std::fs::remove_file(root.path().join("etc/kubernetes/controller-manager.conf")).unwrap();
    root
}

/// A run of an upgrade at its beginning. It continues an interrupted one.
fn context(root: &Path, to: &str, certificates: Certificates) -> Run<Upgrading> {
    let cx = Context::for_tests(root.to_str().unwrap());
    let mut stored = fixture::cluster(35);
    stored.version = FROM.parse().unwrap();
    let upgrade = HostUpgrade {
        scope: Scope::Cluster,
        stored: stored.clone(),
        before: Some(stored.version.clone()),
        certificates,
        etcd: true,
        force: false,
        allow_experimental: false,
        allow_release_candidates: false,
        resumed: false,
        pods_change: to != FROM,
        created: Vec::new(),
        objects: Vec::new(),
        snapshot: None,
        addons_wait: None,
        change: None,
        finish: None,
    };
    let cluster = at_version(&stored, &to.parse().unwrap());
    let backup = Path::new(BACKUP_DIR).join("upgrade-20261202T000000Z");
    let mut cx = Run::renewing(cx, cluster, fixture::node(), Renewal::new(upgrade, backup));
    cx.lifecycle = Lifecycle::Upgraded;
    if let Some(progress) = progress(&cx.host.files).unwrap() {
        upgrade_progress::resume(&mut cx, progress).unwrap();
    }
    cx
}

/// The phases that change this host.
fn apply(cx: &mut Run<Upgrading>, host: &FakeKubelet) -> Result<()> {
    for name in manifests::pod_names() {
        static_pod::upgrade(cx, consumer(name).unwrap(), host)?;
    }
    verify::still_ready(cx, host)?;
    kubelet::write(cx, vec![(KUBELET_CONFIG.into(), "a: 2\n".into())])?;
    upgrade_progress::forget(cx)
}

fn upgrade(root: &Path, host: &FakeKubelet) -> Result<Run<Upgrading>> {
    let mut cx = context(root, TO, Certificates::WithPods);
    apply(&mut cx, host)?;
    Ok(cx)
}

/// Every file below /etc and /var/lib/kubelet.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn add(root: &Path, directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(root, &path, files);
            } else {
                files.insert(path.strip_prefix(root).unwrap().into(), std::fs::read(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    for directory in ["etc", "var/lib/kubelet"] {
        add(root, &root.join(directory), &mut files);
    }
    files
}

/// Both keys and certificates of each pair belong together.
fn assert_pairs(cx: &mut Context, when: &str) {
    let store = cx.pki().unwrap();
    let there: Vec<_> = CERTS.iter().filter(|spec| cx.host.files.exists(&store.cert_path(spec))).collect();
    assert!(there.len() > 4 && there.iter().all(|spec| store.belong_together(spec)), "{when}");
}

/// Names the files that differ: their contents are keys.
#[track_caller]
fn assert_same(now: &BTreeMap<PathBuf, Vec<u8>>, before: &BTreeMap<PathBuf, Vec<u8>>, when: &str) {
    let differ: Vec<&PathBuf> =
        now.keys().chain(before.keys()).filter(|path| now.get(*path) != before.get(*path)).collect();
    assert!(differ.is_empty(), "{when}: {differ:?}");
}

fn copy(root: &TempDir) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    let from = root.path().join(".");
    assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to.path()).status().unwrap().success());
    to
}

#[test]
fn components_change_in_order_with_new_certificates_and_a_second_run_changes_nothing() {
    let root = host();
    let kubelet = FakeKubelet::new(root.path());
    let before = files(root.path());
    let mut cx = upgrade(root.path(), &kubelet).unwrap();
    let started = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];
    assert_eq!(kubelet.log.take(), started.map(|name| format!("start {name}")));
    assert!(kubelet.image("kube-apiserver").ends_with(TO) && kubelet.image("etcd").contains("3.6.8"));
    assert!(kubelet.runs_what_is_on_disk());
    assert_pairs(&mut cx, "after the upgrade");
    let after = files(root.path());
    for changed in [
        "etc/kubernetes/pki/apiserver.crt",
        "etc/kubernetes/scheduler.conf",
        "etc/kubernetes/pki/etcd/peer.key",
        "etc/kubernetes/pki/etcd/healthcheck-client.crt",
    ] {
        assert_ne!(before[Path::new(changed)], after[Path::new(changed)], "{changed}");
    }
    let flags = String::from_utf8(after[Path::new("var/lib/kubelet/kubeadm-flags.env")].clone()).unwrap();
    assert_eq!(flags, "KUBELET_KUBEADM_ARGS=\"--node-ip=10.0.0.1\"\n");
    assert!(progress(&cx.host.files).unwrap().is_none());

    let mut cx = context(root.path(), TO, Certificates::WithPods);
    cx.work.purpose.pods_change = false;
    apply(&mut cx, &kubelet).unwrap();
    assert_eq!(cx.host.gate.count(), 0, "{:?}", cx.host.gate.entries());
    assert_same(&files(root.path()), &after, "the second run");
    assert!(kubelet.log.take().is_empty());
}

/// kubeadm skips the renewal with the manifest: an upgrade to the same version renewed nothing.
#[test]
fn certificates_are_renewed_on_request_although_no_manifest_changes() {
    let root = host();
    let kubelet = FakeKubelet::new(root.path());
    let before = files(root.path());
    let mut cx = context(root.path(), FROM, Certificates::Renew);
    for name in manifests::pod_names() {
        static_pod::upgrade(&mut cx, consumer(name).unwrap(), &kubelet).unwrap();
    }
    let after = files(root.path());
    let own = |name: &str| Path::new("etc/kubernetes").join(name);
    assert_ne!(before[&own("pki/apiserver.crt")], after[&own("pki/apiserver.crt")]);
    assert_eq!(before[&own("manifests/kube-apiserver.yaml")], after[&own("manifests/kube-apiserver.yaml")]);
    // etcd reads its certificates again by itself.
    let log = kubelet.log.take();
    assert!(log.contains(&"end kube-apiserver".into()) && !log.iter().any(|line| line.ends_with(" etcd")), "{log:?}");
}

#[test]
fn without_renewal_no_certificate_changes() {
    let root = host();
    let before = files(root.path());
    let mut cx = context(root.path(), TO, Certificates::Stay);
    apply(&mut cx, &FakeKubelet::new(root.path())).unwrap();
    let after = files(root.path());
    assert!(
        before
            .iter()
            .filter(|(path, _)| path.starts_with("etc/kubernetes/pki"))
            .all(|(path, bytes)| after[path] == *bytes)
    );
}

#[test]
fn if_a_component_does_not_start_all_of_this_host_is_as_before() {
    for broken in ["etcd", "kube-apiserver", "kube-scheduler"] {
        let root = host();
        let kubelet = FakeKubelet::new(root.path());
        let before = files(root.path());
        let tag = if broken == "etcd" { "3.6.8" } else { TO };
        *kubelet.broken.borrow_mut() = Some((broken.into(), tag.into()));
        let failure = upgrade(root.path(), &kubelet).err().unwrap();
        assert_eq!(failure.exit_code(), ExitCode::Unhealthy);
        let said = failure.to_string();
        assert!(
            said.contains(&format!("{broken} did not become ready for {TO}: its container has exited 3 times")),
            "{said}"
        );
        assert!(said.contains("This host is back at v1.35.2"), "{said}");
        assert_same(&files(root.path()), &before, broken);
        assert!(kubelet.runs_what_is_on_disk() && kubelet.image("kube-apiserver").ends_with(FROM));
        // When the cause is gone, the same command succeeds.
        kubelet.broken.take();
        upgrade(root.path(), &kubelet).unwrap();
        assert!(kubelet.image(broken).contains(tag));
    }
}

/// The way back was reported as complete while the API server, which had exited without etcd, was still to be started again.
#[test]
fn an_api_server_that_exits_while_etcd_is_away_is_ready_before_the_way_back_is_complete() {
    let root = host();
    let kubelet = FakeKubelet::new(root.path());
    *kubelet.broken.borrow_mut() = Some(("etcd".into(), "3.6.8".into()));
    let said = upgrade(root.path(), &kubelet).err().unwrap().to_string();
    assert!(said.contains("This host is back at v1.35.2"), "{said}");
    assert!(kubelet.log.take().contains(&"end kube-apiserver".into()));
    assert!(kubelet.runs_what_is_on_disk());
}

#[test]
fn if_the_old_files_do_not_help_either_the_error_says_so_and_the_record_stays() {
    let root = host();
    let kubelet = FakeKubelet::new(root.path());
    *kubelet.broken.borrow_mut() = Some(("kube-apiserver".into(), "kube-apiserver:v1.3".into()));
    let said = upgrade(root.path(), &kubelet).err().unwrap().to_string();
    assert!(
        said.contains("The files of v1.35.2 were restored. Not ready with them: kube-apiserver: its container"),
        "{said}"
    );
    assert!(root.path().join(&PROGRESS_FILE[1..]).exists());
}

/// Kills an upgrade after every so many steps, and repeats it. Returns how many were killed.
fn kill(before: &TempDir, certificates: Certificates, every: u32) -> u32 {
    for number in 0.. {
        let nth = number * every;
        let root = copy(before);
        let kubelet = FakeKubelet::new(root.path());
        let run = || {
            let mut cx = context(root.path(), TO, certificates);
            apply(&mut cx, &kubelet).map(|()| cx)
        };
        let armed = injected::stop_after(nth);
        let first = run();
        drop(armed);
        if first.is_ok() {
            return number;
        }
        let mut cx = run().unwrap_or_else(|failure| panic!("{nth}: {failure}"));
        assert_pairs(&mut cx, &nth.to_string());
        for (name, tag) in [("etcd", "3.6.8"), ("kube-apiserver", TO), ("kube-scheduler", TO)] {
            assert!(kubelet.image(name).contains(tag), "{nth}: {name} runs {}", kubelet.image(name));
        }
        assert!(kubelet.runs_what_is_on_disk(), "{nth}");
        assert!(progress(&cx.host.files).unwrap().is_none(), "{nth}");
        assert_eq!(std::fs::read(root.path().join(&KUBELET_CONFIG[1..])).unwrap(), b"a: 2\n", "{nth}");
    }
    unreachable!("a run ends at some time")
}

#[test]
fn an_upgrade_that_is_killed_at_any_file_is_completed_by_the_same_command() {
    let before = small();
    let killed = kill(&before, Certificates::Stay, 1);
    assert!(killed > 15, "{killed}");
    let killed = kill(&before, Certificates::WithPods, 7);
    assert!(killed > 8, "{killed}");
}

/// After a power cut between peer.key and peer.crt etcd could not start, and the next run waited for it, then went back.
#[test]
fn a_certificate_of_etcd_that_is_half_replaced_is_completed_before_etcd_is_waited_for() {
    let before = small();
    let (key, cert) = ("etc/kubernetes/pki/etcd/peer.key", "etc/kubernetes/pki/etcd/peer.crt");
    let read = |root: &TempDir, path: &str| std::fs::read(root.path().join(path)).unwrap();
    let mut is_tried = false;
    for nth in 0.. {
        let root = copy(&before);
        let kubelet = FakeKubelet::new(root.path());
        let armed = injected::stop_after(nth);
        let first = upgrade(root.path(), &kubelet);
        drop(armed);
        if first.is_ok() || read(&root, cert) != read(&before, cert) {
            break;
        }
        if read(&root, key) == read(&before, key) {
            continue;
        }
        is_tried = true;
        kubelet.crash("etcd");
        kubelet.log.take();
        let cx = Context::for_tests(root.path().to_str().unwrap());
        let mut cx = cx.configured(fixture::cluster(35), fixture::node());
        let record = progress(&cx.host.files).unwrap().unwrap();
        half_done::complete(&mut cx, &record, Some(&kubelet)).unwrap();
        assert!(cx.pki().unwrap().belong_together(catalog::cert("etcd-peer").unwrap()), "{nth}");
        assert_ne!(read(&root, cert), read(&before, cert), "{nth}");
        assert_eq!(kubelet.log.take(), ["end etcd", "start etcd"], "{nth}");
        // What a way back restores is as it was.
        let kept = record.backup.strip_prefix("/").unwrap().join(cert);
        assert_eq!(read(&root, kept.to_str().unwrap()), read(&before, cert), "{nth}");
        // The rest is for the same command.
        upgrade(root.path(), &kubelet).unwrap();
        assert!(kubelet.runs_what_is_on_disk(), "{nth}");
    }
    assert!(is_tried);
}

/// The kubelet keeps the last exited container only, and a power cut ends the ones before.
#[test]
fn containers_that_exit_are_counted_since_the_run_began_also_when_they_are_removed() {
    let root = host();
    let kubelet = FakeKubelet::new(root.path());
    *kubelet.broken.borrow_mut() = Some(("etcd".into(), "etcd".into()));
    let mut exits = Exits::since(now() - 60_000_000_000);
    // The first one has exited long before.
    let seen = [(); 4].map(|()| exits.too_many(&["etcd", "kube-apiserver"], &kubelet).unwrap());
    assert_eq!(seen, [None, None, None, Some("etcd")]);
    assert_eq!(kubelet.containers("etcd").unwrap().len(), 2);
}

/// The second run goes back to the files from before the first one, not to what that had written.
#[test]
fn an_upgrade_that_is_killed_and_then_fails_goes_back_to_what_was_before_the_first_run() {
    let before = small();
    let original = files(before.path());
    for nth in (5..80).step_by(15) {
        let root = copy(&before);
        let kubelet = FakeKubelet::new(root.path());
        let armed = injected::stop_after(nth);
        let first = upgrade(root.path(), &kubelet);
        drop(armed);
        if first.is_ok() {
            break;
        }
        *kubelet.broken.borrow_mut() = Some(("kube-scheduler".into(), TO.into()));
        let said = upgrade(root.path(), &kubelet).err().map(|failure| failure.to_string()).unwrap_or_default();
        assert!(said.contains("This host is back at v1.35.2"), "{nth}: {said}");
        assert_same(&files(root.path()), &original, &nth.to_string());
        assert!(kubelet.runs_what_is_on_disk(), "{nth}");
    }
}

#[test]
fn etcd_of_a_newer_minor_version_stays_when_another_component_fails() {
    let root = host();
    let kubelet = FakeKubelet::new(root.path());
    // As before an upgrade to v1.34.
    let path = root.path().join(&manifest("etcd").to_str().unwrap()[1..]);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("etcd:3.6.6", "etcd:3.5.26")).unwrap();
    *kubelet.broken.borrow_mut() = Some(("kube-apiserver".into(), TO.into()));
    let said = upgrade(root.path(), &kubelet).err().unwrap().to_string();
    assert!(said.contains("back at v1.35.2") && said.contains("etcd stays at its new version"), "{said}");
    assert!(kubelet.image("etcd").contains("3.6.8") && kubelet.image("kube-apiserver").ends_with(FROM));
}
