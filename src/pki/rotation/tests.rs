//! Tests of CA rotation: which certificates clients trust, verified with OpenSSL.

use super::*;
use crate::base::env::{Clock, Random};
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::pki::keys::Generator;
use crate::pki::store::LoadedCa;
use crate::pki::verifiers::openssl;
use crate::pki::{catalog, fixture};

struct Host {
    root: tempfile::TempDir,
    old: LoadedCa,
    new: (Cert, PrivateKey),
}

impl Host {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let (cluster, spec) = (fixture::cluster(36), catalog::cert("ca").unwrap());
        store(&root).ensure(spec, &cluster, &fixture::node(), &Generator).unwrap();
        let old = store(&root).load_ca(spec).unwrap().unwrap();
        let new = store(&root).new_ca(&old.cert, &cluster, &Generator).unwrap();
        Self { root, old, new }
    }

    fn file(&self, name: &str, certs: &[&Cert]) -> String {
        let path = self.root.path().join(name);
        std::fs::write(&path, certs.iter().map(|cert| cert.pem()).collect::<String>()).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn store(root: &tempfile::TempDir) -> PkiStore {
    PkiStore::new(HostFiles::new(root.path(), Gate::open()), "/pki", &Clock::system(), &Random::system())
}

#[test]
fn a_client_of_either_ca_trusts_a_server_with_the_cross_signed_certificate() {
    let host = Host::new();
    let store = store(&host.root);
    let (spec, cluster, node) = (catalog::cert("ca").unwrap(), fixture::cluster(36), fixture::node());
    let cross_signed = store.cross_signed(&host.new.0, host.old.signer().unwrap()).unwrap();
    assert!(host.new.0.subject_der == host.old.cert.subject_der && host.new.0 != host.old.cert);
    assert!(store.hand_over(spec, &[host.new.0.clone(), host.old.cert.clone()], &host.new.1).unwrap());
    assert!(!store.hand_over(spec, &[host.new.0.clone(), host.old.cert.clone()], &host.new.1).unwrap());
    let leaf_spec = catalog::cert("apiserver").unwrap();
    store.ensure(leaf_spec, &cluster, &node, &Generator).unwrap();
    let leaf = store.load_certs(leaf_spec).unwrap().unwrap().remove(0);
    assert!(leaf.is_signed_by(&host.new.0) && !leaf.is_signed_by(&host.old.cert));
    let leaf = host.file("leaf.pem", &[&leaf]);
    let shown = host.file("shown.pem", &[&cross_signed]);
    for known in [&host.old.cert, &host.new.0] {
        let known = host.file("known.pem", &[known]);
        let verdict = openssl(&["verify", "-CAfile", &known, "-untrusted", &shown, &leaf], "");
        assert!(verdict.trim_end().ends_with(": OK"), "{verdict}");
    }
}

#[test]
fn a_new_ca_has_the_name_and_the_key_algorithm_of_the_old_one() {
    let host = Host::new();
    let (new, old) = (&host.new.0, &host.old.cert);
    assert_eq!((&new.subject_der, new.algorithm(), &new.sans), (&old.subject_der, old.algorithm(), &old.sans));
    assert!(new.is_ca && new.may_sign && new.is_signed_by(new) && !new.is_signed_by(old));
    assert_ne!(short_print(new), short_print(old));
}

#[test]
fn a_kept_key_and_certificate_are_read_back() {
    let host = Host::new();
    let base = Path::new("/pki/signing/x");
    assert!(store(&host.root).kept_pair(base).unwrap().is_none());
    store(&host.root).keep_pair(base, &host.new.0, &host.new.1).unwrap();
    let (cert, key) = store(&host.root).kept_pair(base).unwrap().unwrap();
    assert!(cert == host.new.0 && cert.has_key(key.public_der()));
}
