//! Removes what a cluster left on this host: its containers, mounts, files, links and packet rules.
//!
//! Reads: what is there. Writes: the kubelet's state (stopped), what the cluster knows of it, the Pods of the runtime,
//! the kubelet's mounts, the files and folders of the list in `known`, links, packet rules. A mount that is not let go
//! ends it before any file is removed.

use super::containers::{self, Wanted};
use super::discard::discard;
use super::{credentials, known, network};
use crate::actions::leave::etcd::Place;
use crate::actions::leave::local_etcd::{self, may_have_data};
use crate::actions::leave::{note, stopped};
use crate::base::fault::Result;
use crate::context::Context;
use crate::host::service::Services;
use crate::host::{mounts, removal};
use crate::pipeline::{Action, Target};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(super) const SERVICE: &str = "kubelet";
/// With one of these a kubelet has work; without any it only waits for them, on a fresh host too.
const KUBELET_WORK: [&str; 4] = [
    "/etc/kubernetes/bootstrap-kubelet.conf",
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/config.yaml",
    "/var/lib/kubelet/kubeadm-flags.env",
];

/// See the module's text.
pub struct CleanupNode;

impl Action for CleanupNode {
    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        if cx.host.is_live() {
            guard_etcd(cx)?;
            stop_kubelet(cx)?;
            stopped::tell(cx)?;
            containers::remove(cx, Wanted::All)?;
            let flags = cx.reset()?.unmount_flags.clone();
            for path in mounts::release(&cx.host, &known::mounts(cx), &flags)? {
                cx.events.message(format!("unmounted {}", path.display()));
            }
        }
        note_kubelets_own_folder(cx)?;
        note_data_of_etcd(cx)?;
        credentials::note_what_stays(cx)?;
        remove_files(cx)?;
        if cx.host.is_live() {
            network::remove(cx)?;
        }
        note::forget(cx)
    }
}

/// The flags that tell of it may go now.
fn note_kubelets_own_folder(cx: &mut Context) -> Result<()> {
    if let Some(folder) = known::kubelets_own_folder(cx).filter(|folder| cx.files.exists(folder)) {
        let shown = folder.display();
        let note =
            format!("{shown}, the kubelet's folder by its flag --root-dir; remove it when nobody needs it any more");
        cx.leaving_mut()?.notes.push(note);
    }
    Ok(())
}

/// Which data of etcd stays, while the manifests still say whose it is.
fn note_data_of_etcd(cx: &mut Context) -> Result<()> {
    if let Some(folder) = local_etcd::local(cx)?.filter(|local| local.has_data).and_then(|local| local.data_dir) {
        cx.leaving_mut()?.own_data = Some(folder.join("member"));
    }
    let Some(servers) = local_etcd::external(cx)? else { return Ok(()) };
    let last = match cx.leaving()?.other_control_planes {
        Some(1..) => return Ok(()),
        Some(0) => "this was the last control plane",
        None => "if this was the last control plane",
    };
    let note = format!(
        "the cluster's data in the external etcd at {}, which reset does not touch; {last}, all objects, Secrets and tokens are \
         still there, and another 'init' with this etcd would adopt them; to remove them, run \
         'etcdctl del --prefix /registry/' there",
        servers.join(", ")
    );
    cx.leaving_mut()?.notes.push(note);
    Ok(())
}

/// Where the phase of etcd was left out, its member stops here all the same.
fn guard_etcd(cx: &mut Context) -> Result<()> {
    if may_have_data(cx)?
        && let Place::Member { .. } = super::etcd::guard(cx)?
    {
        let name = cx.leaving()?.name.clone();
        let what = "this host's member of etcd, which stops, and its data";
        cx.leaving_mut()?
            .notes
            .push(format!("{what}; run 'kubewright node remove {name} --dead' on another control plane"));
    }
    Ok(())
}

/// Stops the kubelet, if it has anything to work on; true when it ran.
///
/// # Errors
/// When it runs and cannot be stopped.
pub(super) fn stop_kubelet(cx: &mut Context) -> Result<bool> {
    if !has_work(cx)? {
        return Ok(false);
    }
    let services = Services::of(&cx.host);
    match services.state(SERVICE) {
        Ok(state) if state.active => {
            services.stop(SERVICE)?;
            cx.events.message("stopped the kubelet");
            return Ok(true);
        }
        Err(error) if runs_somehow(cx)? => return Err(error.into()),
        Ok(_) | Err(_) => {}
    }
    Ok(false)
}

