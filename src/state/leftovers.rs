//! What is left of a cluster on this host after it was reset, and why.
//!
//! Reads: the folders of a cluster, the journal, the links, the packet rules, the runtime. Writes: nothing.

use crate::base::fault::Result;
use crate::base::gate::Change;
use crate::context::Context;
use crate::domain::paths::BACKUP_DIR;
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

/// Where network plugins note what they gave to containers.
const CNI_STATE: &str = "/var/lib/cni";
/// The cgroups of Pods, in the two versions and by either driver.
const CGROUPS: [&str; 4] = [
    "/sys/fs/cgroup/kubepods.slice",
    "/sys/fs/cgroup/kubepods",
    "/sys/fs/cgroup/memory/kubepods.slice",
    "/sys/fs/cgroup/memory/kubepods",
];

/// Something that is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// What: a path, or a few words.
    pub what: String,
    /// Why, and what the user can do about it.
    pub why: String,
}

/// Everything that is left, as far as this run knows.
///
/// # Errors
/// When the host cannot be looked at.
pub fn survey(cx: &mut Context) -> Result<Vec<Left>> {
    let mut left: BTreeMap<String, String> = BTreeMap::new();
    for kept in &cx.leaving()?.kept {
        left.insert(kept.path.display().to_string(), kept.why.to_string());
    }
    for path in strangers(cx)? {
        // A folder on the way to something that was kept is no news.
        let shown = path.display().to_string();
        if !cx.leaving()?.kept.iter().any(|kept| kept.path.starts_with(&path) || path.starts_with(&kept.path)) {
            left.insert(shown, "no cluster tool makes this".into());
        }
    }
    let data = Path::new(local_etcd::DEFAULT_DATA).join("member");
    if let Some(data) = cx.leaving()?.own_data.clone().filter(|data| cx.files.exists(data)) {
        let why = "data of this host's etcd member, with everything that is stored in the cluster; its manifest and \
                   certificates were removed, the data stays because the phase remove-etcd-member did not run";
        left.entry(data.display().to_string()).or_insert_with(|| why.into());
    } else if local_etcd::is_of_others(cx)? && cx.files.exists(&data) {
        let why =
            "data of an etcd; nothing on this host says that it is the cluster's, so it and its certificates stay";
        left.entry(data.display().to_string()).or_insert_with(|| why.into());
    }
    for name in removal::names(&cx.host, Path::new(CNI_STATE))?.unwrap_or_default() {
        let path = Path::new(CNI_STATE).join(name);
        if !cx.gate.plans_removal(&path) {
            let why = "what network plugins note of containers, also of other engines than the cluster's";
            left.insert(path.display().to_string(), why.into());
        }
    }
    for (path, why) in [
        (
            artifacts::TMP,
            "copies of earlier settings, and of etcd's data with all Secrets; --cleanup-tmp-dir removes kubeadm's",
        ),
        (
            BACKUP_DIR,
            "copies of certificates and keys, which may still give access to the cluster; remove them when they are no longer needed",
        ),
    ] {
        let names = removal::names(&cx.host, Path::new(path))?.unwrap_or_default();
        if names.iter().any(|name| !cx.gate.plans_removal(&Path::new(path).join(name))) {
            left.insert(path.into(), why.into());
        }
    }
    let empty: Vec<String> = empty_folders(cx)?.iter().map(|path| path.display().to_string()).collect();
    if !empty.is_empty() {
        left.insert(empty.join(", "), "empty folders, which a package may own".into());
    }
    let folders = artifacts::kubelet_folders(cx);
    let is_kubelets = |path: &PathBuf| folders.iter().any(|folder| path.starts_with(folder));
    for path in mounts::all(&cx.host)?.into_iter().filter(is_kubelets) {
        left.entry(path.display().to_string()).or_insert_with(|| "something is mounted there".into());
    }
    let mut left: Vec<Left> = left.into_iter().map(|(what, why)| Left { what, why }).collect();
    let mut add = |what: &str, why: String| left.push(Left { what: what.into(), why });
    let fixes = Journal::load(&cx.files)?.changes().len();
    if fixes > 0 {
        add(
            "what --fix prepared",
            format!("{fixes} changes of this host; run 'kubewright preflight --undo-fix' to take them back"),
        );
    }
    if timer::is_installed(cx) {
        add("the timer that renews certificates", "run 'kubewright certs timer remove'".into());
    }
    for path in kubeconfigs(cx)? {
        let why = "it may hold the credentials of the cluster that was left; see it with 'kubectl config view'";
        add(&path.display().to_string(), why.into());
    }
    if cx.host.is_live() {
        live(cx, &mut add)?;
    }
    for note in &cx.leaving()?.notes {
        let (what, why) = note.split_once("; ").unwrap_or((note, ""));
        add(what, why.into());
    }
    Ok(left)
}

