//! What the files of this host become in an upgrade: the static Pods and the kubelet's configuration.
//!
//! Reads: the manifests, the kubelet's files and flags, the patches, the container runtime. Writes: nothing.

use super::cgroup_driver::{self, CGROUP_DRIVER};
use super::error::UpgradeError;
use super::target_config::at_version;
use crate::base::fault::Result;
use crate::base::go_yaml;
use crate::config::model::ClusterConfig;
use crate::config::untrusted;
use crate::context::Context;
use crate::domain::paths::{KUBELET_CONFIG, KUBELET_DIR, manifest};
use crate::host::kubelet_flags;
use crate::render::kubelet::{self, NodeInput, SharedInput};
use crate::render::patches::Target;
use crate::state::{manifests, patches, static_pod::StaticPod};
use crate::versions::Version;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

const INSTANCE_CONFIG: &str = "instance-config.yaml";

/// A file, as it is and as it would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    pub path: PathBuf,
    /// None if it does not exist.
    pub before: Option<String>,
    /// None if it is removed.
    pub after: Option<String>,
}

/// The version of this host's control plane, from the image of its API server; None on a worker.
pub fn host_version(cx: &Context) -> Result<Option<Version>> {
    let pod = StaticPod::read(&cx.host.files, "kube-apiserver")?;
    Ok(pod.as_ref().and_then(StaticPod::tag).and_then(|tag| tag.parse().ok()))
}

/// Every static Pod of this control plane for a version, with patches: its name and its manifest.
pub fn static_pods(cx: &mut Context, stored: &ClusterConfig, version: &Version) -> Result<Vec<(&'static str, String)>> {
    cx.with_cluster(at_version(stored, version), |cx| {
        let mut pods = Vec::new();
        for name in manifests::pod_names() {
            pods.extend(manifests::text(cx, name)?.map(|text| (name, text)));
        }
        Ok(pods)
    })
}

/// What the files of this control plane become. `kubelet` is the configuration that all kubelets share; without it the kubelet's files
/// are left out.
pub fn changes(
    cx: &mut Context,
    stored: &ClusterConfig,
    kubelet: Option<&Map<String, Value>>,
    target: &Version,
) -> Result<Vec<FileChange>> {
    if !cx.host.files.exists(&manifest("kube-apiserver")) {
        return Err(UpgradeError::NoControlPlane.into());
    }
    let pods = static_pods(cx, stored, target)?;
    let mut wanted: Vec<(PathBuf, String)> = pods.into_iter().map(|(name, text)| (manifest(name), text)).collect();
    if let Some(shared) = kubelet {
        wanted.extend(cx.with_cluster(at_version(stored, target), |cx| kubelet_files(cx, shared))?);
    }
    let mut changes = Vec::new();
    for (path, after) in wanted {
        changes.push(FileChange { before: cx.host.files.read_text(&path)?, path, after: Some(after) });
    }
    Ok(changes)
}

/// The configuration that all kubelets share after the upgrade, from the one that they share now.
pub fn shared_kubelet_config(cx: &Context, shared: &Map<String, Value>) -> Result<String> {
    let facts = cx.facts()?;
    let mut config = ClusterConfig { kubelet: shared.clone(), ..cx.cluster()?.clone() };
    let is_set = shared.contains_key(CGROUP_DRIVER);
    let driver = if is_set { None } else { cgroup_driver::to_set(cx)? };
    if let Some(driver) = driver {
        config.kubelet.insert(CGROUP_DRIVER.into(), driver.name().into());
    }
    let systemd_resolved = cx.systemd_resolved();
    let text = kubelet::shared_config(&SharedInput { cluster: &config, facts, systemd_resolved })?;
    if is_set || driver.is_some() {
        return Ok(text);
    }
    // kubeadm sets systemd, with which the kubelet of a host with cgroupfs starts no Pod.
    let mut document: Map<String, Value> = untrusted::read(text.as_bytes()).unwrap_or_default();
    document.remove(CGROUP_DRIVER);
    Ok(go_yaml::to_string(&Value::Object(document)))
}

/// The kubelet's files on this host that an upgrade writes.
pub fn kubelet_files(cx: &Context, shared: &Map<String, Value>) -> Result<Vec<(PathBuf, String)>> {
    let (facts, systemd_resolved) = (cx.facts()?, cx.systemd_resolved());
    let config = cx.cluster()?;
    let text = shared_kubelet_config(cx, shared)?;
    let path = Path::new(KUBELET_DIR).join(INSTANCE_CONFIG);
    let mut files = Vec::new();
    let mut instance = None;
    if kubelet::uses_instance_config(config, facts) {
        let content = match cx.host.files.read_text(&path)? {
            Some(there) => there,
            None => kubelet::instance_config(&socket(cx)?)?,
        };
        files.push((path, content.clone()));
        instance = Some(content);
    }
    let patches = patches::load_for(cx, Target::KubeletConfiguration)?;
    let input = NodeInput { facts, systemd_resolved, instance_config: instance.as_deref(), patches: &patches };
    files.insert(0, (KUBELET_CONFIG.into(), kubelet::node_config(&text, &input)?));
    Ok(files)
}

