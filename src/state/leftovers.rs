//! What is left of a cluster on this host after a reset, and why.
//!
//! Reads: the directories of a cluster, the journal, the network interfaces, the iptables and nftables rules, the
//! runtime. Writes: nothing.

use crate::base::fault::Result;
use crate::base::gate::Change;
use crate::context::{Context, Reset, Run};
use crate::domain::paths::{BACKUP_DIR, SNAPSHOT_DIR};
use crate::host::service::Services;
use crate::host::{ipsets, ipvs, links, mounts, packet_rules, removal, users};
use crate::journal::Journal;
use crate::state::artifacts;
use crate::state::local_etcd;
use crate::state::pods;
use crate::state::timer;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where network plugins record the addresses and ports of containers.
const CNI_STATE: &str = "/var/lib/cni";
/// The cgroups of Pods, in both versions and with both drivers.
const CGROUPS: [&str; 4] = [
    "/sys/fs/cgroup/kubepods.slice",
    "/sys/fs/cgroup/kubepods",
    "/sys/fs/cgroup/memory/kubepods.slice",
    "/sys/fs/cgroup/memory/kubepods",
];

/// A leftover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// What it is: a path, or a short description.
    pub what: String,
    /// Why it is left, and what the user can do about it.
    pub why: String,
}

/// Everything that is left, as far as this run knows.
pub fn list(cx: &mut Run<Reset>) -> Result<Vec<Leftover>> {
    let mut left: BTreeMap<String, String> = BTreeMap::new();
    for kept in &cx.work.kept {
        left.insert(kept.path.display().to_string(), kept.why.to_string());
    }
    for path in unknown_files(cx)? {
        // The parent directories of a kept file need no entry of their own.
        let shown = path.display().to_string();
        if !cx.work.kept.iter().any(|kept| kept.path.starts_with(&path) || path.starts_with(&kept.path)) {
            left.insert(shown, "not created by cluster tools".into());
        }
    }
    let data = Path::new(local_etcd::DEFAULT_DATA).join("member");
    if let Some(data) = cx.work.own_data.clone().filter(|data| cx.host.files.exists(data)) {
        let why = "data of this host's etcd member, with everything that is stored in the cluster; its manifest and \
                   certificates were removed, but the data were kept because the phase remove-etcd-member did not run";
        left.entry(data.display().to_string()).or_insert_with(|| why.into());
    } else if local_etcd::is_external(cx)? && cx.host.files.exists(&data) {
        let why = "data of an etcd; nothing on this host shows that they belong to the cluster, so they and the \
                   certificates were kept";
        left.entry(data.display().to_string()).or_insert_with(|| why.into());
    }
    for name in removal::names(&cx.host, Path::new(CNI_STATE))?.unwrap_or_default() {
        let path = Path::new(CNI_STATE).join(name);
        if !cx.host.gate.plans_removal(&path) {
            let why = "records of network plugins about containers, possibly of other container engines";
            left.insert(path.display().to_string(), why.into());
        }
    }
    for (path, why) in [
        (
            artifacts::TMP,
            "backups of earlier settings, and of etcd's data with all Secrets; --cleanup-tmp-dir removes those of \
             kubeadm",
        ),
        (
            BACKUP_DIR,
            "backups of certificates and keys, which may still give access to the cluster; remove them when they are \
             no longer needed",
        ),
        (SNAPSHOT_DIR, "snapshots of etcd with all Secrets of the cluster, which may be the only copy of its data"),
    ] {
        let names = removal::names(&cx.host, Path::new(path))?.unwrap_or_default();
        if names.iter().any(|name| !cx.host.gate.plans_removal(&Path::new(path).join(name))) {
            left.insert(path.into(), why.into());
        }
    }
    let empty: Vec<String> = empty_directories(cx)?.iter().map(|path| path.display().to_string()).collect();
    if !empty.is_empty() {
        left.insert(empty.join(", "), "empty directories, which may belong to a package".into());
    }
    let directories = artifacts::kubelet_directories(cx);
    let is_kubelets = |path: &PathBuf| directories.iter().any(|directory| path.starts_with(directory));
    for path in mounts::all(&cx.host)?.into_iter().filter(is_kubelets) {
        left.entry(path.display().to_string()).or_insert_with(|| "something is mounted there".into());
    }
    let mut left: Vec<Leftover> = left.into_iter().map(|(what, why)| Leftover { what, why }).collect();
    let mut add = |what: &str, why: String| left.push(Leftover { what: what.into(), why });
    let fixes = Journal::load(&cx.host.files)?.changes().len();
    if fixes > 0 {
        add(
            "changes of --fix",
            format!("{fixes} changes of this host; run 'kubewright preflight --undo-fix' to revert them"),
        );
    }
    if timer::is_installed(cx) {
        add("the timer that renews certificates", "run 'kubewright certs timer remove'".into());
    }
    for path in kubeconfigs(cx)? {
        let why = "it may contain credentials of the former cluster; see it with 'kubectl config view'";
        add(&path.display().to_string(), why.into());
    }
    if cx.host.is_live() {
        live(cx, &mut add)?;
    }
    for note in &cx.work.notes {
        let (what, why) = note.split_once("; ").unwrap_or((note, ""));
        add(what, why.into());
    }
    Ok(left)
}

