//! What a cluster tool makes on a host, by name. Nothing else is removed, whatever folder it lies in.
//!
//! Reads: the folders that hold it. Writes: nothing.

use crate::base::fault::Result;
use crate::base::files::unfinished;
use crate::base::gate::{Change, Entry};
use crate::context::Context;
use crate::domain::paths::BACKUP_DIR;
use crate::domain::paths::MANIFESTS_DIR;
use crate::host::{kubelet_flags, removal};
use crate::journal::{Journal, Ownership};
use crate::state::cluster_certificates;
use crate::state::cluster_credentials;
use std::path::{Path, PathBuf};

/// kubeadm's folder.
pub const KUBERNETES: &str = "/etc/kubernetes";
/// The kubelet's folder.
pub const KUBELET: &str = "/var/lib/kubelet";
/// Where the kubelet keeps its certificates and keys.
pub const KUBELET_PKI: &str = "/var/lib/kubelet/pki";
/// kubeadm's folder for what it is about to change.
pub const TMP: &str = "/etc/kubernetes/tmp";
/// Where network plugins are configured.
pub const CNI: &str = "/etc/cni/net.d";
/// The logs of Pods, which the kubelet makes and removes.
pub const POD_LOGS: &str = "/var/log/pods";
/// Links to them.
pub const CONTAINER_LOGS: &str = "/var/log/containers";
/// Addresses that the host-local plugin has given out, a folder for each network.
const CNI_NETWORKS: &str = "/var/lib/cni/networks";

const KUBECONFIGS: [&str; 6] = [
    "admin.conf",
    "bootstrap-kubelet.conf",
    "controller-manager.conf",
    "kubelet.conf",
    "scheduler.conf",
    "super-admin.conf",
];
const STATIC_PODS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];
/// What kubelets of all minors and kubeadm make in the kubelet's folder. Not among it: seccomp profiles, credential
/// providers, checkpoints, which people put or ask for there.
const KUBELET_NAMES: [&str; 16] = [
    "actuated_pods_state",
    "allocated_pods_state",
    "config.yaml",
    "cpu_manager_state",
    "device-plugins",
    "dra_manager_state",
    "image_manager",
    "instance-config.yaml",
    "kubeadm-flags.env",
    "memory_manager_state",
    "pki",
    "plugin-containers",
    "plugins",
    "plugins_registry",
    "pod-resources",
    "pods",
];
/// Folders of the kubelet in which it mounts volumes.
const KUBELET_MOUNTS: [&str; 3] = ["plugin-containers", "plugins", "pods"];
/// The configuration files of network add-ons, which write them from their Pods: flannel, Calico, Canal, Cilium,
/// Weave, kindnet, kube-router, Antrea, Multus.
const CNI_NAMES: [&str; 14] = [
    "00-multus.conf",
    "00-multus.conflist",
    "05-cilium.conf",
    "05-cilium.conflist",
    "10-antrea.conflist",
    "10-calico.conflist",
    "10-canal.conflist",
    "10-flannel.conflist",
    "10-kindnet.conflist",
    "10-kuberouter.conf",
    "10-kuberouter.conflist",
    "10-weave.conflist",
    "calico-kubeconfig",
    "multus.d",
];
/// What else kubelets, API servers and network add-ons keep on a host.
const ELSEWHERE: [&str; 7] = [
    "/run/calico",
    "/run/cilium",
    "/run/flannel",
    "/run/kubernetes",
    "/var/lib/calico",
    "/var/lib/dockershim",
    "/var/lib/weave",
];
/// Folders that kubelet, API server and plugins make on their way, and leave empty. The inner ones come first.
const EMPTIED: [&str; 12] = [
    "/var/lib/cni/cache/results",
    "/var/lib/cni/cache",
    "/var/lib/cni/results",
    CNI_NETWORKS,
    "/var/lib/cni",
    "/usr/libexec/kubernetes/kubelet-plugins/volume/exec",
    "/usr/libexec/kubernetes/kubelet-plugins/volume",
    "/usr/libexec/kubernetes/kubelet-plugins",
    "/usr/libexec/kubernetes",
    // kube-proxy's Pod makes it on hosts that have no modules.
    "/usr/lib/modules",
    // Kubelets from v1.25 on put there what is asked for, which stays.
    "/var/lib/kubelet/checkpoints",
    KUBELET,
];

