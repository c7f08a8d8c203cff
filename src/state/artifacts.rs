//! The files and directories that cluster tools create on a host, by name. Nothing else is removed, in any directory.
//!
//! Reads: the directories that contain them. Writes: nothing.

use crate::base::fault::Result;
use crate::base::files::unfinished;
use crate::base::gate::{Change, Entry};
use crate::context::{Context, Reset, Run};
use crate::domain::paths::BACKUP_DIR;
use crate::domain::paths::MANIFESTS_DIR;
use crate::host::{kubelet_flags, removal};
use crate::journal::{Journal, Ownership};
use crate::state::cluster_certificates;
use crate::state::cluster_credentials;
use std::path::{Path, PathBuf};

/// kubeadm's directory.
pub const KUBERNETES: &str = "/etc/kubernetes";
/// The kubelet's directory.
pub const KUBELET: &str = "/var/lib/kubelet";
/// Where the kubelet keeps its certificates and keys.
pub const KUBELET_PKI: &str = "/var/lib/kubelet/pki";
/// kubeadm's directory for files that it is about to change.
pub const TMP: &str = "/etc/kubernetes/tmp";
/// Where network plugins are configured.
pub const CNI: &str = "/etc/cni/net.d";
/// The logs of Pods, which the kubelet creates and removes.
pub const POD_LOGS: &str = "/var/log/pods";
/// Links to them.
pub const CONTAINER_LOGS: &str = "/var/log/containers";
/// Addresses that the host-local plugin has assigned, one directory per network.
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
/// Created in the kubelet's directory by kubelets of all minor versions and by kubeadm. Not included: seccomp
/// profiles, credential providers, checkpoints, which users create or request.
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
/// Directories in which the kubelet mounts volumes.
const KUBELET_MOUNTS: [&str; 3] = ["plugin-containers", "plugins", "pods"];
/// The configuration files of network add-ons, written by their Pods: flannel, Calico, Canal, Cilium, Weave, kindnet,
/// kube-router, Antrea, Multus.
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
/// Other files of kubelets, API servers and network add-ons.
const ELSEWHERE: [&str; 7] = [
    "/run/calico",
    "/run/cilium",
    "/run/flannel",
    "/run/kubernetes",
    "/var/lib/calico",
    "/var/lib/dockershim",
    "/var/lib/weave",
];
/// Directories that kubelet, API server and plugins create and leave empty. Inner ones come first.
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
    // The Pod of kube-proxy creates it on hosts without modules.
    "/usr/lib/modules",
    // Kubelets from v1.25 on write user-requested data there, which stay.
    "/var/lib/kubelet/checkpoints",
    KUBELET,
];

/// Everything in the list that may exist on this host, in the order of removal. An interrupted run is continued with
/// what is left: the manifests contain the certificate paths and are removed after the certificates; the kubeconfigs
/// identify the role of the host and are removed last.
pub fn paths(cx: &Run<Reset>) -> Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = CNI_NAMES.iter().map(|name| Path::new(CNI).join(name)).collect();
    paths.extend(ELSEWHERE.map(PathBuf::from));
    paths.extend(cluster_certificates::paths(cx)?);
    let mut add = |directory: &Path, name: &str| paths.push(directory.join(name));
    for pod in STATIC_PODS {
        add(Path::new(MANIFESTS_DIR), &format!("{pod}.yaml"));
    }
    if cx.work.place.cleanup_tmp_dir {
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
    let recorded: Vec<PathBuf> = recorded(cx)?.into_iter().filter(is_new).collect();
    // A killed run may have left a temporary file of a key under its hidden name.
    Ok(recorded.into_iter().chain(listed).flat_map(|path| unfinished(&path).into_iter().chain([path])).collect())
}

/// Other files in these directories that the journal lists as ours and that are unchanged.
fn recorded(cx: &Context) -> Result<Vec<PathBuf>> {
    let journal = Journal::load(&cx.host.files)?;
    let pki = certificates_dir(cx)?;
    let directories = [Path::new(KUBERNETES), Path::new(KUBELET), &pki];
    let mut paths = Vec::new();
    for path in journal.files().keys().filter(|path| directories.iter().any(|directory| path.starts_with(directory))) {
        if journal.ownership(&cx.host.files, path)? == Ownership::Ours {
            paths.push(path.clone());
        }
    }
    Ok(paths)
}

/// The logs of Pods, by the form of their names: `NAMESPACE_NAME_UID`.
pub fn pod_logs(cx: &Context) -> Result<Vec<PathBuf>> {
    let names = removal::names(&cx.host, Path::new(POD_LOGS))?.unwrap_or_default();
    let is_pod = |name: &&String| name.split('_').filter(|part| !part.is_empty()).count() == 3;
    Ok(names.iter().filter(is_pod).map(|name| Path::new(POD_LOGS).join(name)).collect())
}

/// The networks without assigned addresses: only the plugin's own files are left in them.
pub fn free_networks(cx: &Context) -> Result<Vec<PathBuf>> {
    let mut free = Vec::new();
    for network in removal::names(&cx.host, Path::new(CNI_NETWORKS))?.unwrap_or_default() {
        let path = Path::new(CNI_NETWORKS).join(network);
        let names = removal::names(&cx.host, &path)?;
        let is_bookkeeping = |name: &String| name == "lock" || name.starts_with("last_reserved_ip");
        if names.is_some_and(|names| names.iter().all(is_bookkeeping)) {
            free.push(path);
        }
    }
    Ok(free)
}

