//! Checks of files and directories: free for us, there for us, writable, with room.

use super::finding::{Finding, Role};
use super::inputs::{Check, Inputs, Scene};
use crate::base::fault::Failure;
use crate::config::model::Etcd;
use crate::domain::paths::{BACKUP_DIR, MANIFESTS_DIR, manifest};
use crate::host::space::{self, Space};
use crate::journal::Ownership;
use std::path::{Path, PathBuf};

const MIB: u64 = 1024 * 1024;
/// With less than this the next write of any size fails.
const FULL: u64 = 64 * MIB;
/// etcd reserves 64 MiB for its log before it starts, and then needs room for its database.
const FULL_OF_ETCD: u64 = 128 * MIB;
/// Manifests, certificates and our own records are some kilobytes.
const FULL_OF_SMALL_FILES: u64 = 2 * MIB;
/// The kubelet evicts Pods below these shares of free room and files: its defaults for
/// `nodefs.available` (10 %), `imagefs.available` (15 %) and `nodefs.inodesFree` (5 %).
const LOW_NODE: u64 = 10;
const LOW_IMAGES: u64 = 15;
const LOW_INODES: u64 = 5;

/// kubeadm's name of a check on a path: every `/` becomes `-`.
fn named(kind: &str, path: &Path) -> String {
    format!("{kind}-{}", path.display().to_string().replace('/', "-"))
}

/// Files and directories that must be free, or ours.
pub(super) fn available<'a>(inputs: &Inputs<'a>, minor: u16) -> Vec<Check<'a>> {
    let mut checks = Vec::new();
    let mut free = |path: PathBuf| {
        let id = named("FileAvailable", &path);
        checks.push(Check::offline(id.clone(), move |scene| check_free(scene, &id, &path)));
    };
    if inputs.is_control_plane() {
        for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"] {
            free(manifest(component));
        }
    }
    if inputs.role != Role::FirstControlPlane {
        free("/etc/kubernetes/kubelet.conf".into());
        free("/etc/kubernetes/bootstrap-kubelet.conf".into());
    }
    if let (Role::Worker, Some(path)) = (inputs.role, inputs.ca_cert_path) {
        free(path.to_path_buf());
    }
    // kubeadm stopped to insist on it between 1.20 and 1.31.
    if inputs.role == Role::Worker && minor < 31 {
        checks.push(Check::offline(named("DirAvailable", Path::new(MANIFESTS_DIR)), |scene| {
            check_empty(scene, Path::new(MANIFESTS_DIR), |scene, name| {
                scene.inputs.rerun.is_ours(scene.files(), &Path::new(MANIFESTS_DIR).join(name))
            })
        }));
    }
    if let (true, Some(Etcd::Local(etcd))) = (inputs.is_control_plane(), inputs.cluster.map(|c| &c.etcd)) {
        checks.push(Check::offline(named("DirAvailable", &etcd.data_dir), move |scene| {
            // The data is this cluster's when its etcd keeps it there.
            let ours = scene.inputs.holding.is_ours() || scene.inputs.rerun.is_ours(scene.files(), &manifest("etcd"));
            check_empty(scene, &etcd.data_dir, move |_, _| ours)
        }));
    }
    checks
}

fn check_free(scene: &Scene<'_>, id: &str, path: &Path) -> Vec<Finding> {
    let shown = path.display().to_string();
    if !scene.files().exists(path) {
        return Vec::new();
    }
    let holding = scene.inputs.holding;
    let edit = holding.edits.get(path).map(|edit| format!(" ({edit})")).unwrap_or_default();
    let (what, fix) = match scene.inputs.rerun.ownership(scene.files(), path) {
        Ok(Ownership::Ours) => return Vec::new(),
        Err(failure) => return vec![unreadable(id, &failure)],
        Ok(Ownership::Changed) => (
            format!("{shown} was changed since kubewright wrote it, and would be overwritten{edit}"),
            format!(
                "undo the change, or put it into the configuration or into a patch; or ignore {id} to have it overwritten"
            ),
        ),
        Ok(Ownership::Foreign) if holding.is_ours() && path.starts_with(MANIFESTS_DIR) => (
            format!(
                "{shown} is of this cluster, differs from what this run would write, and would be overwritten{edit}"
            ),
            format!(
                "give the flags or the --config file with which the cluster was made, and put what was changed by hand \
                 into extraArgs or into a patch; or ignore {id} to have it overwritten"
            ),
        ),
        Ok(Ownership::Foreign) => {
            (format!("{shown} already exists: this host is, or was, part of a cluster"), holding.leave())
        }
    };
    vec![Finding::error(id, shown, what, fix)]
}