/// Everything of the list that may be on this host, in the order of removal. A run that was cut short is continued by
/// what is left: the manifests tell where the certificates are and go after them, and by the kubeconfigs the host is
/// known for what it was, so that these go last.
///
/// # Errors
/// When the journal or a folder cannot be read.
pub fn paths(cx: &Context) -> Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = CNI_NAMES.iter().map(|name| Path::new(CNI).join(name)).collect();
    paths.extend(ELSEWHERE.map(PathBuf::from));
    paths.extend(cluster_certificates::paths(cx)?);
    let mut add = |folder: &Path, name: &str| paths.push(folder.join(name));
    for pod in STATIC_PODS {
        add(Path::new(MANIFESTS_DIR), &format!("{pod}.yaml"));
    }
    if cx.reset()?.cleanup_tmp_dir {
        for name in removal::names(&cx.host, Path::new(TMP))?.unwrap_or_default() {
            if name.starts_with("kubeadm-") {
                add(Path::new(TMP), &name);
            }
        }
    }
    for name in KUBELET_NAMES {
        add(Path::new(KUBELET), name);
    }
    for name in KUBECONFIGS {
        add(Path::new(KUBERNETES), name);
        add(Path::new(KUBERNETES), &format!("{name}.csr"));
        add(Path::new(KUBERNETES), &format!("{}.renewing", name.trim_end_matches(".conf")));
    }
    let listed: Vec<PathBuf> = paths.iter().map(|path| path.components().collect()).collect();
    let is_new = |path: &PathBuf| !listed.iter().any(|listed| path.starts_with(listed));
    let noted: Vec<PathBuf> = noted(cx)?.into_iter().filter(is_new).collect();
    // A killed run may have left one under its hidden name, a key as well as any other.
    Ok(noted.into_iter().chain(listed).flat_map(|path| unfinished(&path).into_iter().chain([path])).collect())
}

/// Other files below these folders that the journal knows as ours and that are as we wrote them.
fn noted(cx: &Context) -> Result<Vec<PathBuf>> {
    let journal = Journal::load(&cx.files)?;
    let pki = certificates_dir(cx)?;
    let folders = [Path::new(KUBERNETES), Path::new(KUBELET), &pki];
    let mut paths = Vec::new();
    for path in journal.files().keys().filter(|path| folders.iter().any(|folder| path.starts_with(folder))) {
        if journal.ownership(&cx.files, path)? == Ownership::Ours {
            paths.push(path.clone());
        }
    }
    Ok(paths)
}

/// The logs of Pods, by the form of their names: `NAMESPACE_NAME_UID`.
///
/// # Errors
/// When a folder cannot be read.
pub fn pod_logs(cx: &Context) -> Result<Vec<PathBuf>> {
    let names = removal::names(&cx.host, Path::new(POD_LOGS))?.unwrap_or_default();
    let is_pod = |name: &&String| name.split('_').filter(|part| !part.is_empty()).count() == 3;
    Ok(names.iter().filter(is_pod).map(|name| Path::new(POD_LOGS).join(name)).collect())
}

/// The networks whose addresses are all given back: only the plugin's own notes are left in them.
///
/// # Errors
/// When a folder cannot be read.
pub fn free_networks(cx: &Context) -> Result<Vec<PathBuf>> {
    let mut free = Vec::new();
    for network in removal::names(&cx.host, Path::new(CNI_NETWORKS))?.unwrap_or_default() {
        let path = Path::new(CNI_NETWORKS).join(network);
        let names = removal::names(&cx.host, &path)?;
        let is_note = |name: &String| name == "lock" || name.starts_with("last_reserved_ip");
        if names.is_some_and(|names| names.iter().all(is_note)) {
            free.push(path);
        }
    }
    Ok(free)
}

/// Folders that go if nothing is left in them: those of the list, and those that the journal says we made.
///
/// # Errors
/// When a folder cannot be read.
pub fn folders(cx: &Context) -> Result<Vec<PathBuf>> {
    let journal = Journal::load(&cx.files)?;
    let pki = certificates_dir(cx)?;
    let below = |path: &&PathBuf| {
        path.starts_with(KUBERNETES) || path.starts_with(KUBELET) || path.starts_with(&pki) || path.ends_with("etcd")
    };
    let mut folders: Vec<PathBuf> = journal.directories().iter().filter(below).cloned().collect();
    // The longer path is the inner one.
    folders.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    folders.retain(|path| path != Path::new(KUBELET));
    folders.extend([CONTAINER_LOGS, POD_LOGS].map(PathBuf::from));
    folders.extend(cluster_credentials::rotation_folders(cx)?);
    folders.extend(EMPTIED.map(PathBuf::from));
    folders.push(BACKUP_DIR.into());
    // Packages of the kubelet bring it along, empty.
    let was_used = |folder: &Path| {
        let is_below = |entry: &Entry| matches!(&entry.change, Change::Remove { path } if path.starts_with(folder));
        journal.directories().contains(folder) || cx.gate.entries().iter().any(is_below)
    };
    folders.retain(|path| path != Path::new(KUBELET) || was_used(path));
    Ok(folders)
}

