//! A node with running Pods: no fix that would affect them is offered.

use super::*;

const POD: &str = "0::/kubepods/burstable/pod1/2\n";
const SWAPS: &str = "Filename Type Size Used Priority\n/dev/sda2 partition 1000 0 -2\n";

/// A node with `config` for its kubelet, whose containerd uses `runtime`.
fn node_with(config: &str, runtime: &str) -> Case {
    let mut case = Case::new();
    case.role = Role::Worker;
    case.host = case.host.file("/var/lib/kubelet/config.yaml", config).file("/proc/77/cgroup", POD);
    case.cri = FakeCri::new().status("k8s.gcr.io/pause:3.2", runtime);
    case
}

#[test]
fn the_driver_of_a_running_worker_is_compared_with_its_own_kubelet() {
    for config in ["cgroupDriver: cgroupfs\n", "kind: KubeletConfiguration\n"] {
        let mut case = node_with(config, "cgroupfs");
        // The default for a worker that did not contact a cluster.
        case.cluster = cluster(30);
        case.host = case.host.on("kubelet --version", "Kubernetes v1.30.2\n");
        let found = case.report().findings;
        assert!(!found.iter().any(|finding| finding.id == "CgroupDriver"), "{found:#?}");
    }
}

#[test]
fn a_different_driver_on_a_running_node_is_reported_with_manual_steps_and_never_fixed() {
    let report = node_with("cgroupDriver: cgroupfs\n", "systemd").report();
    let finding = only(&report);
    assert_eq!((finding.severity, &finding.repair), (Severity::Error, &None));
    for words in ["kubectl drain n1", "systemctl stop kubelet", "SystemdCgroup = false", "cgroupDriver: cgroupfs"] {
        assert!(finding.fix.contains(words), "{}", finding.fix);
    }
    assert!(!report.verdict(Role::Worker).unwrap_err().hint().unwrap().contains("--fix"));

    let mut case = node_with("cgroupDriver: cgroupfs\n", "systemd");
    case.node.ignore_preflight_errors = vec!["all".into()];
    let report = case.report();
    assert!(only(&report).ignored);
    assert_eq!(report.consequences, [], "the kubelet's driver is not changed under Pods either");
}

#[test]
fn an_init_that_would_change_the_driver_of_a_running_kubelet_is_refused_although_everything_is_ignored() {
    let mut case = node_with("cgroupDriver: systemd\n", "systemd");
    case.role = Role::FirstControlPlane;
    case.node.ignore_preflight_errors = vec!["all".into()];
    let report = case.report();
    let finding = only(&report);
    assert!(finding.what.contains("would change it to cgroupfs while Pods run"), "{}", finding.what);
    assert!(finding.what.contains("cannot be ignored"), "{}", finding.what);
    assert!(finding.fix.contains("cgroupDriver: systemd in the KubeletConfiguration"), "{}", finding.fix);

    let mut case = node_with("cgroupDriver: systemd\n", "systemd");
    case.role = Role::FirstControlPlane;
    case.cluster.kubelet.insert("cgroupDriver".into(), "systemd".into());
    assert_eq!(case.report().findings, []);
}

#[test]
fn swap_and_the_sandbox_image_of_a_running_node_are_not_fixed() {
    let mut case = node_with("cgroupDriver: cgroupfs\n", "cgroupfs");
    case.host = case.host.file("/proc/swaps", SWAPS);
    case.cri = FakeCri::new().status("old", "cgroupfs");
    let report = case.report();
    let ids: Vec<&str> = report.findings.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!(ids, ["Swap", "SandboxImage"]);
    assert!(report.findings.iter().all(|finding| finding.repair.is_none() && finding.fix.contains("drain n1")));
    assert!(report.findings[0].fix.ends_with("set failSwapOn: false in the KubeletConfiguration"));

    let mut case = node_with("failSwapOn: false\n", "cgroupfs");
    case.host = case.host.file("/proc/swaps", SWAPS);
    assert_eq!(case.report().findings, [], "its kubelet accepts swap");
}

#[test]
fn pods_that_only_the_runtime_lists_count() {
    let mut case = node_with("cgroupDriver: cgroupfs\n", "cgroupfs");
    std::fs::remove_dir_all(case.host.root().join("proc/77")).unwrap();
    case.host = case.host.file("/proc/swaps", SWAPS);
    case.cri = case.cri.pod("web", &[], &[]);
    assert_eq!(only(&case.report()).repair, None);
}

#[test]
fn a_node_whose_pods_never_started_is_fixed() {
    let case = node_with("cgroupDriver: cgroupfs\n", "systemd");
    std::fs::remove_dir_all(case.host.root().join("proc/77")).unwrap();
    assert_eq!(only(&case.report()).repair, Some(Repair::CgroupDriver { driver: "cgroupfs".into() }));
}

#[test]
fn a_node_without_pods_is_fixed_to_its_own_kubelet_and_not_to_the_default() {
    let node = |own: &str, runtime: &str| {
        let mut case = node_with(&format!("cgroupDriver: {own}\n"), runtime);
        std::fs::remove_dir_all(case.host.root().join("proc/77")).unwrap();
        case.host = case.host.file("/etc/kubernetes/kubelet.conf", "");
        case
    };
    let drivers = |case: Case| -> Vec<Option<Repair>> {
        let found = case.report().findings.into_iter().filter(|finding| finding.id == "CgroupDriver");
        found.map(|finding| finding.repair).collect()
    };
    assert_eq!(drivers(node("systemd", "cgroupfs")), [Some(Repair::CgroupDriver { driver: "systemd".into() })]);
    // The control plane of a cluster that does not respond, and an 'init' that does not specify its driver.
    let mut case = node("systemd", "systemd");
    case.role = Role::FirstControlPlane;
    assert_eq!(drivers(case), [None]);
    let mut case = node("systemd", "cgroupfs");
    case.cluster.kubelet.insert("cgroupDriver".into(), "cgroupfs".into());
    assert_eq!(drivers(case), [], "the choice is explicit");
}

#[test]
fn a_fix_that_does_not_affect_pods_is_still_made() {
    let mut case = node_with("cgroupDriver: cgroupfs\n", "cgroupfs");
    case.host = case.host.file("/proc/sys/net/ipv4/ip_forward", "0\n");
    assert!(matches!(only(&case.report()).repair, Some(Repair::Sysctl { .. })));
}