/// The socket of the container runtime: that of the kubelet's flags, or the one that responds.
fn socket(cx: &Context) -> Result<String> {
    match kubelet_flags::find_any(&cx.host, "container-runtime-endpoint") {
        Some(socket) => Ok(socket),
        None => cx.cri_socket(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::files::Content;
    use crate::host::command::fake::FakeHost;
    use crate::host::cri::fake::FakeCri;
    use crate::state::upgrade::fixture::context;
    use serde_json::json;

    const SOCKET: &str = "/run/containerd/containerd.sock";

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn host(version_here: &str) -> (tempfile::TempDir, Context, ClusterConfig) {
        let root = tempfile::tempdir().unwrap();
        let mut cx = context(root.path(), &version(version_here));
        let stored = cx.cluster().unwrap().clone();
        for (name, text) in static_pods(&mut cx, &stored, &version(version_here)).unwrap() {
            cx.host.files.write(&manifest(name), &Content::public(text), 0o600).unwrap();
        }
        (root, cx, stored)
    }

    #[test]
    fn an_upgrade_to_the_version_that_runs_changes_no_static_pod() {
        let (_root, mut cx, stored) = host("v1.33.2");
        assert_eq!(host_version(&cx).unwrap(), Some(version("v1.33.2")));
        let changes = changes(&mut cx, &stored, None, &version("v1.33.2")).unwrap();
        assert_eq!(changes.len(), 4);
        assert!(changes.iter().all(|change| change.before == change.after));
    }

    #[test]
    fn etcd_and_the_kubelet_change_too() {
        let (_root, mut cx, stored) = host("v1.33.2");
        let shared = json!({"cgroupDriver": "systemd"}).as_object().cloned().unwrap();
        let changes = changes(&mut cx, &stored, Some(&shared), &version("v1.34.2")).unwrap();
        let after = |end: &str| changes.iter().find(|one| one.path.ends_with(end)).unwrap().after.clone().unwrap();
        assert!(after("etcd.yaml").contains("etcd:3.6.5-0"));
        assert!(after("kube-scheduler.yaml").contains("kube-scheduler:v1.34.2"));
        assert!(after("config.yaml").contains("containerRuntimeEndpoint: "));
        assert!(after(INSTANCE_CONFIG).contains("containerd.sock"));
        assert_eq!(cx.cluster().unwrap().version, version("v1.33.2"));
    }

    /// An upgrade to v1.22 set systemd, also where containerd uses cgroupfs: no Pod of the node started any more.
    #[test]
    fn an_unset_control_group_driver_becomes_the_runtimes_and_stays_unset_if_that_is_not_known() {
        let written = |target: &str, driver: Option<&str>| {
            let fake = FakeHost::new();
            let _server = driver.map(|driver| FakeCri::new().status("pause", driver).serve(fake.root(), SOCKET));
            let mut cx = context(fake.root(), &version(target));
            cx.host = fake.live();
            cx.config.node.as_mut().unwrap().cri_socket = Some(format!("unix://{SOCKET}"));
            cx.host.files = cx.host.files.clone();
            let text = shared_kubelet_config(&cx, &Map::new()).unwrap();
            let config: Map<String, Value> = untrusted::read(text.as_bytes()).unwrap();
            config.get(CGROUP_DRIVER).and_then(Value::as_str).map(str::to_owned)
        };
        assert_eq!(written("v1.21.14", Some("cgroupfs")), None);
        assert_eq!(written("v1.22.17", Some("cgroupfs")).as_deref(), Some("cgroupfs"));
        assert_eq!(written("v1.22.17", Some("systemd")).as_deref(), Some("systemd"));
        assert_eq!(written("v1.22.17", None), None);
    }

    #[test]
    fn a_worker_has_no_static_pods() {
        let root = tempfile::tempdir().unwrap();
        let mut cx = context(root.path(), &version("v1.33.2"));
        let stored = cx.cluster().unwrap().clone();
        let error = changes(&mut cx, &stored, None, &version("v1.34.2")).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(UpgradeError::NoControlPlane)), "{error}");
    }
}