/// Directories that are removed if empty: those of the list, and those that the journal lists as created by us.
pub fn directories(cx: &Run<Reset>) -> Result<Vec<PathBuf>> {
    let journal = Journal::load(&cx.host.files)?;
    let pki = certificates_dir(cx)?;
    let below = |path: &&PathBuf| {
        path.starts_with(KUBERNETES) || path.starts_with(KUBELET) || path.starts_with(&pki) || path.ends_with("etcd")
    };
    let mut directories: Vec<PathBuf> = journal.directories().iter().filter(below).cloned().collect();
    // The longer path is the inner one.
    directories.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    directories.retain(|path| path != Path::new(KUBELET));
    directories.extend([CONTAINER_LOGS, POD_LOGS].map(PathBuf::from));
    directories.extend(cluster_credentials::rotation_directories(cx)?);
    directories.extend(EMPTIED.map(PathBuf::from));
    directories.push(BACKUP_DIR.into());
    // Packages of the kubelet contain it, empty.
    let was_used = |directory: &Path| {
        let is_below = |entry: &Entry| matches!(&entry.change, Change::Remove { path } if path.starts_with(directory));
        journal.directories().contains(directory) || cx.host.gate.entries().iter().any(is_below)
    };
    directories.retain(|path| path != Path::new(KUBELET) || was_used(path));
    Ok(directories)
}

/// All paths of the kubelet's directory: the usual one, the target of a link there, and the one in the kubelet's
/// flags.
pub fn kubelet_directories(cx: &Context) -> Vec<PathBuf> {
    let mut directories = vec![PathBuf::from(KUBELET)];
    directories.extend(custom_kubelet_directory(cx));
    for directory in directories.clone() {
        let real = cx.host.files.real(&directory).ok();
        let real = real.and_then(|real| Some(Path::new("/").join(real.strip_prefix(cx.host.files.root()).ok()?)));
        directories.extend(real.filter(|real| !directories.contains(real)));
    }
    directories
}

/// The directory in the kubelet's flags, if it is not the usual one.
pub fn custom_kubelet_directory(cx: &Context) -> Option<PathBuf> {
    let directory = PathBuf::from(kubelet_flags::find_any(&cx.host, "root-dir")?);
    let is_a_directory_of_its_own = directory.is_absolute() && directory.components().count() > 2;
    Some(directory).filter(|directory| is_a_directory_of_its_own && directory != Path::new(KUBELET))
}

/// The directories in which volumes are mounted.
pub fn mounts(cx: &Context) -> Vec<PathBuf> {
    let of = |directory: PathBuf| KUBELET_MOUNTS.map(|name| directory.join(name));
    kubelet_directories(cx).into_iter().flat_map(of).collect()
}

/// The cluster's own directory that contains a path of the list: file systems mounted below it are not entered.
pub fn owning_directory(cx: &Context, path: &Path) -> Result<PathBuf> {
    let pki = certificates_dir(cx)?;
    let own = [KUBERNETES, KUBELET, CNI, POD_LOGS, CONTAINER_LOGS].iter().map(Path::new).chain([pki.as_path()]);
    let directory = own.into_iter().find(|directory| path.starts_with(directory) && path != *directory);
    Ok(directory.or(path.parent()).unwrap_or(path).to_path_buf())
}

/// The certificates directory of this host.
pub fn certificates_dir(cx: &Context) -> Result<PathBuf> {
    Ok(cx.cluster()?.certificates_dir.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::leaving::fixture;

    #[test]
    fn files_that_contain_other_paths_are_removed_after_them() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(&fixture(root.path())).unwrap();
        let at = |path: &str| paths.iter().position(|known| known == Path::new(path)).unwrap();
        let server = at("/etc/kubernetes/manifests/kube-apiserver.yaml");
        assert!(at("/etc/kubernetes/pki/ca.key") < server && at("/etc/kubernetes/pki/sa.key") < server);
        assert!(server < at("/etc/kubernetes/kubelet.conf") && server < at("/etc/kubernetes/admin.conf"));
    }

    #[test]
    fn an_empty_kubelet_directory_of_a_package_stays_and_a_used_one_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("var/lib/kubelet");
        std::fs::create_dir_all(&directory).unwrap();
        let cx = fixture(root.path());
        assert!(!directories(&cx).unwrap().contains(&KUBELET.into()));
        std::fs::write(directory.join("config.yaml"), "x").unwrap();
        removal::remove(&cx.host, Path::new(KUBELET), &Path::new(KUBELET).join("config.yaml")).unwrap();
        assert!(directories(&cx).unwrap().contains(&KUBELET.into()));
    }

    #[test]
    fn volumes_are_found_behind_a_link_and_in_the_directory_of_the_kubelets_flags() {
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
    fn temporary_files_of_killed_writes_are_in_the_list() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(&fixture(root.path())).unwrap();
        assert!(paths.contains(&"/etc/kubernetes/pki/.ca.key.kubewright".into()));
        assert!(paths.contains(&"/etc/kubernetes/.admin.conf.kubewright".into()));
    }
}
