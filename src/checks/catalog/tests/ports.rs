//! Tests of ports that are in use.

use super::*;

/// A host with a listening program.
pub(super) fn listening(host: FakeHost, port: u16, program: &str) -> FakeHost {
    let table = format!("head\n 0: 00000000:{port:04X} 00000000:0000 0A 0:0 0:0 0 0 0 4711 1\n");
    let host = host
        .file("/proc/net/tcp", &table)
        .file("/proc/77/cmdline", &format!("{program}\0--x\0"))
        .file("/proc/77/fd/.keep", "");
    std::os::unix::fs::symlink("socket:[4711]", host.root().join("proc/77/fd/3")).unwrap();
    host
}

#[test]
fn a_port_may_be_used_only_by_our_own_components() {
    let mut case = Case::new();
    case.host = listening(case.host, 6443, "/usr/sbin/nginx");
    let report = case.report();
    let finding = only(&report);
    assert_eq!(finding.id, "Port-6443");
    assert!(finding.what.contains("kube-apiserver needs, is in use by nginx (process 77)"), "{}", finding.what);

    let mut case = Case::new();
    after_init(&mut case);
    case.host = listening(case.host, 6443, "kube-apiserver");
    assert_eq!(case.report().findings, []);

    let mut case = Case::new();
    case.host = listening(case.host, 6443, "kube-apiserver");
    let report = case.report();
    assert!(only(&report).what.contains("of a cluster that this host already runs"), "{report:?}");
    assert!(!only(&report).fix.contains("reset") && only(&report).fix.contains("keep this host"), "{report:?}");

    let mut case = Case::new();
    case.host = listening(case.host, 10250, "/usr/bin/kubelet");
    assert_eq!(case.report().findings, [], "the kubelet is a service that is started again");
}

/// A control plane that was checked without its configuration was reported as another cluster's.
#[test]
fn the_ports_of_a_control_plane_are_its_own_although_its_manifests_differ() {
    let report = |whose: Whose| {
        let mut case = Case::new();
        case.host = listening(case.host, 10257, "kube-controller-manager");
        case.host = case.host.file("/etc/kubernetes/manifests/kube-controller-manager.yaml", "edited");
        case.holding.data = vec![EtcdData { dir: "/var/lib/etcd".into(), identity: None }];
        case.holding.whose = whose;
        case.report()
    };
    let ours = report(Whose::Ours);
    assert!(only(&ours).what.contains("is of this cluster, differs from what this run would write"), "{ours:?}");
    for other in [Whose::Unknown, Whose::Foreign("another CA".into())] {
        let report = report(other);
        assert!(report.findings.len() >= 2, "{report:?}");
        assert!(report.findings.iter().all(|finding| !finding.fix.contains("reset")), "{report:?}");
    }
}

/// Without its first configuration, 'init' rewrote a control plane whose API server did not respond.
#[test]
fn a_cluster_that_does_not_respond_is_not_rewritten_although_everything_is_ignored() {
    let report = |is_unknown: bool, is_edited: bool| {
        let mut case = Case::new();
        case.node.ignore_preflight_errors = vec!["all".into()];
        case.standing = Some(ExistingCluster { is_unknown, ..ExistingCluster::default() });
        if is_edited {
            let path = "/etc/kubernetes/manifests/kube-apiserver.yaml".into();
            case.holding.edits.insert(path, "with --oidc-issuer-url".into());
        }
        case.report()
    };
    let refused = report(true, true);
    assert!(only(&refused).vital.is_some() && only(&refused).what.contains("with --oidc-issuer-url"), "{refused:?}");
    for (is_unknown, is_edited) in [(true, false), (false, true)] {
        assert_eq!(report(is_unknown, is_edited).findings, []);
    }
}

/// A plain 'preflight' on a control plane whose API was away reported that its manifests would be rewritten.
#[test]
fn nothing_is_compared_where_nothing_was_asked_for_and_nothing_is_known() {
    let mut case = Case::new();
    case.standing = Some(ExistingCluster { is_unknown: true, not_compared: true, ..ExistingCluster::default() });
    case.holding.edits.insert("/etc/kubernetes/manifests/kube-apiserver.yaml".into(), "with --v".into());
    let report = case.report();
    assert_eq!((only(&report).id.as_str(), only(&report).severity), ("ClusterConfigChanged", Severity::Warning));
}

#[test]
fn a_loss_of_quorum_cannot_be_ignored() {
    let mut case = Case::new();
    case.node.ignore_preflight_errors = vec!["all".into()];
    case.holding.lost_majority = Some(("etcd has lost its majority".into(), "start the hosts".into()));
    let report = case.report();
    assert_eq!((only(&report).id.as_str(), only(&report).vital.is_some()), ("EtcdMajority", true));
}