/// The kubelet's folder by every name it goes by: where a link there leads, and where the kubelet's flags put it.
pub fn kubelet_folders(cx: &Context) -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from(KUBELET)];
    folders.extend(kubelets_own_folder(cx));
    for folder in folders.clone() {
        let real = cx.files.real(&folder).ok();
        let real = real.and_then(|real| Some(Path::new("/").join(real.strip_prefix(cx.files.root()).ok()?)));
        folders.extend(real.filter(|real| !folders.contains(real)));
    }
    folders
}

/// Where the kubelet's flags put its folder, if that is not the usual one.
pub fn kubelets_own_folder(cx: &Context) -> Option<PathBuf> {
    let folder = PathBuf::from(kubelet_flags::find_any(&cx.host, "root-dir")?);
    let is_a_folder_of_its_own = folder.is_absolute() && folder.components().count() > 2;
    Some(folder).filter(|folder| is_a_folder_of_its_own && folder != Path::new(KUBELET))
}

/// The folders in which volumes are mounted.
pub fn mounts(cx: &Context) -> Vec<PathBuf> {
    let of = |folder: PathBuf| KUBELET_MOUNTS.map(|name| folder.join(name));
    kubelet_folders(cx).into_iter().flat_map(of).collect()
}

/// The cluster's own folder in which a path of the list lies: nothing that is mounted below it is looked into.
///
/// # Errors
/// When the command is no 'reset'.
pub fn own_folder(cx: &Context, path: &Path) -> Result<PathBuf> {
    let pki = certificates_dir(cx)?;
    let own = [KUBERNETES, KUBELET, CNI, POD_LOGS, CONTAINER_LOGS].iter().map(Path::new).chain([pki.as_path()]);
    let folder = own.into_iter().find(|folder| path.starts_with(folder) && path != *folder);
    Ok(folder.or(path.parent()).unwrap_or(path).to_path_buf())
}

/// Where the certificates of this host are.
///
/// # Errors
/// When the command is no 'reset'.
pub fn certificates_dir(cx: &Context) -> Result<PathBuf> {
    Ok(cx.cluster()?.certificates_dir.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::leaving::fixture;

    #[test]
    fn what_tells_where_others_are_goes_after_them() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(&fixture(root.path())).unwrap();
        let at = |path: &str| paths.iter().position(|known| known == Path::new(path)).unwrap();
        let server = at("/etc/kubernetes/manifests/kube-apiserver.yaml");
        assert!(at("/etc/kubernetes/pki/ca.key") < server && at("/etc/kubernetes/pki/sa.key") < server);
        assert!(server < at("/etc/kubernetes/kubelet.conf") && server < at("/etc/kubernetes/admin.conf"));
    }

    #[test]
    fn an_empty_kubelets_folder_of_a_package_stays_and_one_that_was_used_goes() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("var/lib/kubelet");
        std::fs::create_dir_all(&folder).unwrap();
        let cx = fixture(root.path());
        assert!(!folders(&cx).unwrap().contains(&KUBELET.into()));
        std::fs::write(folder.join("config.yaml"), "x").unwrap();
        removal::remove(&cx.host, Path::new(KUBELET), &Path::new(KUBELET).join("config.yaml")).unwrap();
        assert!(folders(&cx).unwrap().contains(&KUBELET.into()));
    }

    #[test]
    fn volumes_are_found_behind_a_link_and_where_the_kubelets_flags_put_them() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("var/lib")).unwrap();
        std::fs::create_dir_all(root.path().join("data/kubelet")).unwrap();
        std::os::unix::fs::symlink("/data/kubelet", root.path().join(&KUBELET[1..])).unwrap();
        std::fs::write(
            root.path().join("data/kubelet/kubeadm-flags.env"),
            "KUBELET_KUBEADM_ARGS=\"--root-dir=/disk/k --v=2\"",
        )
        .unwrap();
        let mounts = mounts(&fixture(root.path()));
        for path in ["/var/lib/kubelet/pods", "/data/kubelet/pods", "/disk/k/plugins"] {
            assert!(mounts.contains(&path.into()), "{path}: {mounts:?}");
        }
    }

    #[test]
    fn what_a_killed_write_left_of_a_key_is_on_the_list() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(&fixture(root.path())).unwrap();
        assert!(paths.contains(&"/etc/kubernetes/pki/.ca.key.kubewright".into()));
        assert!(paths.contains(&"/etc/kubernetes/.admin.conf.kubewright".into()));
    }
}
