//! Tests of signing. OpenSSL and webpki, which rustls uses, verify what is signed.

use super::*;
use crate::config::model::KeyAlgorithm;
use crate::pki::keys::{Generator, KeySource};
use crate::pki::verifiers::{openssl, verify_chain, webpki};
use proptest::prelude::*;

const NOW: i64 = 1_795_238_460;
const VALIDITY: Validity = Validity { not_before: NOW - 300, not_after: NOW + 3600 };

fn template(subject: &Subject) -> Template {
    Template {
        subject_der: subject.to_der(),
        sans: Sans::default(),
        usages: vec![Usage::Client, Usage::Server],
        validity: VALIDITY,
        says_no_ca: true,
    }
}

fn key(algorithm: KeyAlgorithm) -> PrivateKey {
    Generator.take(algorithm).unwrap()
}

#[test]
fn chains_of_every_algorithm_are_accepted_by_openssl_and_webpki() {
    let algorithms = [KeyAlgorithm::Rsa2048, KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384];
    for ca_algorithm in algorithms {
        let ca_key = key(ca_algorithm);
        let ca = self_sign(&template(&Subject::new("kubernetes", &[])), &ca_key, &Random::system()).unwrap();
        for algorithm in algorithms {
            let mut wanted = template(&Subject::new("kube-apiserver", &["system:masters"]));
            wanted.sans.add_all(&["cp1".into(), "*.corp.local".into(), "10.96.0.1".into(), "fd00::1".into()]);
            let authority = Authority { cert: &ca, key: &ca_key };
            let leaf = sign(&wanted, key(algorithm).public_der(), authority, &Random::system()).unwrap();
            verify_chain(&ca.pem(), &leaf.pem(), NOW);
            for name in ["cp1", "a.corp.local", "10.96.0.1", "fd00::1"] {
                webpki(&ca.der, &leaf.der, NOW, Some(name)).unwrap();
            }
            webpki(&ca.der, &leaf.der, NOW, None).unwrap();
            webpki(&ca.der, &leaf.der, NOW, Some("cp2")).unwrap_err();
            webpki(&ca.der, &leaf.der, VALIDITY.not_after + 1, None).unwrap_err();
        }
    }
}

#[test]
fn a_leaf_has_exactly_the_extensions_of_kubeadms_leaves() {
    let ca_key = key(KeyAlgorithm::EcdsaP256);
    let ca = self_sign(&template(&Subject::new("etcd-ca", &[])), &ca_key, &Random::seeded(7)).unwrap();
    let mut wanted = template(&Subject::new("cp1", &[]));
    wanted.sans.add_all(&["localhost".into(), "cp1".into(), "127.0.0.1".into()]);
    let authority = Authority { cert: &ca, key: &ca_key };
    let leaf = sign(&wanted, ca_key.public_der(), authority, &Random::seeded(7)).unwrap();
    let text = openssl(&["x509", "-noout", "-text"], &leaf.pem());
    let extensions: Vec<_> = text
        .split_once("X509v3 extensions:")
        .unwrap()
        .1
        .split("Signature Algorithm")
        .next()
        .unwrap()
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let key_id = hex_with_colons(ca.key_id.as_ref().unwrap());
    assert_eq!(
        extensions,
        [
            "X509v3 Authority Key Identifier:",
            &key_id,
            "X509v3 Subject Alternative Name:",
            "DNS:cp1, DNS:localhost, IP Address:127.0.0.1",
            "X509v3 Key Usage: critical",
            "Digital Signature, Key Encipherment",
            "X509v3 Extended Key Usage:",
            "TLS Web Client Authentication, TLS Web Server Authentication",
            "X509v3 Basic Constraints: critical",
            "CA:FALSE",
        ]
    );
    wanted.says_no_ca = false;
    let leaf = sign(&wanted, ca_key.public_der(), authority, &Random::seeded(7)).unwrap();
    assert!(!openssl(&["x509", "-noout", "-text"], &leaf.pem()).contains("Basic Constraints"));
}

fn hex_with_colons(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
}

#[test]
fn a_fixed_clock_and_seed_reproduce_a_certificate() {
    let key = key(KeyAlgorithm::Rsa2048);
    let make =
        |seed| self_sign(&template(&Subject::new("kubernetes", &["b", "a"])), &key, &Random::seeded(seed)).unwrap();
    let ca = make(1);
    assert_eq!(ca, make(1));
    assert_ne!(ca.serial, make(2).serial);
    let text =
        openssl(&["x509", "-noout", "-serial", "-subject", "-issuer", "-dates", "-nameopt", "RFC2253"], &ca.pem());
    assert_eq!(
        text,
        "serial=2D6BF0555B6F1529\nsubject=CN=kubernetes,O=b+O=a\nissuer=CN=kubernetes,O=b+O=a\n\
         notBefore=Nov 21 05:16:00 2026 GMT\nnotAfter=Nov 21 06:21:00 2026 GMT\n"
    );
}

