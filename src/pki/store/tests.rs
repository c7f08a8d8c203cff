//! Tests of the certificates directory: created, kept, completed after a kill at any point, refused.

use super::*;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::gate::Gate;
use crate::pki::fixture;
use crate::pki::keys::Generator;
use crate::pki::verifiers::{openssl, verify_chain};

const NOW: u64 = 1_795_238_460;
const PKI: &str = "/etc/kubernetes/pki";

struct Host {
    root: tempfile::TempDir,
    gate: Gate,
    cluster: ClusterConfig,
    node: NodeConfig,
}

impl Host {
    fn new(minor: u16) -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            gate: Gate::open(),
            cluster: fixture::cluster(minor),
            node: fixture::node(),
        }
    }

    fn store_at(&self, now: u64) -> PkiStore {
        let files = HostFiles::new(self.root.path(), self.gate.clone());
        PkiStore::new(files, PKI, &Clock::fixed(now), &Random::system())
    }

    fn store(&self) -> PkiStore {
        self.store_at(NOW)
    }

    fn ensure(&self, name: &str) -> Result<Made, PkiError> {
        let spec = catalog::cert(name).unwrap();
        self.store().ensure(spec, &self.cluster, &self.node, &Generator).map(|o| o.made)
    }

    fn all(&self) -> Vec<Made> {
        let mut made: Vec<_> = catalog::CERTS.iter().map(|spec| self.ensure(spec.name).unwrap()).collect();
        made.push(self.store().ensure_service_account(&self.cluster, &Generator).unwrap().made);
        made
    }

    fn path(&self, file: &str) -> PathBuf {
        self.root.path().join("etc/kubernetes/pki").join(file)
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }

    fn remove(&self, file: &str) {
        std::fs::remove_file(self.path(file)).unwrap();
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        std::fs::write(self.path(file), text).unwrap();
    }

    /// Every file below the directory with its content.
    fn tree(&self) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        for directory in [self.path(""), self.path("etcd")] {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    found.push((path.clone(), std::fs::read_to_string(path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }
}

#[test]
fn all_certificates_are_created_and_then_left_alone() {
    for minor in [20, 36] {
        let host = Host::new(minor);
        assert!(host.all().iter().all(|made| *made == Made::Created));
        let (tree, changes) = (host.tree(), host.gate.count());
        assert_eq!(tree.len(), 22);
        assert!(host.all().iter().all(|made| *made == Made::Kept));
        assert_eq!((host.tree(), host.gate.count()), (tree, changes), "a second run changed something");
        for spec in catalog::CERTS {
            let ca = spec.ca.map_or(spec, |ca| catalog::cert(ca).unwrap());
            let (ca, cert) = (host.read(&format!("{}.crt", ca.base)), host.read(&format!("{}.crt", spec.base)));
            verify_chain(&ca, &cert, i64::try_from(NOW).unwrap());
            assert_eq!(
                openssl(&["x509", "-noout", "-pubkey"], &cert),
                openssl(&["pkey", "-pubout"], &host.read(&format!("{}.key", spec.base)))
            );
        }
    }
}

#[test]
fn files_have_kubeadms_modes() {
    use std::os::unix::fs::PermissionsExt;
    let host = Host::new(36);
    host.all();
    for (path, _) in host.tree() {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        let wanted = if path.extension().unwrap() == "crt" { 0o644 } else { 0o600 };
        assert_eq!(mode, wanted, "{}", path.display());
    }
}

/// A run can be killed after any of its writes; the result is simulated by undoing the later writes.
#[test]
fn a_run_killed_after_any_write_is_completed_with_the_same_keys() {
    let reference = Host::new(36);
    reference.all();
    let order: Vec<String> = reference
        .gate
        .entries()
        .into_iter()
        .filter_map(|entry| match entry.change {
            crate::base::gate::Change::WriteFile { path, .. } => {
                Some(path.strip_prefix(PKI).unwrap().display().to_string())
            }
            _ => None,
        })
        .collect();
    assert_eq!(order.len(), 22);
    for killed_after in 0..order.len() {
        let host = Host::new(36);
        for file in &order[..killed_after] {
            host.write(file, &reference.read(file));
        }
        let made = host.all();
        assert_eq!(
            made.iter().filter(|made| **made == Made::Completed).count(),
            killed_after % 2,
            "after {killed_after}"
        );
        for file in &order[..killed_after] {
            assert_eq!(host.read(file), reference.read(file), "{file} was changed after a kill at {killed_after}");
        }
        assert!(host.all().iter().all(|made| *made == Made::Kept), "after {killed_after}");
    }
}

#[test]
fn a_leaf_that_lost_its_key_is_regenerated() {
    let host = Host::new(36);
    host.all();
    let before = host.read("apiserver.crt");
    host.remove("apiserver.key");
    assert_eq!(host.ensure("apiserver").unwrap(), Made::Completed);
    assert_ne!(host.read("apiserver.crt"), before);
    assert_eq!(host.ensure("apiserver").unwrap(), Made::Kept);
}

#[test]
fn an_externally_signed_leaf_that_lost_its_key_is_left_alone() {
    let (host, other) = (Host::new(36), Host::new(36));
    host.all();
    other.all();
    host.remove("apiserver.key");
    host.write("apiserver.crt", &other.read("apiserver.crt"));
    assert!(matches!(host.ensure("apiserver").unwrap_err(), PkiError::HalfAPair { .. }));
    assert_eq!(host.read("apiserver.crt"), other.read("apiserver.crt"));
}

#[track_caller]
fn refused(host: &Host, name: &str, words: &str, way_out: &str) {
    let before = host.tree();
    let error = host.ensure(name).unwrap_err();
    let (said, hint) = (error.to_string(), error.hint().unwrap());
    assert!(said.contains(words), "{said}");
    assert!(hint.contains(way_out), "{hint}");
    assert_eq!(error.exit_code(), ExitCode::Input);
    assert_eq!(host.tree(), before, "a refusal changed something");
}

#[test]
fn an_incorrect_file_is_refused_with_the_reason_and_a_hint() {
    let (mut host, other) = (Host::new(36), Host::new(36));
    host.all();
    other.all();
    let right = host.tree();
    let restore = || right.iter().for_each(|(path, text)| std::fs::write(path, text).unwrap());

    host.write("apiserver.crt", &other.read("apiserver.crt"));
    host.write("apiserver.key", &other.read("apiserver.key"));
    refused(
        &host,
        "apiserver",
        "not signed by /etc/kubernetes/pki/ca.crt (its issuer is 'CN=kubernetes')",
        "certs renew apiserver",
    );
    restore();

    host.write("apiserver.key", &other.read("apiserver.key"));
    refused(&host, "apiserver", "apiserver.key does not match", "certs renew apiserver");
    restore();

    host.write("ca.key", &other.read("ca.key"));
    refused(&host, "ca", "ca.key does not match", "restore the CA's own key");
    refused(&host, "apiserver", "ca.key does not match", "restore the CA's own key");
    restore();

    host.write("ca.crt", &host.read("apiserver.crt"));
    host.write("ca.key", &host.read("apiserver.key"));
    refused(&host, "ca", "is not a CA", "CA:TRUE");
    restore();

    let whole = host.read("etcd/server.crt");
    host.write("etcd/server.crt", &whole[..whole.len() / 2]);
    refused(&host, "etcd-server", "holds no usable certificate", "openssl x509");
    restore();

    host.write("etcd/server.key", "");
    refused(&host, "etcd-server", "holds no usable private key", "openssl pkey");
    restore();

    host.cluster.api_server_cert_sans = vec!["lb.example.com".into(), "203.0.113.10".into()];
    refused(&host, "apiserver", "not valid for lb.example.com, 203.0.113.10", "certs renew apiserver --sync-config");
}

#[test]
fn an_expired_certificate_is_refused() {
    let host = Host::new(36);
    host.all();
    let judge = |name: &str, now| {
        let spec = catalog::cert(name).unwrap();
        host.store_at(now).ensure(spec, &host.cluster, &host.node, &Generator).unwrap_err()
    };
    let error = judge("apiserver", NOW + 366 * 24 * 3600);
    assert!(error.to_string().contains("expired on 2027-11-21T05:21:00Z"), "{error}");
    assert_eq!(error.hint().unwrap(), "run 'kubewright certs renew apiserver'");
    let error = judge("ca", NOW + 3651 * 24 * 3600);
    assert_eq!(
        error.hint().unwrap(),
        "a CA must be rotated before it expires, with 'kubewright certs rotate-ca'; now no certificate that it signed is valid: run 'kubewright certs check-expiration' to list them"
    );
    let error = judge("front-proxy-ca", NOW - 301);
    assert!(error.to_string().contains("not valid before"), "{error}");
}

#[test]
fn a_leaf_without_its_ca_names_the_phase_that_creates_it() {
    let host = Host::new(36);
    let error = host.ensure("etcd-peer").unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot sign etcd-peer: the CA certificate /etc/kubernetes/pki/etcd/ca.crt is missing"
    );
    assert!(error.hint().unwrap().contains("init phase certs etcd-ca"));
}

#[test]
fn an_external_ca_is_enough_when_its_leaves_exist() {
    let host = Host::new(36);
    host.all();
    for file in ["ca.key", "front-proxy-ca.key", "etcd/ca.key"] {
        host.remove(file);
    }
    let made = host.all();
    assert_eq!(made.iter().filter(|made| **made == Made::Provided).count(), 10);
    host.remove("apiserver.crt");
    host.remove("apiserver-kubelet-client.crt");
    host.remove("apiserver-kubelet-client.key");
    let error = host.ensure("apiserver").unwrap_err();
    let said = error.to_string();
    for file in ["apiserver.crt", "apiserver-kubelet-client.crt", "apiserver-kubelet-client.key"] {
        assert!(said.contains(&format!("{PKI}/{file}")), "{said}");
    }
    assert!(!said.contains("/apiserver.key"), "{said}");
    assert!(error.hint().unwrap().contains("certs generate-csr"));
}

#[test]
fn a_ca_file_with_several_certificates_is_kept_and_each_is_trusted() {
    let (host, old) = (Host::new(36), Host::new(36));
    host.all();
    old.all();
    let bundle = format!("# old and new\n{}{}", old.read("ca.crt"), host.read("ca.crt"));
    host.write("ca.crt", &bundle);
    assert_eq!(host.ensure("ca").unwrap(), Made::Kept);
    assert_eq!(host.ensure("apiserver").unwrap(), Made::Kept);
    host.write("apiserver.crt", &old.read("apiserver.crt"));
    host.write("apiserver.key", &old.read("apiserver.key"));
    assert_eq!(host.ensure("apiserver").unwrap(), Made::Kept);
    host.remove("apiserver.crt");
    host.remove("apiserver.key");
    assert_eq!(host.ensure("apiserver").unwrap(), Made::Created);
    // The certificate whose key exists has signed, although it is not the first.
    verify_chain(
        &bundle[bundle.rfind("-----BEGIN").unwrap()..],
        &host.read("apiserver.crt"),
        i64::try_from(NOW).unwrap(),
    );
    assert_eq!(host.read("ca.crt"), bundle);
}

#[test]
fn a_provided_key_is_used_and_kept_byte_for_byte() {
    let host = Host::new(36);
    let key = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "");
    host.write("ca.key", &key);
    assert_eq!(host.ensure("ca").unwrap(), Made::Completed);
    assert_eq!(host.ensure("apiserver").unwrap(), Made::Created);
    assert_eq!(host.read("ca.key"), key);
}

