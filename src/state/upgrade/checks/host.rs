//! What this host needs for the upgrade: control groups, disk space for a snapshot of etcd, images.
//!
//! Reads: /sys/fs/cgroup, the file systems, the container runtime's images. Writes: nothing.

use super::subject::unchecked;
use crate::base::fault::Result;
use crate::config::images::Image;
use crate::context::Context;
use crate::domain::paths::BACKUP_DIR;
use crate::host::cri;
use crate::host::space;
use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::etcd::EtcdReading;
use crate::state::upgrade::finding::Outcome;
use crate::versions::host_needs::refuses_cgroup_v1;
use crate::versions::{Minor, Version};
use serde_json::Value;
use std::path::Path;

pub(super) const NOT_LIVE: &str = "a root directory is not a running host";
/// Exists with cgroup v2 only.
const CGROUP_V2: &str = "/sys/fs/cgroup/cgroup.controllers";
const FAIL_CGROUP_V1: &str = "failCgroupV1";
const MIB: u64 = 1024 * 1024;

/// cgroup v1, which newer kubelets refuse.
pub(super) fn control_groups(cx: &Context, reading: &ClusterReading, minor: &Minor) -> Outcome {
    let has_v2 = cx.host.files.is_live().then(|| cx.host.files.exists(Path::new(CGROUP_V2)));
    of_control_groups(has_v2, reading, minor.minor)
}

fn of_control_groups(has_v2: Option<bool>, reading: &ClusterReading, target: u16) -> Outcome {
    let mut outcome = Outcome::default();
    if !refuses_cgroup_v1(target) {
        return outcome;
    }
    match has_v2 {
        None => outcome.unchecked.push(NOT_LIVE.into()),
        Some(true) => {}
        Some(false) => {
            let allowed = reading.kubelet.as_ref().and_then(|(_, document)| document.get(FAIL_CGROUP_V1))
                == Some(&Value::Bool(false));
            let fix = "boot this host with cgroup v2 before its kubelet is upgraded";
            if allowed {
                let what = "it uses cgroup v1, which the kubelet only accepts because failCgroupV1 is false";
                outcome.warning("this host", what, fix);
            } else {
                let what = format!("it uses cgroup v1, with which the kubelet of v1.{target} does not start");
                let fix = format!("{fix}, or set failCgroupV1 to false in the kubelet's configuration");
                outcome.error("this host", what, fix);
            }
        }
    }
    let others = reading.nodes.len().saturating_sub(1);
    if others > 0 {
        outcome.unchecked.push(format!(
            "whether {others} other nodes use cgroup v2 is only known there: run 'stat -fc %T /sys/fs/cgroup', which prints cgroup2fs"
        ));
    }
    outcome
}

/// Room for a snapshot of etcd.
pub(super) fn disk_space(cx: &Context, etcd: &EtcdReading) -> Outcome {
    if etcd.external {
        return Outcome::default();
    }
    let Some(size) = etcd.largest() else { return Outcome::not_checked("the size of etcd's data is not known") };
    match space::of(&cx.host, Path::new(BACKUP_DIR)) {
        Ok(space) if space.read_only => {
            let mut outcome = Outcome::default();
            outcome.error(BACKUP_DIR, "its file system is mounted read-only", "mount it writable");
            outcome
        }
        Ok(space) => of_space(space.free, size),
        Err(error) => Outcome::not_checked(error.to_string()),
    }
}

fn of_space(free: u64, size: u64) -> Outcome {
    let mut outcome = Outcome::default();
    // A snapshot is as large as the data, which grow until then.
    let needed = size.saturating_add(size / 5).saturating_add(16 * MIB);
    if free < needed {
        let what = format!("{} MiB are free; a snapshot of etcd needs {} MiB", free / MIB, needed.div_ceil(MIB));
        outcome.error(BACKUP_DIR, what, format!("make room: run 'df -h {BACKUP_DIR}'"));
    }
    outcome
}