fn check_empty(scene: &Scene<'_>, path: &Path, is_ours: impl Fn(&Scene<'_>, &str) -> bool) -> Vec<Finding> {
    let id = named("DirAvailable", path);
    let shown = path.display().to_string();
    let names = match scene.files().list(path) {
        Ok(names) => names,
        Err(error) => return vec![Finding::unknown(&id, &error)],
    };
    // A file system of its own begins with this directory.
    let foreign: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| *name != "lost+found" && !is_ours(scene, name)).collect();
    let Some(first) = foreign.first() else { return Vec::new() };
    let what = format!("{shown} is not empty: it holds {first}, and kubewright did not put it there");
    let fix = match scene.inputs.holding.last_copy() {
        Some(_) => scene.inputs.holding.leave(),
        None => format!("run 'ls -la {shown}' to see what it holds, and move that to where it is kept"),
    };
    vec![Finding::error(&id, shown, what, fix)]
}

fn unreadable(id: &str, failure: &Failure) -> Finding {
    Finding::warning(id, "", format!("this could not be checked: {failure}"), failure.hint().unwrap_or_default())
}

/// Files that must be there: the client's of an external etcd.
pub(super) fn existing<'a>(inputs: &Inputs<'a>) -> Vec<Check<'a>> {
    const ID: &str = "ExternalEtcdClientCertificates";
    let Some(Etcd::External(etcd)) = inputs.cluster.map(|c| &c.etcd) else { return Vec::new() };
    if !inputs.is_control_plane() || inputs.certs_downloaded {
        return Vec::new();
    }
    vec![Check::offline(ID, move |scene| {
        [&etcd.ca_file, &etcd.cert_file, &etcd.key_file]
            .into_iter()
            .filter(|file| !file.is_empty() && !scene.files().exists(Path::new(file)))
            .map(|file| {
                let what = format!("{file} is not there; it is named for the external etcd");
                Finding::error(ID, file.as_str(), what, format!("copy it to {file}, or correct etcd.external"))
            })
            .collect()
    })]
}

/// Directories that must be writable, and file systems that need room.
pub(super) fn room<'a>() -> Vec<Check<'a>> {
    let mut checks = Vec::new();
    for path in ["/etc/kubernetes", "/var/lib/kubelet"] {
        let id = named("Writable", Path::new(path));
        checks.push(Check::live(id.clone(), move |scene| check_writable(scene, &id, Path::new(path))));
    }
    checks.push(Check::live("DiskSpace", check_space));
    checks
}

fn check_writable(scene: &Scene<'_>, id: &str, path: &Path) -> Vec<Finding> {
    // Without root nothing is writable; that has its own check.
    if scene.inputs.uid != 0 {
        return Vec::new();
    }
    let shown = path.display().to_string();
    match (space::is_writable(scene.host(), path), space::of(scene.host(), path)) {
        (_, Ok(Space { read_only: true, .. })) => vec![Finding::error(
            id,
            shown.clone(),
            format!("{shown} is on a file system that is mounted read-only"),
            format!("run 'findmnt -T {shown}', then 'mount -o remount,rw' on its mount point"),
        )],
        (Ok(false), _) => vec![Finding::error(
            id,
            shown.clone(),
            format!("{shown} cannot be written to, not even by root"),
            format!("run 'lsattr -d {shown}' and 'ls -ld {shown}' to see why"),
        )],
        (Err(error), _) | (_, Err(error)) => vec![Finding::unknown(id, &error)],
        _ => Vec::new(),
    }
}

/// What a directory needs: the kubelet's threshold in percent, and the bytes without which the next write fails.
struct Need {
    directory: PathBuf,
    low: u64,
    full: u64,
}

fn check_space(scene: &Scene<'_>) -> Vec<Finding> {
    let need = |directory: &str, low, full| Need { directory: directory.into(), low, full };
    let mut needs = vec![
        need("/var/lib/kubelet", LOW_NODE, FULL),
        need("/var/log", LOW_NODE, FULL),
        need(MANIFESTS_DIR, 0, FULL_OF_SMALL_FILES),
        need(BACKUP_DIR, 0, FULL_OF_SMALL_FILES),
    ];
    if let (true, Some(cluster)) = (scene.inputs.is_control_plane(), scene.inputs.cluster) {
        needs.push(Need { directory: cluster.certificates_dir.clone(), low: 0, full: FULL_OF_SMALL_FILES });
        if let Etcd::Local(etcd) = &cluster.etcd {
            needs.insert(0, Need { directory: etcd.data_dir.clone(), low: LOW_NODE, full: FULL_OF_ETCD });
        }
    }
    let images = scene.cri().ok().and_then(|cri| cri.image_directory().ok().flatten());
    // Images come first: on a shared file system their threshold is the stricter one.
    needs.insert(
        0,
        Need { directory: images.unwrap_or_else(|| "/var/lib/containerd".into()), low: LOW_IMAGES, full: FULL },
    );
    let mut findings = Vec::new();
    let mut known = Vec::new();
    for need in needs {
        match space::of(scene.host(), &need.directory) {
            Ok(space) => known.push((need, space)),
            Err(error) => findings.push(Finding::unknown("DiskSpace", &error)),
        }
    }
    findings.extend(check_each(&known));
    findings
}

