//! Tests of renewal: what stays, what changes, and what an interrupted run leaves.

use super::*;
use crate::base::env::{Clock, Random};
use crate::base::fault::Fault;
use crate::base::files::HostFiles;
use crate::base::files::faults::Step;
use crate::base::files::faults::injected::fail;
use crate::base::gate::Gate;
use crate::config::model::KeyAlgorithm;
use crate::pki::fixture;
use crate::pki::keys::Generator;
use crate::pki::verifiers::verify_chain;
use rustix::io::Errno;

const NOW: u64 = 1_795_238_460;
const DAY: u64 = 24 * 3600;

struct Host {
    root: tempfile::TempDir,
    cluster: ClusterConfig,
    node: NodeConfig,
}

impl Host {
    fn new(minor: u16) -> Self {
        let host = Self { root: tempfile::tempdir().unwrap(), cluster: fixture::cluster(minor), node: fixture::node() };
        for name in ["ca", "apiserver"] {
            host.store(NOW).ensure(catalog::cert(name).unwrap(), &host.cluster, &host.node, &Generator).unwrap();
        }
        let admin = catalog::kubeconfig("admin").unwrap();
        host.store(NOW).ensure_kubeconfig(admin, Path::new("/etc"), &host.cluster, &host.node, &Generator).unwrap();
        host
    }

    fn store(&self, now: u64) -> PkiStore {
        let files = HostFiles::new(self.root.path(), Gate::open());
        PkiStore::new(files, "/pki", &Clock::fixed(now), &Random::system())
    }

    fn renew(&self, now: u64, names: Names) -> Result<Renewal, PkiError> {
        self.store(now).renew(catalog::cert("apiserver").unwrap(), &self.cluster, &self.node, &Generator, names)
    }

    fn pair(&self) -> Pair {
        self.store(NOW).pair(catalog::cert("apiserver").unwrap()).unwrap().unwrap()
    }

    fn is_kept(&self, now: u64) -> bool {
        let spec = catalog::cert("apiserver").unwrap();
        self.store(now).ensure(spec, &self.cluster, &self.node, &Generator).is_ok()
    }
}

#[test]
fn subject_sans_usages_and_algorithm_stay_while_key_and_validity_are_new() {
    let mut host = Host::new(36);
    host.cluster.encryption_algorithm = KeyAlgorithm::Rsa2048;
    let later = NOW + 400 * DAY;
    assert!(!host.is_kept(later));
    let renewal = host.renew(later, Names::Keep).unwrap();
    let (old, new) = (renewal.old, renewal.new);
    assert_eq!((&new.subject_der, &new.sans), (&old.subject_der, &old.sans));
    assert_eq!((new.for_servers, new.for_clients), (true, false));
    assert_eq!(new.algorithm(), Some(KeyAlgorithm::EcdsaP256));
    assert_ne!((&new.public_der, &new.serial), (&old.public_der, &old.serial));
    assert_eq!((new.not_before, new.not_after), ((later - 300).cast_signed(), (later + 365 * DAY).cast_signed()));
    assert!(host.is_kept(later));
    let ca = std::fs::read_to_string(host.root.path().join("pki/ca.crt")).unwrap();
    verify_chain(&ca, &new.pem(), later.cast_signed());
    assert_eq!(std::fs::read_dir(host.root.path().join("pki")).unwrap().count(), 4, "something was left behind");
}

#[test]
fn sans_of_the_configuration_are_added_on_request() {
    let mut host = Host::new(36);
    host.cluster.api_server_cert_sans = vec!["lb.example.com".into()];
    assert!(!host.renew(NOW, Names::Keep).unwrap().new.sans.dns.contains(&"lb.example.com".into()));
    assert!(!host.is_kept(NOW));
    let renewal = host.renew(NOW, Names::AddFromConfig).unwrap();
    assert!(renewal.new.sans.dns.contains(&"lb.example.com".into()));
    assert!(renewal.old.sans.missing(&Sans::default()).is_empty());
    assert!(host.is_kept(NOW));
}

#[test]
fn a_dry_run_of_a_renewal_lists_no_temporary_file() {
    let host = Host::new(36);
    let gate = Gate::recording();
    let files = HostFiles::new(host.root.path(), gate.clone());
    let store = PkiStore::new(files, "/pki", &Clock::fixed(NOW), &Random::system());
    store.renew(catalog::cert("apiserver").unwrap(), &host.cluster, &host.node, &Generator, Names::Keep).unwrap();
    let listed: Vec<_> = gate.entries().into_iter().map(|entry| format!("{:?}", entry.change)).collect();
    assert_eq!(listed.iter().filter(|change| change.contains("apiserver.key")).count(), 1, "{listed:?}");
    assert!(!listed.iter().any(|change| change.contains("renewing")), "{listed:?}");
}

