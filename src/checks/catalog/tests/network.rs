//! What a pod network needs of the host.

use super::*;

fn flannel() -> Case {
    let mut case = Case::new();
    case.pod_network = Some(PodNetwork::Flannel);
    case.host = case.host.file("/sys/module/vxlan/refcnt", "0");
    for plugin in ["bridge", "host-local", "loopback", "portmap"] {
        case.host = case.host.file(&format!("/opt/cni/bin/{plugin}"), "");
    }
    case
}

#[test]
fn a_host_with_modules_and_plugins_can_run_flannel() {
    assert_eq!(flannel().report().findings, []);
    let mut again = flannel();
    again.host = again.host.file("/etc/cni/net.d/10-flannel.conflist", "{}");
    assert_eq!(again.report().findings, [], "its own configuration of an earlier run");
}

#[test]
fn missing_plugins_are_reported_with_their_package() {
    let case = flannel();
    for plugin in ["bridge", "portmap"] {
        std::fs::remove_file(case.host.root().join("opt/cni/bin").join(plugin)).unwrap();
    }
    let report = case.report();
    let finding = only(&report);
    assert_eq!((finding.id.as_str(), finding.severity), ("CNIPlugins", Severity::Error));
    assert!(
        finding.what.contains("bridge, portmap") && finding.fix.contains("containernetworking-plugins"),
        "{finding}"
    );
}

#[test]
fn the_directory_that_containerd_looks_in_is_used() {
    let mut case = flannel();
    let dump = "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.cni]\nbin_dir = '/usr/lib/cni'\n";
    case.host = case
        .host
        .file("/etc/containerd/config.toml", "version = 2\n")
        .on("containerd --config /etc/containerd/config.toml config dump", dump);
    let report = case.report();
    assert!(only(&report).what.contains("/usr/lib/cni"), "{}", only(&report).what);
}

#[test]
fn modules_that_flannel_needs_are_loaded_by_fix() {
    let case = flannel();
    std::fs::remove_dir_all(case.host.root().join("sys/module/vxlan")).unwrap();
    let report = case.report();
    assert_eq!(only(&report).repair, Some(Repair::Modules { modules: vec!["vxlan".into()] }));
}

#[test]
fn the_configuration_of_another_network_is_an_error() {
    let mut case = flannel();
    case.host = case.host.file("/etc/cni/net.d/10-calico.conflist", "{}").file("/etc/cni/net.d/README", "");
    let report = case.report();
    let finding = only(&report);
    assert_eq!((finding.id.as_str(), finding.severity), ("CNIConfig", Severity::Error));
    assert!(finding.place.ends_with("10-calico.conflist"), "{finding}");
}