/// One finding for each file system, by what all directories on it need.
fn check_each(known: &[(Need, Space)]) -> Vec<Finding> {
    let mut seen = Vec::new();
    let mut findings = Vec::new();
    for (first, space) in known {
        if seen.contains(&space.device) {
            continue;
        }
        seen.push(space.device);
        let same = || known.iter().filter(|(_, other)| other.device == space.device).map(|(need, _)| need);
        // The directory that needs most is the one that shows best what is missing.
        let most = same().rev().max_by_key(|need| need.full).unwrap_or(first);
        let low = same().map(|need| need.low).max().unwrap_or_default();
        let directory = if space.free < most.full { &most.directory } else { &first.directory };
        findings.extend(space_finding(directory, space, low, most.full));
    }
    findings
}

fn space_finding(directory: &Path, space: &Space, low: u64, full: u64) -> Option<Finding> {
    const ID: &str = "DiskSpace";
    let shown = directory.display().to_string();
    let free = space.free / MIB;
    let fix = format!("make room: run 'df -h {shown}' and 'du -xh --max-depth=2 {shown} | sort -h | tail'");
    if space.free < full {
        let what = format!("the disk is full: {free} MiB are free for {shown}");
        return Some(Finding::error(ID, shown, what, fix));
    }
    if space.free_inodes.is_some_and(|free| free.saturating_mul(100) < space.inodes.saturating_mul(LOW_INODES)) {
        let what = format!("the file system of {shown} can hold hardly any more files");
        return Some(Finding::warning(ID, shown.clone(), what, format!("run 'df -i {shown}' and remove small files")));
    }
    if space.free.saturating_mul(100) < space.total.saturating_mul(low) {
        let what = format!("less than {low} % ({free} MiB) are free for {shown}; the kubelet evicts Pods then");
        return Some(Finding::warning(ID, shown, what, fix));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::finding::Severity;

    #[test]
    fn room_is_checked_by_the_kubelets_own_thresholds() {
        let space = |free: u64, free_inodes| Space {
            directory: "/".into(),
            free: free * MIB,
            total: 10_000 * MIB,
            free_inodes: Some(free_inodes),
            inodes: 1000,
            read_only: false,
            device: 1,
        };
        let severity =
            |free, inodes, low| space_finding(Path::new("/x"), &space(free, inodes), low, FULL).map(|f| f.severity);
        assert_eq!(severity(63, 900, LOW_NODE), Some(Severity::Error));
        assert_eq!(severity(900, 900, LOW_NODE), Some(Severity::Warning));
        assert_eq!(severity(1400, 900, LOW_NODE), None);
        assert_eq!(severity(1400, 900, LOW_IMAGES), Some(Severity::Warning));
        assert_eq!(severity(9000, 10, LOW_NODE), Some(Severity::Warning));
        let is_full = |free, full| space_finding(Path::new("/x"), &space(free, 900), 0, full).is_some();
        assert!(is_full(100, FULL_OF_ETCD) && !is_full(130, FULL_OF_ETCD), "etcd reserves room for its log");
        assert!(is_full(1, FULL_OF_SMALL_FILES) && !is_full(3, FULL_OF_SMALL_FILES));
    }

    /// Two file systems of the same size were taken for one, so that a full one was not seen.
    #[test]
    fn file_systems_are_distinguished_by_their_device() {
        let on = |directory: &str, device, free: u64, full| {
            let space = Space {
                directory: directory.into(),
                free: free * MIB,
                total: 10_000 * MIB,
                free_inodes: None,
                inodes: 0,
                read_only: false,
                device,
            };
            (Need { directory: directory.into(), low: 0, full }, space)
        };
        let full = |known: &[(Need, Space)]| -> Vec<String> {
            check_each(known).into_iter().map(|finding| finding.place).collect()
        };
        let known = [on("/a", 1, 500, FULL), on("/b", 2, 5, FULL)];
        assert_eq!(full(&known), ["/b"]);
        let known = [on("/a", 1, 100, FULL), on("/etcd", 1, 100, FULL_OF_ETCD), on("/c", 1, 100, FULL)];
        assert_eq!(full(&known), ["/etcd"], "once, by the directory that needs most");
        let known = [on("/a", 1, 5, FULL), on("/c", 1, 5, FULL)];
        assert_eq!(full(&known), ["/a"]);
    }
}