#[test]
fn a_kill_between_the_two_files_is_finished_by_the_next_run() {
    let host = Host::new(36);
    let before = host.pair();
    host.renew(NOW, Names::Keep).unwrap();
    let after = host.pair();
    let staged = serde_json::to_vec(&after).unwrap();
    let path = |name: &str| host.root.path().join("pki").join(name);
    // Staged only; staged and key; staged, key and certificate.
    for (key, cert) in [(&before, &before), (&after, &before), (&after, &after)] {
        std::fs::write(path("apiserver.renewing"), &staged).unwrap();
        std::fs::write(path("apiserver.key"), key.key.0.expose()).unwrap();
        std::fs::write(path("apiserver.crt"), &cert.cert.0).unwrap();
        assert!(host.is_kept(NOW));
        assert_eq!(host.pair(), after);
        assert!(!path("apiserver.renewing").exists());
    }
}

#[test]
fn the_old_key_and_certificate_can_be_restored() {
    let host = Host::new(36);
    let before = host.pair();
    host.renew(NOW, Names::Keep).unwrap();
    host.store(NOW).restore(catalog::cert("apiserver").unwrap(), &before, 0o400, 0o644).unwrap();
    assert_eq!(host.pair(), before);
    assert_eq!(HostFiles::new(host.root.path(), Gate::open()).mode(Path::new("/pki/apiserver.key")), Some(0o400));
    assert!(host.is_kept(NOW));
}

#[test]
fn a_kubeconfig_gets_a_new_certificate_and_keeps_the_rest() {
    let host = Host::new(20);
    let (spec, directory) = (catalog::kubeconfig("admin").unwrap(), Path::new("/etc"));
    let path = host.root.path().join("etc/admin.conf");
    let text = std::fs::read_to_string(&path).unwrap().replace("https://192.168.0.36:6443", "https://lb:443");
    std::fs::write(&path, format!("{text}preferences: {{colors: true}}\n")).unwrap();
    let before = host.store(NOW).load_kubeconfig(Path::new("/etc/admin.conf")).unwrap().unwrap();
    let renewal = host.store(NOW + DAY).renew_kubeconfig(spec, directory, &host.cluster, &Generator).unwrap();
    assert_eq!(renewal.new.subject_der, renewal.old.subject_der);
    let now = host.store(NOW).load_kubeconfig(Path::new("/etc/admin.conf")).unwrap().unwrap();
    assert_eq!(now.current_cluster(), before.current_cluster());
    assert_eq!(now.more, before.more);
    let outcome =
        host.store(NOW + DAY).ensure_kubeconfig(spec, directory, &host.cluster, &host.node, &Generator).unwrap();
    assert!(outcome.warnings[0].contains("https://lb:443"));
}

#[test]
fn what_cannot_be_renewed_is_reported() {
    let host = Host::new(36);
    let renew = |name: &str| {
        let spec = catalog::cert(name).unwrap();
        host.store(NOW).renew(spec, &host.cluster, &host.node, &Generator, Names::Keep).unwrap_err()
    };
    assert!(renew("ca").hint().unwrap().contains("certs rotate-ca"));
    let error = renew("apiserver-kubelet-client");
    assert!(error.hint().unwrap().contains("init phase certs apiserver-kubelet-client"));
    std::fs::remove_file(host.root.path().join("pki/ca.key")).unwrap();
    let before = host.pair();
    assert!(matches!(renew("apiserver"), PkiError::ExternalCa { .. }));
    assert_eq!(host.pair(), before);
}

#[test]
fn a_certificate_that_cannot_be_replaced_keeps_its_key_and_leaves_no_staging_file() {
    for errno in [Errno::BUSY, Errno::PERM, Errno::NOSPC, Errno::IO] {
        let host = Host::new(36);
        let before = host.pair();
        let armed = fail(move |step, name| (step == Step::Rename && name == "apiserver.crt").then_some(errno));
        let error = host.renew(NOW, Names::Keep).unwrap_err();
        drop(armed);
        assert!(error.to_string().contains("are unchanged and belong together"), "{error}");
        assert!(error.hint().is_some());
        assert_eq!(host.pair(), before);
        assert_eq!(std::fs::read_dir(host.root.path().join("pki")).unwrap().count(), 4, "something was left behind");
        host.renew(NOW, Names::Keep).unwrap();
        assert_ne!(host.pair(), before);
    }
}

#[test]
fn a_key_that_cannot_be_restored_is_completed_from_the_staging_file_by_the_next_run() {
    let host = Host::new(36);
    let mut renames = 0;
    let armed = fail(move |step, name| {
        renames += u32::from(step == Step::Rename && name.starts_with("apiserver.") && name != "apiserver.renewing");
        (step == Step::Rename && renames > 1).then_some(Errno::IO)
    });
    let error = host.renew(NOW, Names::Keep).unwrap_err();
    drop(armed);
    assert!(error.to_string().contains("do not belong together"), "{error}");
    assert!(error.hint().unwrap().contains("run the same command again"), "{error}");
    assert!(host.is_kept(NOW));
    assert_eq!(std::fs::read_dir(host.root.path().join("pki")).unwrap().count(), 4, "something was left behind");
}
