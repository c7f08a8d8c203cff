use super::*;
use crate::base::env::{Clock, Random};
use crate::base::gate::Gate;
use crate::pki::fixture;
use crate::pki::keys::Generator;

const NOW: u64 = 1_795_238_460;

fn host() -> (tempfile::TempDir, HostFiles, PkiStore) {
    let root = tempfile::tempdir().unwrap();
    let files = HostFiles::new(root.path(), Gate::open());
    let cluster = fixture::cluster(36);
    let store = PkiStore::new(files.clone(), &cluster.certificates_dir, &Clock::fixed(NOW), &Random::seeded(1));
    for spec in CERTS {
        store.ensure(spec, &cluster, &fixture::node(), &Generator).unwrap();
    }
    for spec in KUBECONFIGS {
        store.ensure_kubeconfig(spec, Path::new(KUBECONFIG_DIR), &cluster, &fixture::node(), &Generator).unwrap();
    }
    (root, files, store)
}

fn item<'a>(report: &'a Report, name: &str) -> &'a Item {
    report.certificates.iter().find(|item| item.name == name).unwrap()
}

#[test]
fn every_certificate_and_kubeconfig_is_listed_with_its_expiry() {
    let (root, files, store) = host();
    std::fs::create_dir_all(root.path().join("var/lib/kubelet/pki")).unwrap();
    let pem = std::fs::read(root.path().join("etc/kubernetes/pki/apiserver-kubelet-client.crt")).unwrap();
    std::fs::write(root.path().join("var/lib/kubelet/pki/kubelet-client-current.pem"), pem).unwrap();
    std::fs::remove_file(root.path().join("etc/kubernetes/pki/etcd/ca.key")).unwrap();
    let now = i64::try_from(NOW).unwrap();
    let report = list(&files, &store, now + 86_400).unwrap();
    assert_eq!(report.certificates.len(), CERTS.len() + KUBECONFIGS.len() + 1);
    assert_eq!(item(&report, "apiserver").seconds_left, 364 * 86_400);
    assert_eq!(item(&report, "ca").sort, Sort::Ca);
    assert_eq!(item(&report, "kubelet-client").sort, Sort::Kubelet);
    assert!(item(&report, "etcd-server").externally_managed && !item(&report, "apiserver").externally_managed);
    assert!(report.unreadable.is_empty());
}

#[test]
fn a_damaged_file_is_reported_and_the_others_are_read() {
    let (root, files, store) = host();
    std::fs::write(root.path().join("etc/kubernetes/pki/apiserver.crt"), "nonsense").unwrap();
    std::fs::write(root.path().join("etc/kubernetes/admin.conf"), "kind: Pod").unwrap();
    let report = list(&files, &store, i64::try_from(NOW).unwrap()).unwrap();
    assert_eq!(report.unreadable.len(), 2, "{:?}", report.unreadable);
    assert!(report.unreadable[0].contains("apiserver.crt"), "{:?}", report.unreadable);
    assert_eq!(report.certificates.len(), CERTS.len() + KUBECONFIGS.len() - 2);
}

#[test]
fn a_served_certificate_that_expires_before_the_file_counts() {
    let (_root, files, store) = host();
    let now = i64::try_from(NOW).unwrap();
    let report = list(&files, &store, now).unwrap();
    let mut item = item(&report, "apiserver").clone();
    assert_eq!(item.seconds_left_in_use(), item.seconds_left);
    item.served = Some(Served {
        address: "127.0.0.1:6443".into(),
        serial: Some("00".into()),
        not_after: Some(now + 60),
        state: State::NotYetInUse,
    });
    assert_eq!(item.seconds_left_in_use(), 60);
}

