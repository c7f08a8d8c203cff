//! Tests of CAs with limits, which OpenSSL issued.

use super::*;
use crate::base::env::{Clock, Random};
use crate::base::fault::Fault;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::pki::path;
use crate::pki::renew::Names;
use crate::pki::store::PkiStore;
use crate::pki::verifiers::{CA as USUAL, Elsewhere};
use crate::pki::{Generator, fixture};
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, GeneralSubtree, IsCa, Issuer, KeyPair, NameConstraints};

/// A host with this CA as its Kubernetes CA; nothing else.
fn host(ca: &str, key: &str) -> (tempfile::TempDir, PkiStore) {
    let root = tempfile::tempdir().unwrap();
    let pki = root.path().join("etc/kubernetes/pki");
    std::fs::create_dir_all(&pki).unwrap();
    std::fs::write(pki.join("ca.crt"), ca).unwrap();
    std::fs::write(pki.join("ca.key"), key).unwrap();
    let files = HostFiles::new(root.path(), Gate::open());
    let store = PkiStore::new(files, "/etc/kubernetes/pki", &Clock::system(), &Random::system());
    (root, store)
}

fn with(extension: &str) -> Elsewhere {
    let elsewhere = Elsewhere::new();
    elsewhere.issue("ca", "ca", &format!("{USUAL}{extension}\n"), &[]);
    elsewhere
}

#[track_caller]
fn refused(ca: &str, key: &str) -> String {
    let (root, store) = host(ca, key);
    let (cluster, node) = (fixture::cluster(36), fixture::node());
    let spec = catalog::cert(CA).unwrap();
    let error = store.ensure(spec, &cluster, &node, &Generator).unwrap_err();
    assert!(error.hint().unwrap().contains("run 'openssl x509 -noout -text -in /etc/kubernetes/pki/ca.crt'"));
    let said = error.to_string();
    let named = said.split("cannot sign ").nth(1).and_then(|rest| rest.split(':').next()).unwrap();
    store.ensure(catalog::cert(named).unwrap(), &cluster, &node, &Generator).unwrap_err();
    let key = root.path().join("etc/kubernetes/pki").join(format!("{named}.key"));
    assert!(!key.exists(), "a key was written for a certificate that cannot be signed");
    said
}

/// Certificates were written that the CA may not sign, and every client rejected them.
#[test]
fn a_ca_that_may_not_sign_what_a_cluster_needs_is_refused_before_anything_is_written() {
    let ca = with("nameConstraints=critical,permitted;DNS:corp.example");
    let said = refused(&ca.read("ca.crt"), &ca.read("ca.key"));
    assert_eq!(
        said,
        "/etc/kubernetes/pki/ca.crt cannot sign apiserver: the CA 'O=Acme, CN=ca' has name constraints that exclude cp1, \
         kubernetes, kubernetes.default, kubernetes.default.svc, kubernetes.default.svc.cluster.local: it permits \
         \"corp.example\""
    );
    let ca = with("nameConstraints=critical,excluded;IP:10.96.0.0/255.240.0.0");
    assert!(refused(&ca.read("ca.crt"), &ca.read("ca.key")).ends_with("exclude 10.96.0.1: it excludes 10.96.0.0/12"));
    let ca = with("extendedKeyUsage=serverAuth");
    let said = refused(&ca.read("ca.crt"), &ca.read("ca.key"));
    assert!(
        said.contains("cannot sign apiserver-kubelet-client") && said.ends_with("not include clientAuth"),
        "{said}"
    );
    let ca = with("1.2.3.4=critical,ASN1:UTF8String:x");
    assert!(refused(&ca.read("ca.crt"), &ca.read("ca.key")).contains("1.2.3.4"));
    let ca = with("nameConstraints=permitted;dirName:dir\n[dir]\nO=Acme");
    assert!(refused(&ca.read("ca.crt"), &ca.read("ca.key")).contains("directory names"));
}

#[test]
fn an_intermediate_below_a_ca_with_the_path_length_0_is_refused() {
    for (length, is_refused) in [(0, true), (1, false)] {
        let elsewhere = Elsewhere::new();
        let root = USUAL.replace("CA:TRUE", &format!("CA:TRUE,pathlen:{length}"));
        elsewhere.issue("root", "root", &root, &[]);
        elsewhere.issue("ca", "root", USUAL, &[]);
        let (cert, key) = (elsewhere.read("ca.crt") + &elsewhere.read("root.crt"), elsewhere.read("ca.key"));
        let (_root, store) = host(&cert, &key);
        let made = store.ensure(catalog::cert(CA).unwrap(), &fixture::cluster(36), &fixture::node(), &Generator);
        assert_eq!(made.is_err(), is_refused, "{made:?}");
        if is_refused {
            assert!(refused(&cert, &key).ends_with("has the path length 0, but there are 1 CAs below it"));
        }
    }
}

