//! The effective configuration of containerd.

use super::*;

const DUMP: &str = "containerd --config /etc/containerd/config.toml config dump";

/// A host with containerd 2.x, which reports no sandbox image but the cgroup driver.
fn version_2(systemd: bool, sandbox: &str) -> Case {
    let dump = format!(
        "version = 3\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = '{sandbox}'\n\
         [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes]\n\
         runc = {{ runtime_type = 'io.containerd.runc.v2', options = {{ SystemdCgroup = {systemd} }} }}\n"
    );
    let mut case = Case::new();
    case.cluster = cluster(36);
    case.cri = FakeCri::v1().status("", if systemd { "systemd" } else { "cgroupfs" });
    case.cri = if systemd { case.cri.reports_systemd() } else { case.cri.reports_cgroupfs() };
    case.host = case
        .host
        .on("kubelet --version", "Kubernetes v1.36.2\n")
        .on(DUMP, &dump)
        .file("/etc/containerd/config.toml", "version = 3\n");
    for program in ["losetup", "cp"] {
        case.host = case.host.program(program);
    }
    case
}

#[test]
fn the_sandbox_image_that_containerd_2_does_not_report_is_read_from_its_configuration() {
    assert_eq!(version_2(true, "k8s.gcr.io/pause:3.2").report().findings, []);
    let report = version_2(true, "old").report();
    let finding = only(&report);
    assert_eq!((finding.id.as_str(), finding.severity), ("SandboxImage", Severity::Warning));
    assert_eq!(finding.repair, Some(Repair::SandboxImage { image: "k8s.gcr.io/pause:3.2".into() }));

    let mut case = version_2(true, "old");
    case.host = case.host.on_result(DUMP, 1, "", "containerd: broken");
    let report = case.report();
    assert!(report.findings.iter().any(|one| one.id == "SandboxImage" && one.what.contains("could not be checked")));
}

#[test]
fn cgroupfs_of_the_runtime_on_a_systemd_host_is_reported_and_fixed() {
    let report = version_2(false, "k8s.gcr.io/pause:3.2").report();
    let finding = only(&report);
    assert_eq!(finding.repair, Some(Repair::CgroupDriver { driver: "systemd".into() }));
    assert!(finding.what.contains("two managers"), "{}", finding.what);

    let mut case = version_2(false, "k8s.gcr.io/pause:3.2");
    case.cluster.kubelet.insert("cgroupDriver".into(), "cgroupfs".into());
    assert_eq!(case.report().findings, [], "it was chosen");
    let mut case = version_2(false, "k8s.gcr.io/pause:3.2");
    case.host = case.host.file("/proc/mounts", "cgroup /sys/fs/cgroup/memory cgroup rw 0 0\n");
    let found = case.report().findings;
    assert!(!found.iter().any(|finding| finding.id == "CgroupDriver"), "version 1 has a tree for each: {found:#?}");
}

#[test]
fn a_runtime_class_with_another_driver_is_reported() {
    let mut case = version_2(true, "k8s.gcr.io/pause:3.2");
    let dump = "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes]\n\
                runc = { runtime_type = 'io.containerd.runc.v2', options = { SystemdCgroup = true } }\n\
                nvidia = { runtime_type = 'io.containerd.runc.v2' }\nkata = { runtime_type = 'io.containerd.kata.v2' }\n";
    case.host = case.host.on(DUMP, dump);
    let report = case.report();
    let finding = only(&report);
    assert!(finding.what.contains("do not: nvidia; Pods"), "{}", finding.what);
    assert_eq!(finding.repair, Some(Repair::CgroupDriver { driver: "systemd".into() }));
}

#[test]
fn a_runtime_that_is_not_enabled_is_reported_and_fixed() {
    let disabled = |socket: &'static str| {
        let mut case = Case::new();
        let show = |unit: &str| format!("systemctl show -p LoadState,ActiveState,UnitFileState {unit}");
        case.host = case
            .host
            .on(&show("containerd"), "LoadState=loaded\nActiveState=active\nUnitFileState=disabled\n")
            .on(&show("containerd.socket"), socket);
        case.report()
    };
    let report = disabled("LoadState=not-found\nActiveState=inactive\nUnitFileState=\n");
    assert_eq!(only(&report).repair, Some(Repair::EnableService { service: "containerd".into() }));
    assert_eq!(only(&report).severity, Severity::Warning);
    assert_eq!(disabled("LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n").findings, []);
}
