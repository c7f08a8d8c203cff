//! Swap, kernel and cgroups of the host.

use super::*;
use crate::host::command::Output;

#[test]
fn swap_of_a_unit_is_reported_with_the_unit() {
    let listed = |text: &str| {
        let mut case = Case::new();
        case.host = case.host.on(SWAP_UNITS, text);
        case.report()
    };
    let report = listed("data.swap enabled enabled\n");
    assert!(only(&report).fix.contains("systemctl disable data.swap"), "{}", only(&report).fix);
    assert_eq!(only(&report).repair, Some(Repair::Swap));
    let mut case = Case::new();
    case.host = case.host.on_computed(SWAP_UNITS, |_| Output { code: Some(1), ..Output::default() });
    assert_eq!(case.report().findings, []);
}

/// From v1.30 on the parameters of br_netfilter are not checked, and nothing said that it would be gone.
#[test]
fn br_netfilter_that_was_loaded_by_hand_is_reported_where_its_parameters_are_not_checked() {
    let loaded = |list: &str| {
        let mut case = Case::new();
        case.cluster = cluster(36);
        case.cri = FakeCri::new().status("registry.k8s.io/pause:3.10.1", "systemd");
        case.host = case
            .host
            .file("/proc/modules", "br_netfilter 32768 0 - Live 0x0\n")
            .file("/etc/modules-load.d/k8s.conf", list);
        case.report().findings.into_iter().find(|finding| finding.id == "Modules")
    };
    let finding = loaded("overlay\n").unwrap();
    assert!(finding.what.contains("will not be after the next boot"), "{finding}");
    assert_eq!(finding.repair, Some(Repair::Modules { modules: vec!["br_netfilter".into()] }));
    assert_eq!(loaded("br_netfilter\n"), None);
}

#[test]
fn a_missing_controller_for_huge_pages_is_a_warning_as_in_kubeadm() {
    let mut case = Case::new();
    case.host = case.host.file("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
    let report = case.report();
    assert_eq!((only(&report).id.as_str(), only(&report).severity), ("SystemVerification", Severity::Warning));
    let mut case = Case::new();
    case.host = case.host.file("/sys/fs/cgroup/cgroup.controllers", "cpu hugetlb io memory pids\n");
    assert!(only(&case.report()).what.ends_with("lack cpuset"));
}

#[test]
fn control_groups_of_version_1_stop_kubelets_from_1_35_on() {
    let v1 = |minor: u16| {
        let mut case = Case::new();
        case.cluster = cluster(minor);
        case.host = case
            .host
            .on("kubelet --version", &format!("Kubernetes v1.{minor}.2\n"))
            .program("losetup")
            .program("cp")
            .file("/proc/mounts", "tmpfs /sys/fs/cgroup tmpfs ro 0 0\n")
            .file("/sys/fs/cgroup/memory/tasks", "")
            .file(
                "/proc/cgroups",
                "cpu 1 1 1\ncpuacct 1 1 1\ncpuset 1 1 1\ndevices 1 1 1\nfreezer 1 1 1\nhugetlb 1 1 1\nmemory 1 1 1\npids 1 1 1\n",
            );
        case.cri = FakeCri::new().status("k8s.gcr.io/pause:3.2", if minor > 21 { "systemd" } else { "cgroupfs" });
        case
    };
    assert_eq!(v1(20).report().findings, []);
    let severity = |case: Case| {
        let report = case.report();
        let found = report.findings.iter().find(|f| f.id == "SystemVerification").map(|f| f.severity);
        (found, report.consequences)
    };
    assert_eq!(severity(v1(31)), (Some(Severity::Warning), vec![]));
    assert_eq!(severity(v1(35)), (Some(Severity::Error), vec![]));
    let mut ignored = v1(35);
    ignored.node.ignore_preflight_errors = vec!["SystemVerification".into()];
    let consequence = Consequence::KubeletField { field: "failCgroupV1", value: false.into() };
    assert_eq!(severity(ignored), (Some(Severity::Warning), vec![consequence]));
}