#[test]
fn a_ca_with_the_path_length_0_and_limits_that_permit_everything_signs() {
    let elsewhere = Elsewhere::new();
    let limits = "nameConstraints=critical,permitted;DNS:cp1,permitted;DNS:kubernetes,permitted;DNS:default,\
                  permitted;DNS:svc,permitted;DNS:.cluster.local,permitted;IP:0.0.0.0/0.0.0.0,permitted;IP:::/::\n\
                  extendedKeyUsage=serverAuth,clientAuth\n";
    let own = format!("{}{limits}", USUAL.replace("CA:TRUE", "CA:TRUE,pathlen:0"));
    let ca = elsewhere.issue("ca", "ca", &own, &[]);
    let (_root, store) = host(&elsewhere.read("ca.crt"), &elsewhere.read("ca.key"));
    let (cluster, node) = (fixture::cluster(36), fixture::node());
    for name in ["ca", "apiserver", "apiserver-kubelet-client"] {
        store.ensure(catalog::cert(name).unwrap(), &cluster, &node, &Generator).unwrap();
    }
    // The verifier of clients agrees.
    let spec = catalog::cert("apiserver").unwrap();
    let chain = store.load_certs(spec).unwrap().unwrap();
    assert_eq!(path::verify(&chain, &[ca], &[Usage::Server], chain[0].not_before + 600), Ok(()));
    assert!(store.require_renewal_permitted(spec, &cluster, &node, Names::AddFromConfig).is_ok());
    let mut more = cluster.clone();
    more.api_server_cert_sans = vec!["lb.other.example".into()];
    let error = store.require_renewal_permitted(spec, &more, &node, Names::AddFromConfig).unwrap_err();
    assert!(error.to_string().contains("exclude lb.other.example"), "{error}");
    assert!(error.hint().unwrap().starts_with("leave out the SANs"));
    assert!(store.renew(spec, &more, &node, &Generator, Names::AddFromConfig).is_err());
    assert_eq!(store.load_certs(spec).unwrap().unwrap(), chain, "it was renewed");
}

/// A host without the key only uses what the CA has signed.
#[test]
fn an_external_ca_is_verified_by_its_certificates() {
    let ca = with("nameConstraints=critical,permitted;DNS:corp.example");
    let (root, store) = host(&ca.read("ca.crt"), &ca.read("ca.key"));
    std::fs::remove_file(root.path().join("etc/kubernetes/pki/ca.key")).unwrap();
    store.ensure(catalog::cert(CA).unwrap(), &fixture::cluster(36), &fixture::node(), &Generator).unwrap();
}

#[test]
fn a_base_covers_itself_and_what_is_below_it() {
    for (name, base, expected) in [
        ("example.com", "example.com", true),
        ("a.example.com", "example.com", true),
        ("badexample.com", "example.com", false),
        ("*.example.com", "example.com", true),
        ("example.com", ".example.com", false),
        ("a.example.com", ".example.com", true),
        ("anything", "", true),
        ("com", "example.com", false),
    ] {
        assert_eq!(is_below(name, base), expected, "{name} {base}");
    }
}

/// The CA with this name constraint and the certificate that it signs for this name, of another library.
fn limited(base: &str, excluded: bool, name: &str) -> (Cert, Cert) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let subtree = vec![GeneralSubtree::DnsName(base.into())];
    let (permitted_subtrees, excluded_subtrees) = if excluded { (vec![], subtree) } else { (subtree, vec![]) };
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees });
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &Issuer::from_params(&params, &key)).unwrap();
    (Cert::from_der(ca.der()).unwrap(), Cert::from_der(leaf.der()).unwrap())
}

proptest! {
    /// What a constraint permits here, the verifier of clients accepts, and the other way round.
    #[test]
    fn the_verifier_of_clients_permits_the_same_names(
        base in "\\.?[ab](\\.[ab]){0,2}", name in "[ab](\\.[ab]){0,3}", excluded: bool
    ) {
        let (ca, leaf) = limited(&base, excluded, &name);
        let ours = Limits::of(&ca).broken_by(&leaf.sans, &[Usage::Server], 0).is_none();
        let theirs = path::verify(std::slice::from_ref(&leaf), &[ca], &[Usage::Server], 1_795_238_460).is_ok();
        prop_assert_eq!(ours, theirs);
    }
}