/// It was in no report, so it expired without a warning, and the API server failed.
#[test]
fn the_client_certificate_of_an_external_etcd_is_listed() {
    let (root, files, store) = host();
    let from = root.path().join("etc/kubernetes/pki/apiserver-kubelet-client.crt");
    std::fs::create_dir_all(root.path().join("etc/etcd")).unwrap();
    std::fs::copy(from, root.path().join("etc/etcd/client.crt")).unwrap();
    let manifest = |file: &str| {
        let text = format!("spec: {{containers: [{{command: [kube-apiserver, --etcd-certfile={file}]}}]}}");
        std::fs::create_dir_all(root.path().join("etc/kubernetes/manifests")).unwrap();
        std::fs::write(root.path().join("etc/kubernetes/manifests/kube-apiserver.yaml"), text).unwrap();
        list(&files, &store, i64::try_from(NOW).unwrap()).unwrap()
    };
    let report = manifest("/etc/etcd/client.crt");
    let listed = item(&report, EXTERNAL_ETCD_CLIENT);
    assert!(listed.externally_managed && listed.path.as_deref() == Some(Path::new("/etc/etcd/client.crt")));
    let report = manifest("/etc/kubernetes/pki/apiserver-etcd-client.crt");
    assert!(report.certificates.iter().all(|item| item.name != EXTERNAL_ETCD_CLIENT), "it is one of ours");
}

/// A certificate of another CA was listed like any other, with exit code 0.
#[test]
fn a_certificate_of_another_ca_than_its_use_demands_is_critical() {
    let ((root, files, store), (other, _, _)) = (host(), host());
    for file in ["pki/apiserver-etcd-client.crt", "scheduler.conf"] {
        let path = |root: &tempfile::TempDir| root.path().join("etc/kubernetes").join(file);
        std::fs::copy(path(&other), path(&root)).unwrap();
    }
    let mut report = list(&files, &store, i64::try_from(NOW).unwrap()).unwrap();
    let wrong: Vec<&str> =
        report.certificates.iter().filter(|item| item.problem.is_some()).map(|item| item.name.as_str()).collect();
    assert_eq!(wrong, ["apiserver-etcd-client", "scheduler.conf"]);
    let problem = item(&report, "apiserver-etcd-client").problem.clone().unwrap();
    assert!(problem.fatal && problem.fix.contains("certs renew apiserver-etcd-client"), "{problem:?}");
    assert_eq!(report.assess(Thresholds { warn: 0, critical: 0 }), Severity::Critical);
}

/// `kubeadm certs renew apiserver` dropped the bridge to the new CA, and nothing showed that.
#[test]
fn a_server_that_lost_its_bridge_during_a_change_of_ca_is_reported() {
    let (root, files, store) = host();
    let (ca, apiserver) = (&CERTS[0], CERTS.iter().find(|spec| spec.name == "apiserver").unwrap());
    let old = store.load_ca(ca).unwrap().unwrap();
    let (new, key) = store.new_ca(&old.cert, &fixture::cluster(36), &Generator).unwrap();
    store.save_cross_signed(&store.cross_signed(&new, old.signer().unwrap()).unwrap()).unwrap();
    store.hand_over(ca, &[new.clone(), old.cert.clone()], &key).unwrap();
    for end in ["crt", "key"] {
        std::fs::remove_file(root.path().join("etc/kubernetes/pki/apiserver").with_extension(end)).unwrap();
    }
    store.ensure(apiserver, &fixture::cluster(36), &fixture::node(), &Generator).unwrap();
    let problem = || {
        let report = list(&files, &store, i64::try_from(NOW).unwrap()).unwrap();
        item(&report, "apiserver").problem.clone()
    };
    if let Some(problem) = problem() {
        assert!(!problem.fatal && problem.fix.contains("certs renew apiserver"), "{problem:?}");
        assert!(store.add_cross_signed(apiserver, &new).unwrap());
    }
    assert_eq!(problem(), None);
    // As kubeadm writes it: the certificate alone.
    let path = root.path().join("etc/kubernetes/pki/apiserver.crt");
    let leaf = store.load_certs(apiserver).unwrap().unwrap().remove(0);
    std::fs::write(path, leaf.pem()).unwrap();
    assert!(problem().unwrap().what.contains("lacks"));
}

/// 'status' showed no certificate at all.
#[test]
fn a_manifest_that_cannot_be_parsed_hides_no_certificate() {
    let (root, files, store) = host();
    let manifests = root.path().join("etc/kubernetes/manifests");
    std::fs::create_dir_all(&manifests).unwrap();
    std::fs::write(manifests.join("kube-apiserver.yaml"), ": : [").unwrap();
    let now = i64::try_from(NOW).unwrap();
    assert!(list(&files, &store, now).is_err(), "a client certificate for an external etcd may be missing");
    let report = list_readable(&files, &store, now).unwrap();
    assert_eq!(report.certificates.len(), CERTS.len() + KUBECONFIGS.len());
}