fn live(cx: &Context, add: &mut dyn FnMut(&str, String)) -> Result<()> {
    if let number @ 1.. = packet_rules::count(&cx.host) {
        add("packet rules", format!("{number} chains and tables; run 'iptables-save' to see them"));
    }
    if let chains @ 1.. = packet_rules::shared(&cx.host).len() {
        let why = "network plugins make them for ports of containers, also for other engines than the cluster's";
        add(&format!("{chains} chains CNI-… of packet rules"), why.into());
    }
    let sets = ipsets::found(&cx.host);
    if !sets.is_empty() {
        add("sets of addresses", format!("{}; run 'ipset list -n' to see them", sets.len()));
    }
    if let Ok(servers) = ipvs::found(&cx.host).map(|found| found.ours)
        && !servers.is_empty()
    {
        let shown: Vec<String> = servers.iter().map(ToString::to_string).collect();
        add("virtual servers", shown.join(", "));
    }
    for (name, ports) in links::in_use(&cx.host)? {
        add(&format!("the bridge {name}"), format!("{} is attached to it", ports.join(", ")));
    }
    for (name, why) in links::doubtful(&cx.host)? {
        add(&format!("the network link {name}"), why.into());
    }
    // Only a kubelet sets both, to 10 seconds and 1, when it starts (pkg/kubelet/cm).
    let value = |key: &str| cx.files.read_text(&Path::new("/proc/sys").join(key)).ok().flatten();
    if value("kernel/panic").is_some_and(|text| text.trim() == "10")
        && value("vm/overcommit_memory").is_some_and(|text| text.trim() == "1")
    {
        add("kernel parameters and modules of kubelet and kube-proxy", "they last until the next boot".into());
    }
    for path in CGROUPS.iter().filter(|path| cx.files.exists(Path::new(path))) {
        add(path, "the cgroup of Pods; it lasts until the next boot".into());
    }
    if let Ok(state) = Services::of(&cx.host).state("kubelet")
        && state.enabled
        && !state.active
    {
        add("the kubelet's service", "it is stopped, and from the next boot on it waits for another cluster".into());
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

/// The folders of a cluster in which nothing is left, not counting those among each other. What a dry run would
/// remove is there still.
fn empty_folders(cx: &Context) -> Result<Vec<PathBuf>> {
    let pki = artifacts::certificates_dir(cx)?;
    let manifests = Path::new(artifacts::KUBERNETES).join("manifests");
    let mut folders: Vec<PathBuf> = [artifacts::KUBERNETES, artifacts::TMP, "/var/lib/etcd"].map(PathBuf::from).into();
    folders.extend([manifests, pki.join("etcd"), pki]);
    let mut empty = Vec::new();
    folders.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    for folder in folders {
        let names = removal::names(&cx.host, &folder)?;
        if names.is_some_and(|names| names.iter().all(|name| empty.contains(&folder.join(name)))) {
            empty.push(folder);
        }
    }
    empty.sort();
    Ok(empty)
}

/// What lies in the folders of a cluster and is not made by cluster tools.
fn strangers(cx: &Context) -> Result<Vec<PathBuf>> {
    let pki = artifacts::certificates_dir(cx)?;
    let mut etcd: Vec<PathBuf> = local_etcd::local(cx)?.and_then(|local| local.data_dir).into_iter().collect();
    // What told where it is may be gone by now, but not what this run has removed.
    for entry in cx.gate.entries() {
        if let Change::Remove { path } = &entry.change
            && path.ends_with("member")
        {
            etcd.extend(path.parent().map(PathBuf::from));
        }
    }
    let mut folders: Vec<PathBuf> =
        [artifacts::KUBERNETES, artifacts::KUBELET, artifacts::CNI].iter().map(PathBuf::from).collect();
    folders.extend([Path::new(artifacts::KUBERNETES).join("manifests"), pki.join("etcd"), pki]);
    folders.extend(etcd);
    let mut found = Vec::new();
    for folder in &folders {
        for name in removal::names(&cx.host, folder)?.unwrap_or_default() {
            let path = folder.join(name);
            let told_elsewhere = folders.contains(&path) || path == Path::new(artifacts::TMP);
            if !told_elsewhere && !cx.gate.plans_removal(&path) && !found.contains(&path) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Kubeconfigs of users that hold an administrator's credentials.
fn kubeconfigs(cx: &Context) -> Result<Vec<PathBuf>> {
    let mut homes: Vec<PathBuf> = users::all(&cx.host)?.into_iter().map(|user| user.home).collect();
    homes.sort();
    homes.dedup();
    let mut found = Vec::new();
    for path in homes.into_iter().map(|home| home.join(".kube/config")) {
        // Its owner may put anything there, and what cannot be read is not an administrator's.
        let bytes = cx.files.read_in_home(&path).ok().flatten().unwrap_or_default();
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

    fn what(left: &[Left]) -> Vec<&str> {
        left.iter().map(|left| left.what.as_str()).collect()
    }

    #[test]
    fn everything_that_is_left_is_named_once() {
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
        cx.leaving_mut().unwrap().kept.push(kept);
        cx.leaving_mut().unwrap().notes.push("the node n1 is still listed; run it".into());
        let left = survey(&mut cx).unwrap();
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
    fn folders_that_stay_although_they_are_empty_are_named_in_one_line() {
        let root = tempfile::tempdir().unwrap();
        for path in ["etc/kubernetes/pki/etcd", "etc/kubernetes/tmp", "var/lib/etcd"] {
            std::fs::create_dir_all(root.path().join(path)).unwrap();
        }
        let left = survey(&mut fixture(root.path())).unwrap();
        let all = "/etc/kubernetes, /etc/kubernetes/pki, /etc/kubernetes/pki/etcd, /etc/kubernetes/tmp, /var/lib/etcd";
        assert_eq!(what(&left), [all]);
    }

    #[test]
    fn what_lies_beside_the_data_that_went_is_named_after_all_that_told_of_it_is_gone() {
        let root = tempfile::tempdir().unwrap();
        for path in ["data/etcd/mine", "data/etcd/member/snap/db", "var/lib/cni/networks/podman/10.88.0.2"] {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let mut cx = fixture(root.path());
        removal::remove(&cx.host, Path::new("/data/etcd"), Path::new("/data/etcd/member")).unwrap();
        assert_eq!(what(&survey(&mut cx).unwrap()), ["/data/etcd/mine", "/var/lib/cni/networks"]);
    }

    /// It hung, holding the host's lock.
    #[test]
    fn a_pipe_in_a_home_is_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["etc", "home/bob/.kube", "root/.kube"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let passwd =
            "bob:x:1000:1000::/home/bob:/bin/sh\nroot:x:0:0:root:/root:/bin/sh\nd:x:2:2::/dev/null:/bin/false\n";
        std::fs::write(root.path().join("etc/passwd"), passwd).unwrap();
        std::fs::write(root.path().join("root/.kube/config"), "users: [kubernetes-admin]").unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let pipe = root.path().join("home/bob/.kube/config");
        rustix::fs::mknodat(rustix::fs::CWD, pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(what(&survey(&mut fixture(root.path())).unwrap()), ["/root/.kube/config"]);
    }

    #[test]
    fn of_a_clean_host_nothing_is_left() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(survey(&mut fixture(root.path())).unwrap(), []);
    }
}