#[test]
fn a_dry_run_creates_all_certificates_in_memory() {
    let mut host = Host::new(36);
    host.gate = Gate::recording();
    let store = host.store();
    for spec in catalog::CERTS {
        store.ensure(spec, &host.cluster, &host.node, &Generator).unwrap();
    }
    assert_eq!(std::fs::read_dir(host.root.path()).unwrap().count(), 0);
    let plan = serde_json::to_string(&host.gate.entries()).unwrap();
    assert!(plan.contains("apiserver.crt") && !plan.contains("PRIVATE KEY"), "a plan shows a key");
}

#[test]
fn the_service_account_pair_is_completed_and_checked() {
    let host = Host::new(36);
    let ensure = || host.store().ensure_service_account(&host.cluster, &Generator).map(|o| o.made);
    assert_eq!(ensure().unwrap(), Made::Created);
    let public = host.read("sa.pub");
    assert_eq!(public, openssl(&["pkey", "-pubout"], &host.read("sa.key")));
    host.remove("sa.pub");
    assert_eq!(ensure().unwrap(), Made::Completed);
    assert_eq!(host.read("sa.pub"), public);
    let stranger = openssl(&["pkey", "-pubout"], &openssl(&["genrsa", "2048"], ""));
    host.write("sa.pub", &format!("{stranger}{public}"));
    assert_eq!(ensure().unwrap(), Made::Kept);
    host.write("sa.pub", &stranger);
    assert!(ensure().unwrap_err().to_string().contains("does not belong to /etc/kubernetes/pki/sa.key"));
    host.remove("sa.key");
    assert!(matches!(ensure().unwrap_err(), PkiError::HalfAPair { .. }));
}