fn live(cx: &Context, add: &mut dyn FnMut(&str, String)) -> Result<()> {
    if let number @ 1.. = packet_rules::count(&cx.host) {
        add("iptables and nftables rules", format!("{number} chains and tables; run 'iptables-save' to see them"));
    }
    if let chains @ 1.. = packet_rules::shared(&cx.host).len() {
        let why = "network plugins create them for ports of containers, possibly of other container engines";
        add(&format!("{chains} iptables chains CNI-…"), why.into());
    }
    let sets = ipsets::found(&cx.host);
    if !sets.is_empty() {
        add("IP sets", format!("{}; run 'ipset list -n' to see them", sets.len()));
    }
    if let Ok(servers) = ipvs::found(&cx.host).map(|found| found.ours)
        && !servers.is_empty()
    {
        let shown: Vec<String> = servers.iter().map(ToString::to_string).collect();
        add("IPVS virtual servers", shown.join(", "));
    }
    for (name, ports) in links::in_use(&cx.host)? {
        add(&format!("the bridge {name}"), format!("{} is attached to it", ports.join(", ")));
    }
    for (name, why) in links::doubtful(&cx.host)? {
        add(&format!("the network interface {name}"), why.into());
    }
    // Only a kubelet sets both, to 10 seconds and 1, at its start (pkg/kubelet/cm).
    let value = |key: &str| cx.host.files.read_text(&Path::new("/proc/sys").join(key)).ok().flatten();
    if value("kernel/panic").is_some_and(|text| text.trim() == "10")
        && value("vm/overcommit_memory").is_some_and(|text| text.trim() == "1")
    {
        add("kernel parameters and modules of kubelet and kube-proxy", "they are reset by the next boot".into());
    }
    for path in CGROUPS.iter().filter(|path| cx.host.files.exists(Path::new(path))) {
        add(path, "the cgroup of Pods; it is removed by the next boot".into());
    }
    if let Ok(state) = Services::of(&cx.host).state("kubelet")
        && state.enabled
        && !state.active
    {
        add("the kubelet service", "it is stopped, and after the next boot it waits for another cluster".into());
    }
    let running = pods::running(cx);
    if !running.is_empty() {
        let shown = running.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        add("Pods that still run", format!("{}: {shown}", running.len()));
    }
    if let Ok(images) = cx.runtime().and_then(|cri| Ok(cri.images()?))
        && !images.is_empty()
    {
        add(
            "images in the container runtime",
            format!("{}, for the next cluster; run 'crictl rmi --prune'", images.len()),
        );
    }
    Ok(())
}

/// Empty directories of a cluster, ignoring those within each other. In a dry run, files that would be removed still
/// exist.
fn empty_directories(cx: &Context) -> Result<Vec<PathBuf>> {
    let pki = artifacts::certificates_dir(cx)?;
    let manifests = Path::new(artifacts::KUBERNETES).join("manifests");
    let mut directories: Vec<PathBuf> =
        [artifacts::KUBERNETES, artifacts::TMP, "/var/lib/etcd"].map(PathBuf::from).into();
    directories.extend([manifests, pki.join("etcd"), pki]);
    let mut empty = Vec::new();
    directories.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    for directory in directories {
        let names = removal::names(&cx.host, &directory)?;
        if names.is_some_and(|names| names.iter().all(|name| empty.contains(&directory.join(name)))) {
            empty.push(directory);
        }
    }
    empty.sort();
    Ok(empty)
}

