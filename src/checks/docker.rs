//! Docker with the kubelet's own adapter, before v1.24: its version, storage driver and cgroup driver.
//!
//! Reads: what Docker says of itself. Writes: nothing.

use super::finding::{Consequence, Finding, Repair};
use super::inputs::{Check, Inputs, Scene};
use crate::host::cri::{Cri, Endpoint, kubelet_endpoint};
use crate::host::kubelet_flags;
use crate::host::service::{InitSystem, Services};
use serde_json::Value;

const SYSTEM: &str = "SystemVerification";
const DRIVER: &str = "IsDockerSystemdCheck";
/// The last minor version whose kubeadm makes the kubelet use Docker's cgroup driver; later ones set systemd.
const FOLLOWS: u16 = 20;
/// The newest release of Docker that kubeadm of v1.20 knows, and of later minor versions with the adapter; the oldest.
const NEWEST: [(u16, u16); 2] = [(19, 3), (20, 10)];
const OLDEST: (u16, u16) = (1, 11);
/// From k8s.io/system-validators.
const STORAGE: [&str; 6] = ["aufs", "btrfs", "devicemapper", "overlay", "overlay2", "zfs"];

/// The checks of a host that is to use Docker, or whose kubelet uses it.
pub(super) fn checks<'a>(inputs: &Inputs<'a>) -> Vec<Check<'a>> {
    let chosen = inputs.node.cri_socket.as_deref().filter(|socket| !socket.is_empty());
    let endpoint = match chosen {
        Some(chosen) => Endpoint::parse(chosen).ok(),
        None => kubelet_endpoint(inputs.host),
    };
    if !endpoint.is_some_and(|endpoint| endpoint.is_dockershim()) {
        return Vec::new();
    }
    vec![Check::live(SYSTEM, check_version), Check::live(DRIVER, check_driver)]
}

fn check_version(scene: &Scene<'_>) -> Vec<Finding> {
    let info = match scene.cri().ok().and_then(Cri::docker_info) {
        None => return Vec::new(),
        Some(Ok(info)) => info,
        Some(Err(error)) => return vec![Finding::unknown(SYSTEM, &error)],
    };
    let mut findings = Vec::new();
    let [first, later] = NEWEST;
    let newest = if scene.minor <= FOLLOWS { first } else { later };
    let mut numbers = info.server_version.split(['.', '-', '+', '~']).map_while(|part| part.parse::<u16>().ok());
    let version = numbers.next().zip(numbers.next());
    if let Some(version) = version.filter(|version| *version < OLDEST) {
        let what = format!("Docker {}.{} is older than any that Kubernetes supports (1.11)", version.0, version.1);
        findings.push(Finding::error(SYSTEM, "docker", what, "install a newer Docker"));
    } else if version.is_some_and(|version| version > newest) {
        let what = format!(
            "Docker {} is newer than those that Kubernetes v1.{} was tested with (up to {}.{:02})",
            info.server_version, scene.minor, newest.0, newest.1
        );
        findings.push(Finding::warning(SYSTEM, "docker", what, "use the containerd that comes with it, if Pods fail"));
    }
    if !STORAGE.contains(&info.driver.as_str()) {
        let what = format!("Docker uses the storage driver {}, which Kubernetes does not support", info.driver);
        let fix = "set \"storage-driver\": \"overlay2\" in /etc/docker/daemon.json; Docker then has none of its images any more";
        findings.push(Finding::error(SYSTEM, "docker", what, fix));
    }
    findings
}

/// Where the kubelet follows Docker, both work with cgroupfs; but two managers of control groups are worse than one.
fn check_driver(scene: &Scene<'_>) -> Vec<Finding> {
    let Ok(cri) = scene.cri() else { return Vec::new() };
    let has_systemd = Services::of(scene.host()).init_system() == InitSystem::Systemd;
    match cri.docker_info() {
        Some(Ok(info)) if info.cgroup_driver == "cgroupfs" && has_systemd && is_followed(scene) => {
            let what = "Docker uses the cgroup driver cgroupfs, while systemd manages the control groups of this host";
            let fix = "run the same command with '--fix', or set \"exec-opts\": [\"native.cgroupdriver=systemd\"] in \
                       /etc/docker/daemon.json and run 'systemctl restart docker'";
            vec![fixed(Finding::warning(DRIVER, "docker", what, fix), cri, "systemd")]
        }
        Some(Err(error)) => vec![Finding::unknown(DRIVER, &error)],
        _ => Vec::new(),
    }
}

/// A finding that `--fix` can change in Docker's configuration, unless the restart would end containers.
pub(super) fn fixed(finding: Finding, cri: &Cri, driver: &str) -> Finding {
    match cri.docker_info() {
        Some(Ok(info)) if info.containers_running == 0 || info.live_restore_enabled => {
            finding.fixed_by(Repair::DockerCgroupDriver { driver: driver.into() })
        }
        Some(Ok(info)) => {
            let fix = format!(
                "set \"exec-opts\": [\"native.cgroupdriver={driver}\"] in /etc/docker/daemon.json and run 'systemctl restart \
                 docker', which ends the {} containers that run now; '--fix' does not do that",
                info.containers_running
            );
            Finding { fix, ..finding }
        }
        _ => finding,
    }
}

/// True if the kubelet is to use Docker's cgroup driver: nothing else was chosen, as in kubeadm of this minor version.
pub(super) fn is_followed(scene: &Scene<'_>) -> bool {
    let is_docker = scene.cri().is_ok_and(|cri| cri.endpoint().is_dockershim());
    let is_chosen = kubelet_flags::find(scene.host(), "cgroup-driver").is_some()
        || scene.inputs.node.kubelet_extra_args.iter().any(|arg| arg.name == "cgroup-driver")
        || scene.inputs.cluster.is_some_and(|cluster| cluster.kubelet.contains_key("cgroupDriver"));
    is_docker && scene.minor <= FOLLOWS && !is_chosen
}

/// The kubelet's cgroup driver, where it follows Docker's.
pub(super) fn consequence(scene: &Scene<'_>) -> Option<Consequence> {
    let is_running = scene.inputs.host.is_live();
    if !is_running || !is_followed(scene) {
        return None;
    }
    let driver = scene.cri().ok()?.docker_info()?.ok()?.cgroup_driver;
    Some(Consequence::KubeletField { field: "cgroupDriver", value: Value::from(driver) })
}
