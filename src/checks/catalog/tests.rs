//! Tests of all checks together, on hosts made of files and canned commands.

use super::*;
use crate::base::fault::Fault;
use crate::base::files::Content;
use crate::checks::existing_cluster::ExistingCluster;
use crate::checks::finding::Consequence;
use crate::checks::finding::{Repair, Severity};
use crate::checks::holding::{EtcdData, Holding, Whose};
use crate::checks::inputs::Rerun;
use crate::config::model::{ApiEndpoint, ClusterConfig, NodeConfig};
use crate::config::pod_network::PodNetwork;
use crate::config::print;
use crate::host::command::fake::FakeHost;
use crate::host::cri::{KNOWN, fake::FakeCri};
use crate::versions::{Version, table};
use std::collections::BTreeMap;

fn cluster(minor: u16) -> ClusterConfig {
    let mut cluster = print::default_cluster(Version::new(minor, 2), table::facts(minor).unwrap());
    cluster.networking.pod_subnets = vec!["10.244.0.0/16".parse().unwrap()];
    cluster
}

fn node() -> NodeConfig {
    NodeConfig {
        cri_socket: None,
        // An address that every machine that runs the tests has.
        local_endpoint: ApiEndpoint { advertise_address: "127.0.0.1".parse().unwrap(), bind_port: 6443 },
        ..print::default_node(table::facts(20).unwrap(), "n1")
    }
}

const SWAP_UNITS: &str = "systemctl list-unit-files --plain --no-legend --no-pager *.swap zramswap.service \
                          zram-config.service systemd-swap.service dphys-swapfile.service zram-swap.service";

/// A host on which everything is right.
fn fit() -> FakeHost {
    let show = |unit: &str| format!("systemctl show -p LoadState,ActiveState,UnitFileState {unit}");
    let mut host = FakeHost::new()
        .systemd()
        .on("kubelet --version", "Kubernetes v1.20.2\n")
        .on("getent ahosts n1", "10.0.0.7 STREAM n1\n")
        .on(&show("kubelet"), "LoadState=loaded\nActiveState=activating\nUnitFileState=enabled\n")
        .on(&show("firewalld"), "LoadState=not-found\nActiveState=inactive\nUnitFileState=\n")
        .on(&show("containerd"), "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n")
        .on("systemctl show -p ExecStart containerd", "ExecStart=\n")
        .on(SWAP_UNITS, "")
        .file("/proc/meminfo", "MemTotal: 4000000 kB\n")
        .file("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n")
        .file("/proc/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")
        .file("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu hugetlb io memory pids\n")
        .file("/sys/module/overlay/refcnt", "1")
        .file("/proc/sys/net/ipv4/ip_forward", "1\n")
        .file("/etc/sysctl.d/k8s.conf", "net.ipv4.ip_forward = 1\n")
        .file("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n");
    for program in ["crictl", "conntrack", "ip", "iptables", "mount", "nsenter", "ebtables", "ethtool", "socat", "tc"] {
        host = host.program(program);
    }
    host.program("touch")
}

struct Case {
    host: FakeHost,
    uid: u32,
    role: Role,
    node: NodeConfig,
    cluster: ClusterConfig,
    rerun: Rerun,
    standing: Option<ExistingCluster>,
    holding: Holding,
    cri: FakeCri,
    socket: &'static str,
    pod_network: Option<PodNetwork>,
}

impl Case {
    fn new() -> Self {
        Self {
            host: fit(),
            uid: 0,
            role: Role::FirstControlPlane,
            node: node(),
            cluster: cluster(20),
            rerun: Rerun::default(),
            standing: None,
            holding: Holding::default(),
            cri: FakeCri::new().status("k8s.gcr.io/pause:3.2", "cgroupfs"),
            socket: KNOWN[0],
            pod_network: None,
        }
    }

    fn report(self) -> Report {
        let _serving = self.cri.serve(self.host.root(), self.socket);
        let host = self.host.live();
        let mut report = run(&Inputs {
            host: &host,
            uid: self.uid,
            vars: &BTreeMap::new(),
            role: self.role,
            node: &self.node,
            cluster: Some(&self.cluster),
            api_host: None,
            ca_cert_path: Some(std::path::Path::new("/etc/kubernetes/pki/ca.crt")),
            certs_downloaded: false,
            images: &[],
            pause_image: Some("k8s.gcr.io/pause:3.2"),
            rerun: &self.rerun,
            holding: &self.holding,
            adopt_etcd_data: false,
            standing: self.standing.as_ref(),
            pod_network: self.pod_network.as_ref(),
        });
        // The size of the machine that runs the tests is not under test.
        report.findings.retain(|f| f.id != "NumCPU" && f.id != "DiskSpace");
        report
    }
}

