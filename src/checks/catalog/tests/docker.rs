//! Docker with the kubelet's own adapter.

use super::*;

const INFO: &str = "docker --host unix:///var/run/docker.sock info --format {{json .}}";

/// A host with Docker and the kubelet of this minor version.
fn docker(minor: u16, settings: &str) -> Case {
    let mut case = Case::new();
    case.node.cri_socket = Some("/var/run/dockershim.sock".into());
    case.cluster = cluster(minor);
    let show = "systemctl show -p LoadState,ActiveState,UnitFileState docker";
    let info = format!("{{\"ServerVersion\":\"19.03.15\",\"Driver\":\"overlay2\",{settings}}}");
    case.host = case
        .host
        .on("kubelet --version", &format!("Kubernetes v1.{minor}.2\n"))
        .on(show, "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n")
        .on("docker --host unix:///var/run/docker.sock ps -a -q --no-trunc --filter label=io.kubernetes.docker.type=podsandbox", "")
        .on(INFO, &info);
    case
}

#[test]
fn kubelets_before_v1_24_use_docker_and_follow_its_cgroup_driver_as_in_kubeadm() {
    let report = docker(20, "\"CgroupDriver\":\"systemd\"").report();
    assert_eq!(report.findings, []);
    assert!(report.checks.iter().any(|check| check == "IsDockerSystemdCheck"));
    assert_eq!(report.consequences, [Consequence::KubeletField { field: "cgroupDriver", value: "systemd".into() }]);
    assert_eq!(docker(22, "\"CgroupDriver\":\"systemd\"").report().findings, []);
}

#[test]
fn cgroupfs_of_docker_is_fixed_unless_that_ends_containers() {
    let report = docker(20, "\"CgroupDriver\":\"cgroupfs\"").report();
    let finding = only(&report);
    assert_eq!((finding.id.as_str(), finding.severity), ("IsDockerSystemdCheck", Severity::Warning));
    let fix = Some(Repair::DockerCgroupDriver { driver: "systemd".into() });
    assert_eq!(finding.repair, fix);

    let report = docker(22, "\"CgroupDriver\":\"cgroupfs\"").report();
    assert_eq!((only(&report).id.as_str(), only(&report).severity), ("CgroupDriver", Severity::Error));
    assert_eq!(only(&report).repair, fix);

    let report = docker(20, "\"CgroupDriver\":\"cgroupfs\",\"ContainersRunning\":3").report();
    assert_eq!(only(&report).repair, None);
    assert!(only(&report).fix.contains("ends the 3 containers"), "{}", only(&report).fix);
    let report =
        docker(20, "\"CgroupDriver\":\"cgroupfs\",\"ContainersRunning\":3,\"LiveRestoreEnabled\":true").report();
    assert_eq!(only(&report).repair, fix);
}

#[test]
fn the_version_and_storage_driver_of_docker_are_checked_as_in_kubeadm() {
    let found = |minor: u16, version: &str, storage: &str| {
        let mut case = docker(minor, "\"CgroupDriver\":\"systemd\"");
        let info = format!("{{\"ServerVersion\":\"{version}\",\"Driver\":\"{storage}\",\"CgroupDriver\":\"systemd\"}}");
        case.host = case.host.on(INFO, &info);
        let report = case.report();
        report.findings.first().map(|finding| (finding.id.clone(), finding.severity))
    };
    let system = |severity| Some(("SystemVerification".to_owned(), severity));
    assert_eq!(found(20, "20.10.24+dfsg1", "overlay2"), system(Severity::Warning));
    assert_eq!(found(21, "20.10.24+dfsg1", "overlay2"), None);
    assert_eq!(found(20, "1.10.3", "overlay2"), system(Severity::Error));
    assert_eq!(found(20, "18.09.1", "vfs"), system(Severity::Error));
}

#[test]
fn from_v1_24_on_the_error_names_cri_dockerd() {
    let report = docker(24, "\"CgroupDriver\":\"systemd\"").report();
    let finding = only(&report);
    assert_eq!((finding.id.as_str(), &finding.repair), ("CRI", &None));
    assert!(finding.what.contains("removed in v1.24") && finding.fix.contains("cri-dockerd"), "{finding}");
}

#[test]
fn a_docker_that_is_stopped_is_started() {
    let mut case = docker(20, "\"CgroupDriver\":\"systemd\"");
    let refused = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.";
    let show = "systemctl show -p LoadState,ActiveState,UnitFileState docker";
    case.host = case
        .host
        .on_result(INFO, 1, "", refused)
        .on(show, "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n");
    let report = case.report();
    assert_eq!(only(&report).repair, Some(Repair::StartService { service: "docker".into() }));
}

#[test]
fn docker_beside_a_containerd_without_cri_is_named() {
    let mut case = Case::new();
    case.host = case.host.file("/var/run/docker.sock", "");
    case.cri = FakeCri::empty();
    let report = case.report();
    let finding = only(&report);
    assert_eq!(finding.repair, Some(Repair::SwitchCriOn));
    assert!(finding.what.contains("Docker, which runs here, cannot be used directly"), "{finding}");
    assert!(finding.fix.contains("--cri-socket=/var/run/dockershim.sock"), "{finding}");
}