#[test]
fn an_imported_ca_with_an_unusual_name_signs_certificates_that_chain_to_it() {
    let names = ["/O=Acme/OU=a/OU=b/CN=root", "/DC=com/DC=acme/CN=root", "/O=x+CN=y", "/CN=Käse/emailAddress=a@b.c"];
    for name in names {
        let directory = tempfile::tempdir().unwrap();
        let key_path = directory.path().join("ca.key");
        let args = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-utf8",
            "-multivalue-rdn",
        ];
        let more = ["-keyout", key_path.to_str().unwrap(), "-subj", name, "-addext", "keyUsage=critical,keyCertSign"];
        let pem = openssl(&[args.as_slice(), &more].concat(), "");
        let ca = Cert::bundle_from_pem(pem.as_bytes()).unwrap().remove(0);
        let ca_key = PrivateKey::from_pem(&std::fs::read(key_path).unwrap()).unwrap();
        let wanted = Template {
            validity: Validity { not_before: ca.not_before, not_after: ca.not_after },
            ..template(&Subject::new("kubernetes-admin", &["one", "two"]))
        };
        let leaf = sign(
            &wanted,
            key(KeyAlgorithm::EcdsaP256).public_der(),
            Authority { cert: &ca, key: &ca_key },
            &Random::system(),
        )
        .unwrap();
        assert!(leaf.is_signed_by(&ca), "{name}");
        assert_eq!(leaf.subject.organizations, ["one", "two"]);
        verify_chain(&pem, &leaf.pem(), ca.not_before + 1);
        webpki(&ca.der, &leaf.der, ca.not_before + 1, None).unwrap();
    }
}

#[test]
fn a_ca_without_a_key_identifier_can_sign() {
    let directory = tempfile::tempdir().unwrap();
    let key_path = directory.path().join("ca.key");
    let pem = openssl(
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            key_path.to_str().unwrap(),
            "-subj",
            "/CN=old",
            "-addext",
            "subjectKeyIdentifier=none",
            "-addext",
            "authorityKeyIdentifier=none",
        ],
        "",
    );
    let ca = Cert::bundle_from_pem(pem.as_bytes()).unwrap().remove(0);
    assert_eq!(ca.key_id, None);
    let ca_key = PrivateKey::from_pem(&std::fs::read(key_path).unwrap()).unwrap();
    let wanted = Template {
        validity: Validity { not_before: ca.not_before, not_after: ca.not_after },
        ..template(&Subject::new("x", &[]))
    };
    let leaf = sign(&wanted, ca_key.public_der(), Authority { cert: &ca, key: &ca_key }, &Random::system()).unwrap();
    webpki(&ca.der, &leaf.der, ca.not_before + 1, None).unwrap();
}

#[test]
fn openssl_verifies_the_signature_of_a_request() {
    let mut sans = Sans::default();
    sans.add_all(&["cp1".into(), "10.0.0.1".into()]);
    for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::EcdsaP384] {
        let text = request(&Subject::new("kube-apiserver", &["a", "b"]), &sans, &key(algorithm)).unwrap();
        let said = openssl(&["req", "-noout", "-verify", "-text", "-nameopt", "RFC2253"], &text);
        assert!(said.contains("Subject: CN=kube-apiserver,O=b+O=a"), "{said}");
        assert!(said.contains("DNS:cp1, IP Address:10.0.0.1"), "{said}");
    }
}

#[test]
fn a_date_out_of_range_is_an_error() {
    let wanted =
        Template { validity: Validity { not_before: 0, not_after: i64::MAX / 2 }, ..template(&Subject::new("x", &[])) };
    assert!(self_sign(&wanted, &key(KeyAlgorithm::EcdsaP256), &Random::system()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_name_is_signed_unchanged(name in "\\PC{1,40}", groups in prop::collection::vec("\\PC{1,20}", 0..4), seed: u64) {
        let key = key(KeyAlgorithm::EcdsaP256);
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let ca = self_sign(&template(&Subject::new(name.clone(), &groups)), &key, &Random::seeded(seed)).unwrap();
        prop_assert_eq!(&ca.subject.common_name, &name);
        prop_assert_eq!(ca.subject.organizations.len(), groups.len());
        prop_assert!(ca.is_signed_by(&ca));
        prop_assert!(ca.serial.len() <= 16);
    }
}