fn only(report: &Report) -> &Finding {
    assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
    &report.findings[0]
}

#[test]
fn a_fit_host_has_no_findings_and_kubeadms_checks_by_name() {
    let report = Case::new().report();
    assert_eq!(report.findings, []);
    assert!(report.verdict(Role::Worker).is_ok());
    for name in [
        "IsPrivilegedUser",
        "NumCPU",
        "Mem",
        "KubernetesVersion",
        "Firewalld",
        "AdvertiseAddress",
        "Port-6443",
        "Port-10259",
        "Port-10257",
        "FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml",
        "FileAvailable--etc-kubernetes-manifests-etcd.yaml",
        "HTTPProxy",
        "HTTPProxyCIDR",
        "CRI",
        "FileContent--proc-sys-net-bridge-bridge-nf-call-iptables",
        "FileContent--proc-sys-net-ipv4-ip_forward",
        "Swap",
        "FileExisting-crictl",
        "FileExisting-conntrack",
        "SystemVerification",
        "Hostname",
        "KubeletVersion",
        "Service-kubelet",
        "Port-10250",
        "Port-2379",
        "Port-2380",
        "DirAvailable--var-lib-etcd",
        "CertificatesLost",
        "ImagePull",
    ] {
        assert!(report.checks.iter().any(|check| check == name), "{name} is missing from {:?}", report.checks);
    }
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let mut case = Case::new();
    case.host = case
        .host
        .file("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1000 0 -2\n")
        .file("/proc/sys/net/ipv4/ip_forward", "0\n")
        .file("/var/lib/etcd/member/snap/db", "")
        .file("/etc/kubernetes/manifests/etcd.yaml", "");
    case.cri = FakeCri::new().status("k8s.gcr.io/pause:3.1", "systemd");
    case.uid = 1000;
    let report = case.report();
    let mut errors: Vec<&str> = report.errors().map(|f| f.id.as_str()).collect();
    errors.sort_unstable();
    assert_eq!(
        errors,
        [
            "CertificatesLost",
            "CgroupDriver",
            "DirAvailable--var-lib-etcd",
            "FileAvailable--etc-kubernetes-manifests-etcd.yaml",
            "FileContent--proc-sys-net-ipv4-ip_forward",
            "IsPrivilegedUser",
            "Swap",
        ]
    );
    assert!(report.findings.iter().all(|f| !f.fix.is_empty()), "{:#?}", report.findings);
    assert!(report.findings.iter().any(|f| f.id == "SandboxImage" && f.severity == Severity::Warning));
    assert_eq!(report.verdict(Role::Worker).unwrap_err().exit_code(), crate::base::exit_code::ExitCode::Preflight);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["findings"][0]["severity"], "error");
    assert!(json["findings"][0]["where"].is_string());
}

#[test]
fn ignoring_swap_configures_the_kubelet_and_all_works_in_any_case() {
    for entry in ["swap", "Swap", "all"] {
        let mut case = Case::new();
        case.host = case.host.file("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1000 0 -2\n");
        case.node.ignore_preflight_errors = vec![entry.into()];
        let report = case.report();
        let finding = only(&report);
        assert!(finding.ignored && finding.severity == Severity::Warning);
        assert_eq!(report.consequences, [Consequence::KubeletField { field: "failSwapOn", value: false.into() }]);
    }
    let mut case = Case::new();
    case.host = case.host.file("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1000 0 -2\n");
    case.cluster.kubelet.insert("failSwapOn".into(), false.into());
    assert_eq!(case.report().findings, []);
}

#[test]
fn what_cannot_work_cannot_be_ignored() {
    let mut case = Case::new();
    case.uid = 1000;
    case.node.ignore_preflight_errors = vec!["all".into()];
    let report = case.report();
    let finding = only(&report);
    assert_eq!((finding.id.as_str(), finding.severity), ("IsPrivilegedUser", Severity::Error));
    assert!(finding.what.contains("cannot be ignored: every later step needs root"));
}

/// What a cluster rests on.
fn write_cas(host: &FakeHost) {
    for name in ["ca.crt", "front-proxy-ca.crt", "etcd/ca.crt", "sa.key"] {
        let path = format!("/etc/kubernetes/pki/{name}");
        host.live().files.write(path.as_ref(), &Content::public(""), 0o600).unwrap();
    }
}