/// Images of the target that this host does not have yet.
pub(super) fn images(cx: &Context, reading: &ClusterReading, target: &Version, wanted: &[Image]) -> Outcome {
    if !cx.host.files.is_live() {
        return Outcome::not_checked(NOT_LIVE);
    }
    let there = match present(cx) {
        Ok(there) => there,
        Err(failure) => return unchecked(&failure),
    };
    let mut outcome = of_images(&there, target, wanted);
    let others = reading.nodes.iter().filter(|node| node.control_plane).count().saturating_sub(1);
    if others > 0 {
        outcome.unchecked.push(format!("the images on {others} other control planes are only known there"));
    }
    outcome
}

fn present(cx: &Context) -> Result<Vec<String>> {
    let runtime = cri::find(&cx.host, cx.node()?.cri_socket.as_deref())?;
    Ok(runtime.images()?)
}

fn of_images(there: &[String], target: &Version, wanted: &[Image]) -> Outcome {
    let mut outcome = Outcome::default();
    let missing: Vec<String> = wanted.iter().map(ToString::to_string).filter(|image| !there.contains(image)).collect();
    let Some(repository) = wanted.first().map(|image| image.repository.as_str()) else { return outcome };
    if !missing.is_empty() {
        let what = format!(
            "{} of {} images of {target} are not here yet: {}",
            missing.len(),
            wanted.len(),
            missing.join(", ")
        );
        let fix = format!(
            "pull them before the upgrade: run 'kubewright config images pull --kubernetes-version {target} --image-repository {repository}'"
        );
        outcome.note("this host", what, fix);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{images, print};
    use crate::state::upgrade::cluster::read;
    use crate::state::upgrade::fixture::FakeCluster;
    use crate::versions::facts;
    use serde_json::json;

    fn reading(kubelet: &str) -> ClusterReading {
        let mut fake = FakeCluster::new("v1.34.1");
        fake.add_node("w1", "v1.34.1", false);
        fake.set("/api/v1/namespaces/kube-system/configmaps/kubelet-config", json!({"data": {"kubelet": kubelet}}));
        let running = fake.start();
        read(&running.cx, &running.cluster).unwrap()
    }

    #[test]
    fn cgroup_v1_stops_a_kubelet_that_refuses_it() {
        let (plain, allowing) = (reading("maxPods: 1"), reading("failCgroupV1: false"));
        assert_eq!(of_control_groups(Some(false), &plain, 34), Outcome::default());
        let refused = of_control_groups(Some(false), &plain, 35);
        assert!(refused.shown()[0].starts_with("Error this host: it uses cgroup v1"), "{refused:?}");
        assert!(of_control_groups(Some(false), &allowing, 35).shown()[0].starts_with("Warning this host"));
        let fine = of_control_groups(Some(true), &plain, 35);
        assert_eq!((fine.findings.len(), fine.unchecked.len()), (0, 1), "other nodes are not known");
        assert_eq!(of_control_groups(None, &plain, 35).unchecked.len(), 2);
    }

    #[test]
    fn a_snapshot_must_fit() {
        assert_eq!(of_space(1024 * MIB, 100 * MIB), Outcome::default());
        assert_eq!(of_space(1024 * MIB, u64::MAX).findings.len(), 1);
        let found = of_space(100 * MIB, 100 * MIB).shown();
        assert_eq!(found, ["Error /var/lib/kubewright/backup: 100 MiB are free; a snapshot of etcd needs 136 MiB"]);
    }

    #[test]
    fn missing_images_are_listed_with_the_command_that_pulls_them() {
        let (target, minor): (Version, _) = ("v1.34.2".parse().unwrap(), facts(34).unwrap());
        let wanted = images::all(&print::default_cluster(target.clone(), minor), minor);
        let mut there: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        assert_eq!(of_images(&there, &target, &wanted), Outcome::default());
        let gone = there.remove(0);
        let outcome = of_images(&there, &target, &wanted);
        assert!(outcome.shown()[0].starts_with("Note this host: 1 of ") && outcome.shown()[0].ends_with(&gone));
        assert!(outcome.findings[0].fix.contains("--kubernetes-version v1.34.2 --image-repository registry.k8s.io"));
    }

    #[test]
    fn a_root_directory_has_no_runtime() {
        let running = FakeCluster::new("v1.34.1").start();
        let reading = read(&running.cx, &running.cluster).unwrap();
        let outcome = super::images(&running.cx, &reading, &"v1.34.2".parse().unwrap(), &[]);
        assert_eq!(outcome.unchecked, [NOT_LIVE]);
    }
}