fn has_work(cx: &Context) -> Result<bool> {
    let pods = removal::names(&cx.host, &Path::new(known::KUBELET).join("pods"))?;
    Ok(KUBELET_WORK.iter().any(|path| cx.files.exists(Path::new(path))) || pods.is_some_and(|pods| !pods.is_empty()))
}

/// True when a kubelet runs, whatever has started it.
fn runs_somehow(cx: &Context) -> Result<bool> {
    let processes = cx.files.list(Path::new("/proc"))?;
    let is_kubelet = |id: &String| {
        let name = cx.files.read_text(&Path::new("/proc").join(id).join("comm"));
        name.ok().flatten().is_some_and(|name| name.trim() == SERVICE)
    };
    Ok(processes.iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).any(is_kubelet))
}

fn remove_files(cx: &mut Context) -> Result<()> {
    let before = cx.gate.count();
    let (links, logs) = (Path::new(known::CONTAINER_LOGS), Path::new(known::POD_LOGS));
    for name in removal::names(&cx.host, links)?.unwrap_or_default() {
        removal::remove_link_into(&cx.host, &links.join(name), logs)?;
    }
    // While the manifests and the journal still say what is whose.
    let mut apart = 0;
    for group in credentials::groups(cx)? {
        let before = cx.gate.count();
        for path in &group.paths {
            discard(cx, path)?;
        }
        let removed = cx.gate.count() - before;
        apart += removed;
        if removed > 0 {
            let folders: BTreeSet<_> = group.paths.iter().filter_map(|path| path.parent()).collect();
            let folders: Vec<String> = folders.into_iter().map(|folder| folder.display().to_string()).collect();
            cx.events.message(format!("removed {removed} {} in {}", group.what, folders.join(", ")));
        }
    }
    let mut paths = known::pod_logs(cx)?;
    paths.extend(known::free_networks(cx)?);
    paths.extend(known::paths(cx)?);
    for path in paths {
        discard(cx, &path)?;
    }
    let folders: Vec<PathBuf> = known::folders(cx)?;
    for path in folders {
        removal::remove_empty(&cx.host, &known::own_folder(cx, &path)?, &path)?;
    }
    let removed = cx.gate.count() - before - apart;
    if removed > 0 {
        cx.events.message(format!("removed {removed} files and folders of the cluster"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::containers::tests::context;
    use super::super::preflight::fixture;
    use super::*;
    use crate::base::files::HostFiles;
    use crate::base::gate::{Change, Gate};
    use crate::host::Host;
    use crate::host::command::fake::FakeHost;
    use crate::host::cri::fake::FakeCri;
    use crate::host::removal::Why;
    use crate::kube::test_api::TestApi;
    use serde_json::json;
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    fn put(root: &Path, path: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }

    fn clean(cx: &mut Context) {
        CleanupNode.run(cx, &Target { path: "cleanup-node".into(), item: None }).unwrap();
    }

    fn files(root: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let is_folder = path.symlink_metadata().unwrap().is_dir();
                if is_folder {
                    folders.push(path);
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

    /// Said earlier, a kubelet that still runs would say the opposite; later, nobody could say it any more.
    #[test]
    fn the_cluster_is_told_of_a_kubelet_after_it_has_stopped_and_before_its_credentials_go() {
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
            cx.leaving_mut().unwrap().kubeconfig = Some("/etc/kubernetes/kubelet.conf".into());
            cx.fake = Some(Arc::new(api.cluster(&cx.gate)));
            cx
        };
        super::super::changes_wanted(&mut enter(fake.dry()), false).unwrap();
        assert!(api.take_log().is_empty(), "the look ahead asks nobody");
        let mut cx = enter(fake.live());
        clean(&mut cx);
        let changes: Vec<Change> = cx.gate.entries().into_iter().map(|entry| entry.change).collect();
        let at = |is: fn(&Change) -> bool| changes.iter().position(is).unwrap();
        let stop = at(|change| matches!(change, Change::Run { command, .. } if command[1] == "stop"));
        let told = at(|change| matches!(change, Change::Request { verb, .. } if verb == "patch"));
        let gone = at(|change| matches!(change, Change::Remove { path } if path.ends_with("kubelet.conf")));
        assert!(stop < told && told < gone, "{changes:?}");
    }

    #[test]
    fn what_a_cluster_tool_makes_goes_and_everything_else_stays() {
        let root = tempfile::tempdir().unwrap();
        for path in OURS.iter().chain(&THEIRS) {
            put(root.path(), path);
        }
        clean(&mut fixture(root.path()));
        assert_eq!(files(root.path()), THEIRS);
        let mut again = fixture(root.path());
        clean(&mut again);
        assert_eq!(again.gate.count(), 0, "{:?}", again.gate.entries());
    }

    #[test]
    fn data_and_certificates_of_an_etcd_that_others_run_stay() {
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
    fn a_member_of_etcd_whose_own_phase_was_left_out_is_not_stopped_unasked() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "etc/kubernetes/manifests/etcd.yaml");
        put(root.path(), "var/lib/etcd/member/snap/db");
        let mut cx = fixture(root.path());
        assert!(guard_etcd(&mut cx).unwrap_err().to_string().contains("etcd"));
        cx.leaving_mut().unwrap().place = Some(Place::Member { others: Vec::new() });
        guard_etcd(&mut cx).unwrap();
        assert_eq!(cx.leaving().unwrap().notes.len(), 1);
        cx.leaving_mut().unwrap().place = Some(Place::Last);
        assert!(guard_etcd(&mut cx).is_err());
        cx.leaving_mut().unwrap().end_cluster = true;
        guard_etcd(&mut cx).unwrap();
    }

    #[test]
    fn kubeadms_own_copies_go_only_when_asked_for() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "etc/kubernetes/tmp/kubeadm-backup-etcd-2026/db");
        put(root.path(), "etc/kubernetes/tmp/notes");
        clean(&mut fixture(root.path()));
        assert_eq!(files(root.path()).len(), 2);
        let mut cx = fixture(root.path());
        cx.leaving_mut().unwrap().reset.as_mut().unwrap().cleanup_tmp_dir = true;
        clean(&mut cx);
        assert_eq!(files(root.path()), ["etc/kubernetes/tmp/notes"]);
    }

    #[test]
    fn a_folder_of_certificates_that_is_a_link_is_left_alone_and_told() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "data/pki/ca.key");
        put(root.path(), "etc/kubernetes/admin.conf");
        symlink("/data/pki", root.path().join("etc/kubernetes/pki")).unwrap();
        let mut cx = fixture(root.path());
        clean(&mut cx);
        assert_eq!(files(root.path()), ["data/pki/ca.key", "etc/kubernetes/pki"]);
        let kept = &cx.leaving().unwrap().kept;
        assert!(kept.iter().any(|kept| kept.why == Why::BehindLink("/etc/kubernetes/pki".into())), "{kept:?}");
        assert_eq!(kept.len(), 1, "one line for the link, however much is behind it");
    }

    #[test]
    fn folders_that_we_made_go_when_they_are_empty_and_those_of_others_stay() {
        use crate::base::files::Content;
        use crate::journal::Journal;
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc/kubernetes")).unwrap();
        let mut cx = fixture(root.path());
        cx.files.write(Path::new("/etc/kubernetes/manifests/etcd.yaml"), &Content::public("x"), 0o600).unwrap();
        let mut journal = Journal::default();
        journal.note(&cx.files, &cx.gate.entries(), "", 1).unwrap();
        journal.save(&cx.files).unwrap();
        clean(&mut cx);
        assert!(root.path().join("etc/kubernetes").exists() && !root.path().join("etc/kubernetes/manifests").exists());
    }

    #[test]
    fn a_dry_run_notes_everything_and_touches_nothing() {
        let root = tempfile::tempdir().unwrap();
        for path in OURS {
            put(root.path(), path);
        }
        let mut cx = fixture(root.path());
        let gate = Gate::recording();
        cx.files = HostFiles::new(root.path(), gate.clone());
        cx.host = crate::host::Host::new(&cx.vars, cx.clock.clone(), cx.files.clone(), gate.clone());
        cx.gate = gate;
        clean(&mut cx);
        assert!(cx.gate.count() >= OURS.len() - 4, "{:?}", cx.gate.entries());
        assert_eq!(files(root.path()).len(), OURS.len());
    }
}