/// Files of all components as an earlier run of ours left them, and the journal of that run.
fn after_init(case: &mut Case) {
    write_cas(&case.host);
    let host = case.host.live();
    for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"] {
        let path = format!("/etc/kubernetes/manifests/{component}.yaml");
        host.files.write(path.as_ref(), &Content::public(component), 0o600).unwrap();
    }
    host.files.write("/var/lib/etcd/member/snap/db".as_ref(), &Content::public(""), 0o600).unwrap();
    case.rerun.journal.note(&host.files, &host.gate.entries(), "", 0).unwrap();
}

#[test]
fn a_run_after_a_run_finds_nothing_wrong() {
    let mut case = Case::new();
    after_init(&mut case);
    assert_eq!(case.report().findings, []);
}

#[test]
fn a_cluster_that_lost_its_ca_gets_no_other_one_whatever_is_ignored() {
    let mut case = Case::new();
    after_init(&mut case);
    std::fs::remove_file(case.host.root().join("etc/kubernetes/pki/ca.crt")).unwrap();
    case.node.ignore_preflight_errors = vec!["all".into()];
    let report = case.report();
    let finding = only(&report);
    assert_eq!((finding.id.as_str(), finding.severity), ("CertificatesLost", Severity::Error));
    assert!(finding.what.contains("rests on: /etc/kubernetes/pki/ca.crt; this cannot be ignored"), "{}", finding.what);
    assert_eq!(
        report.verdict(Role::FirstControlPlane).unwrap_err().hint().unwrap(),
        "fix it, then run the same command again"
    );
}

#[test]
fn a_manifest_that_was_edited_by_hand_is_not_overwritten_silently() {
    let mut case = Case::new();
    after_init(&mut case);
    case.host = case.host.file("/etc/kubernetes/manifests/kube-apiserver.yaml", "edited");
    let report = case.report();
    assert!(only(&report).what.contains("was changed since kubewright wrote it"));
}

#[test]
fn files_that_kubeadm_left_and_that_are_right_are_adopted() {
    let mut case = Case::new();
    case.host = case.host.file("/etc/kubernetes/manifests/etcd.yaml", "x").file("/var/lib/etcd/member/wal", "");
    write_cas(&case.host);
    case.rerun.adopted.insert("/etc/kubernetes/manifests/etcd.yaml".into());
    assert_eq!(case.report().findings, []);
}

#[test]
fn a_stopped_runtime_is_named_with_the_command_that_starts_it() {
    let mut case = Case::new();
    let show = "systemctl show -p LoadState,ActiveState,UnitFileState containerd";
    case.host = case.host.on(show, "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n");
    // The server is elsewhere, so that no known socket answers.
    let host = case.host.live();
    let report = run(&Inputs {
        host: &host,
        uid: 0,
        vars: &BTreeMap::new(),
        role: Role::Worker,
        node: &case.node,
        cluster: None,
        api_host: Some("10.0.0.1"),
        ca_cert_path: None,
        certs_downloaded: false,
        images: &[],
        pause_image: None,
        rerun: &case.rerun,
        holding: &case.holding,
        adopt_etcd_data: false,
        standing: None,
        pod_network: None,
    });
    let finding = report.findings.iter().find(|f| f.id == "CRI").unwrap();
    assert!(finding.fix.contains("systemctl start containerd"));
    assert_eq!(finding.repair, Some(Repair::StartService { service: "containerd".into() }));
}

#[test]
fn a_worker_is_not_asked_for_what_control_planes_need() {
    let mut case = Case::new();
    case.role = Role::Worker;
    case.host = case.host.file("/etc/kubernetes/pki/ca.crt", "").file("/etc/kubernetes/kubelet.conf", "");
    let report = case.report();
    assert!(!report.checks.iter().any(|id| id == "Port-6443" || id == "NumCPU" || id.contains("etcd")));
    let ids: Vec<&str> = report.findings.iter().map(|f| f.id.as_str()).collect();
    assert_eq!(ids, ["FileAvailable--etc-kubernetes-kubelet.conf", "FileAvailable--etc-kubernetes-pki-ca.crt"]);
}

#[test]
fn versions_that_do_not_go_together_are_reported() {
    let kubelet = |minor: u16, cluster_minor: u16| {
        let mut case = Case::new();
        case.cluster = cluster(cluster_minor);
        case.host = case.host.on("kubelet --version", &format!("Kubernetes v1.{minor}.2\n"));
        let report = case.report();
        report.findings.iter().find(|f| f.id == "KubeletVersion").map(|f| f.what.clone())
    };
    assert_eq!(kubelet(20, 20), None);
    assert_eq!(kubelet(20, 21), None);
    assert!(kubelet(21, 20).unwrap().contains("newer than the control plane"));
    assert!(kubelet(20, 36).unwrap().contains("minor versions older"));
}

mod containerd;
mod docker;
mod host;
mod more;
mod network;
mod ports;
mod running;