/// Files in the directories of a cluster that cluster tools did not create.
fn unknown_files(cx: &Context) -> Result<Vec<PathBuf>> {
    let pki = artifacts::certificates_dir(cx)?;
    let mut etcd: Vec<PathBuf> = local_etcd::local(cx)?.and_then(|local| local.data_dir).into_iter().collect();
    // The files with these paths may have been removed by now, but not the list of what this run has removed.
    for entry in cx.host.gate.entries() {
        if let Change::Remove { path } = &entry.change
            && path.ends_with("member")
        {
            etcd.extend(path.parent().map(PathBuf::from));
        }
    }
    let mut directories: Vec<PathBuf> =
        [artifacts::KUBERNETES, artifacts::KUBELET, artifacts::CNI].iter().map(PathBuf::from).collect();
    directories.extend([Path::new(artifacts::KUBERNETES).join("manifests"), pki.join("etcd"), pki]);
    directories.extend(etcd);
    let mut found = Vec::new();
    for directory in &directories {
        for name in removal::names(&cx.host, directory)?.unwrap_or_default() {
            let path = directory.join(name);
            let is_listed_elsewhere = directories.contains(&path) || path == Path::new(artifacts::TMP);
            if !is_listed_elsewhere && !cx.host.gate.plans_removal(&path) && !found.contains(&path) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Kubeconfigs of users with the credentials of an administrator.
fn kubeconfigs(cx: &Context) -> Result<Vec<PathBuf>> {
    let mut homes: Vec<PathBuf> = users::all(&cx.host)?.into_iter().map(|user| user.home).collect();
    homes.sort();
    homes.dedup();
    let mut found = Vec::new();
    for path in homes.into_iter().map(|home| home.join(".kube/config")) {
        // The owner may put anything there, and an unreadable file is not an administrator's.
        let bytes = cx.host.files.read_in_home(&path).ok().flatten().unwrap_or_default();
        if String::from_utf8_lossy(&bytes).contains("kubernetes-admin") {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::leaving::fixture;
    use crate::host::removal::{Kept, Why};

    fn what(left: &[Leftover]) -> Vec<&str> {
        left.iter().map(|left| left.what.as_str()).collect()
    }

    #[test]
    fn every_leftover_is_listed_once() {
        let root = tempfile::tempdir().unwrap();
        for path in [
            "etc/kubernetes/manifests/kube-vip.yaml",
            "etc/kubernetes/pki/oidc-ca.pem",
            "etc/kubernetes/tmp/x",
            "etc/passwd",
            "root/.kube/config",
            "var/lib/kubelet/data/mine",
            "var/lib/kubelet/seccomp/a.json",
        ] {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "root:x:0:0:root:/root:/bin/sh\nusers: [kubernetes-admin]\n").unwrap();
        }
        let mut cx = fixture(root.path());
        let kept = Kept { path: "/var/lib/kubelet/data/mine".into(), why: Why::Mount };
        cx.work.kept.push(kept);
        cx.work.notes.push("the node n1 is still listed; run it".into());
        let left = list(&mut cx).unwrap();
        assert_eq!(
            what(&left),
            [
                "/etc/kubernetes/manifests/kube-vip.yaml",
                "/etc/kubernetes/pki/oidc-ca.pem",
                "/etc/kubernetes/tmp",
                "/var/lib/kubelet/data/mine",
                "/var/lib/kubelet/seccomp",
                "/root/.kube/config",
                "the node n1 is still listed",
            ]
        );
    }

    #[test]
    fn empty_directories_that_stay_are_listed_in_one_line() {
        let root = tempfile::tempdir().unwrap();
        for path in ["etc/kubernetes/pki/etcd", "etc/kubernetes/tmp", "var/lib/etcd"] {
            std::fs::create_dir_all(root.path().join(path)).unwrap();
        }
        let left = list(&mut fixture(root.path())).unwrap();
        let all = "/etc/kubernetes, /etc/kubernetes/pki, /etc/kubernetes/pki/etcd, /etc/kubernetes/tmp, /var/lib/etcd";
        assert_eq!(what(&left), [all]);
    }

    #[test]
    fn files_next_to_removed_data_are_listed_after_the_manifests_are_removed() {
        let root = tempfile::tempdir().unwrap();
        for path in ["data/etcd/mine", "data/etcd/member/snap/db", "var/lib/cni/networks/podman/10.88.0.2"] {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let mut cx = fixture(root.path());
        removal::remove(&cx.host, Path::new("/data/etcd"), Path::new("/data/etcd/member")).unwrap();
        assert_eq!(what(&list(&mut cx).unwrap()), ["/data/etcd/mine", "/var/lib/cni/networks"]);
    }

    /// It blocked while it had the host's lock.
    #[test]
    fn a_named_pipe_in_a_home_directory_does_not_block() {
        let root = tempfile::tempdir().unwrap();
        for directory in ["etc", "home/bob/.kube", "root/.kube"] {
            std::fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        let passwd =
            "bob:x:1000:1000::/home/bob:/bin/sh\nroot:x:0:0:root:/root:/bin/sh\nd:x:2:2::/dev/null:/bin/false\n";
        std::fs::write(root.path().join("etc/passwd"), passwd).unwrap();
        std::fs::write(root.path().join("root/.kube/config"), "users: [kubernetes-admin]").unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let pipe = root.path().join("home/bob/.kube/config");
        rustix::fs::mknodat(rustix::fs::CWD, pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(what(&list(&mut fixture(root.path())).unwrap()), ["/root/.kube/config"]);
    }

    #[test]
    fn a_clean_host_has_no_leftovers() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(list(&mut fixture(root.path())).unwrap(), []);
    }
}
