//! What follows when a check is ignored, and single checks.

use super::*;
use crate::base::env::{Clock, Random};
use crate::checks::standing::{Data, Database};
use crate::config::model::Arg;
use crate::pki::{self, Generator, PkiStore};

#[test]
fn ignoring_a_cgroup_driver_that_nobody_chose_makes_the_kubelet_follow_the_runtime() {
    let mismatch = |chosen: Option<&str>| {
        let mut case = Case::new();
        case.cri = FakeCri::new().status("k8s.gcr.io/pause:3.2", "systemd");
        case.node.ignore_preflight_errors = vec!["CgroupDriver".into()];
        if let Some(driver) = chosen {
            case.cluster.kubelet.insert("cgroupDriver".into(), driver.into());
        }
        case.report()
    };
    let report = mismatch(None);
    assert!(only(&report).ignored);
    assert_eq!(report.consequences, [Consequence::KubeletField { field: "cgroupDriver", value: "systemd".into() }]);
    let report = mismatch(Some("cgroupfs"));
    assert!(only(&report).what.contains("cannot be ignored: the kubelet is told to use this driver"));
    assert_eq!(report.consequences, []);
}

#[test]
fn ignoring_swap_is_refused_where_the_kubelet_is_told_to_refuse_it() {
    let swap = "Filename Type Size Used Priority\n/dev/sda2 partition 1000 0 -2\n";
    let mut case = Case::new();
    case.host = case.host.file("/proc/swaps", swap);
    case.node.ignore_preflight_errors = vec!["Swap".into()];
    case.cluster.kubelet.insert("failSwapOn".into(), true.into());
    let report = case.report();
    assert!(only(&report).what.contains("cannot be ignored"), "{report:?}");
    assert!(
        !report.verdict(Role::FirstControlPlane).unwrap_err().hint().unwrap().contains("--ignore-preflight-errors")
    );
}

#[test]
fn a_foreign_port_cannot_be_ignored_unless_the_component_listens_elsewhere() {
    let taken = |port: u16, program: &str, bound: bool| {
        let mut case = Case::new();
        case.host = listening(case.host, port, program);
        case.node.ignore_preflight_errors = vec!["all".into()];
        if bound {
            let arg = Arg { name: "bind-address".into(), value: "10.0.0.7".into() };
            case.cluster.api_server.extra_args.push(arg);
        }
        only(&case.report()).ignored
    };
    for port in [6443, 10250, 10257, 10259, 2379] {
        assert!(!taken(port, "/usr/sbin/nginx", false), "{port}");
    }
    assert!(taken(6443, "/usr/sbin/nginx", true));
    // Left by an earlier cluster; its static Pod ends when its manifest is replaced.
    assert!(taken(6443, "kube-apiserver", false));
}

#[test]
fn an_expired_authority_is_told_before_anything_is_made_with_it() {
    let made_in = |seconds: u64| {
        let case = Case::new();
        let files = case.host.live().files().clone();
        let store = PkiStore::new(files, "/etc/kubernetes/pki", &Clock::fixed(seconds), &Random::seeded(1));
        let (cluster, node) = (crate::pki::fixture::cluster(20), crate::pki::fixture::node());
        store.ensure(pki::catalog::cert("ca").unwrap(), &cluster, &node, &Generator).unwrap();
        case.report()
    };
    // The fake host lives at the end of 2023.
    assert!(only(&made_in(1_300_000_000)).what.contains("/etc/kubernetes/pki/ca.crt expired on 2021-03-"));
    assert_eq!(made_in(1_600_000_000).findings, []);
}

#[test]
fn a_host_without_a_service_manager_is_told_so() {
    let case = Case::new();
    std::fs::remove_dir_all(case.host.root().join("run/systemd")).unwrap();
    std::fs::remove_file(case.host.root().join("usr/bin/systemctl")).unwrap();
    let report = case.report();
    let finding = only(&report);
    assert_eq!((finding.id.as_str(), finding.severity), ("Service-kubelet", Severity::Warning));
    assert!(finding.what.contains("neither systemd nor OpenRC"), "{}", finding.what);
}

#[test]
fn a_clock_that_nobody_sets_is_a_warning() {
    let clock = |answer: &str| {
        let mut case = Case::new();
        case.host = case.host.on("timedatectl show -p NTPSynchronized --value", answer);
        case.report().findings.iter().map(|finding| finding.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(clock("no\n"), ["ClockSync"]);
    assert!(clock("yes\n").is_empty());
}

#[test]
fn an_old_runtime_serves_old_kubelets_only() {
    let judged = |minor: u16| {
        let mut case = Case::new();
        case.cluster = cluster(minor);
        case.host = case.host.on("kubelet --version", &format!("Kubernetes v1.{minor}.2\n"));
        let driver = if minor > 21 { "systemd" } else { "cgroupfs" };
        case.cri = FakeCri::v1alpha2().status("k8s.gcr.io/pause:3.2", driver);
        case.node.ignore_preflight_errors = vec!["all".into()];
        let report = case.report();
        report.errors().map(|finding| finding.id.clone()).collect::<Vec<_>>()
    };
    assert!(judged(20).is_empty());
    assert!(judged(25).is_empty());
    assert_eq!(judged(26), ["ContainerRuntimeVersion"]);
}

/// A plain 'init' after one with a file pointed the API server at an empty etcd, whatever was ignored.
#[test]
fn a_cluster_is_not_parted_from_its_data_although_everything_is_ignored() {
    let data = |folder: &str| Data { etcd: Some(Database::Here(folder.into())), encryption: None };
    let report = |stored: Option<&str>, before: &str| {
        let mut case = Case::new();
        let stored = stored.map(|domain| {
            let mut stored = case.cluster.clone();
            stored.networking.dns_domain = domain.into();
            Ok(stored)
        });
        case.host = case.host.file("/data/etcd/member/wal/0", "");
        case.standing = Some(Standing { stored, before: data(before), after: data("/var/lib/etcd") });
        case.node.ignore_preflight_errors = vec!["all".into()];
        case.report()
    };
    let moved = report(Some("old.local"), "/data/etcd");
    assert_eq!(moved.errors().count(), 2, "{moved:#?}");
    assert!(moved.findings[0].what.contains("in /data/etcd, and would be looked for in /var/lib/etcd"));
    assert!(moved.findings.iter().all(|finding| finding.what.contains("cannot be ignored")), "{moved:#?}");
    let other = report(Some("old.local"), "/var/lib/etcd");
    assert!(only(&other).ignored && only(&other).what.contains("networking.dnsDomain: old.local now"), "{other:#?}");
    assert_eq!(report(Some("cluster.local"), "/var/lib/etcd").findings, []);
    assert_eq!(report(None, "/var/lib/etcd").findings, []);
}
