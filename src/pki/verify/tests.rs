//! Tests of verification: each problem alone, and several at once.

use super::*;
use crate::base::env::Random;
use crate::config::model::KeyAlgorithm;
use crate::pki::issue::{Authority, Template, self_sign, sign};
use crate::pki::keys::{Generator, KeySource};
use crate::pki::subject::Subject;
use crate::pki::validity::Validity;
use std::path::Path;

const NOW: i64 = 1_795_238_460;

struct Ca {
    cert: Cert,
    key: PrivateKey,
}

fn key() -> PrivateKey {
    Generator.take(KeyAlgorithm::EcdsaP256).unwrap()
}

fn template(name: &str) -> Template {
    let mut sans = Sans::default();
    sans.add_all(&["cp1".into(), "10.0.0.1".into()]);
    Template {
        subject_der: Subject::new(name, &[]).to_der(),
        sans,
        usages: vec![Usage::Server],
        validity: Validity { not_before: NOW - 10, not_after: NOW + 10 },
        says_no_ca: true,
    }
}

fn ca(name: &str) -> Ca {
    let key = key();
    Ca { cert: self_sign(&template(name), &key, &Random::system()).unwrap(), key }
}

impl Ca {
    fn sign(&self, template: &Template, key: &PrivateKey) -> Cert {
        sign(template, key.public_der(), Authority { cert: &self.cert, key: &self.key }, &Random::system()).unwrap()
    }

    fn check(&self, chain: &[Cert], key: &PrivateKey, usages: &[Usage], names: &[&str], now: i64) -> Vec<Problem> {
        let mut sans = Sans::default();
        for name in names {
            sans.add(name);
        }
        let wanted = Wanted {
            ca: At { path: Path::new("ca.crt"), value: std::slice::from_ref(&self.cert) },
            sans: &sans,
            usages,
            key: Some(At { path: Path::new("x.key"), value: key }),
            now,
        };
        verify_leaf(chain, &wanted)
    }
}

#[test]
fn a_correct_certificate_has_no_problems() {
    let (ca, key) = (ca("ca"), key());
    let leaf = ca.sign(&template("x"), &key);
    assert_eq!(ca.check(&[leaf], &key, &[Usage::Server], &["cp1", "10.0.0.1"], NOW), []);
}

#[test]
fn each_problem_is_named() {
    let (ca, mine) = (ca("ca"), key());
    let leaf = ca.sign(&template("x"), &mine);
    let check = |chain: &[Cert], key: &PrivateKey, usages: &[Usage], names: &[&str], now| {
        let problems = ca.check(chain, key, usages, names, now);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].fix(Path::new("x.crt"), "x").contains("run '")
                || problems[0].fix(Path::new("x.crt"), "x").contains("copy")
        );
        problems[0].to_string()
    };
    let leaf = std::slice::from_ref(&leaf);
    assert_eq!(check(leaf, &mine, &[], &[], NOW + 11), "its certificate expired on 2026-11-21T05:21:10Z");
    assert_eq!(check(leaf, &mine, &[], &[], NOW - 11), "its certificate is not valid before 2026-11-21T05:20:50Z");
    assert_eq!(check(leaf, &key(), &[], &[], NOW), "the private key in x.key does not match the certificate");
    assert_eq!(check(leaf, &mine, &[Usage::Client], &[], NOW), "the certificate may not be used for clientAuth");
    assert_eq!(check(leaf, &mine, &[], &["cp1", "lb", "::1"], NOW), "the certificate is not valid for lb, ::1");
}

#[test]
fn a_ca_of_the_same_name_with_another_key_is_another_ca() {
    let (ours, theirs, key) = (ca("kubernetes"), ca("kubernetes"), key());
    let leaf = theirs.sign(&template("x"), &key);
    let problems = ours.check(&[leaf], &key, &[], &[], NOW);
    assert_eq!(problems, [Problem::WrongCa { ca: "ca.crt".into(), issuer: "CN=kubernetes".into() }]);
}

#[test]
fn all_problems_are_reported_at_once() {
    let (ours, theirs) = (ca("kubernetes"), ca("other"));
    let leaf = theirs.sign(&template("x"), &key());
    assert_eq!(ours.check(&[leaf], &key(), &[Usage::Client], &["lb"], NOW + 99).len(), 5);
}

#[test]
fn a_chain_may_go_through_intermediates_and_only_through_cas() {
    let (root, key) = (ca("root"), key());
    // An intermediate: a CA certificate whose issuer is the root. Signed here as OpenSSL would.
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("root.crt"), root.cert.pem()).unwrap();
    std::fs::write(path("root.key"), root.key.pem().expose()).unwrap();
    let middle = PrivateKey::from_pem(key.pem().expose().as_bytes()).unwrap();
    std::fs::write(path("middle.key"), middle.pem().expose()).unwrap();
    let make = |constraints: &str| {
        std::fs::write(path("ext"), format!("basicConstraints=critical,{constraints}\nkeyUsage=critical,keyCertSign,digitalSignature\nsubjectKeyIdentifier=hash\n")).unwrap();
        let request =
            crate::pki::verifiers::openssl(&["req", "-new", "-key", &path("middle.key"), "-subj", "/CN=middle"], "");
        let args = [
            "x509",
            "-req",
            "-CA",
            &path("root.crt"),
            "-CAkey",
            &path("root.key"),
            "-CAcreateserial",
            "-days",
            "1",
            "-extfile",
            &path("ext"),
        ];
        Cert::bundle_from_pem(crate::pki::verifiers::openssl(&args, &request).as_bytes()).unwrap().remove(0)
    };
    for (constraints, good) in [("CA:TRUE", true), ("CA:FALSE", false)] {
        let cert = make(constraints);
        let intermediate =
            Ca { cert: cert.clone(), key: PrivateKey::from_pem(middle.pem().expose().as_bytes()).unwrap() };
        let leaf = intermediate.sign(&template("x"), &key);
        assert_eq!(leads_to(&[leaf.clone(), cert.clone()], std::slice::from_ref(&root.cert)), good, "{constraints}");
        assert!(!leads_to(&[leaf], std::slice::from_ref(&root.cert)));
    }
}

/// An external CA with such a key was accepted; no client accepts what it signs.
#[test]
fn a_ca_on_an_unsupported_curve_is_refused_without_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    let key = key.to_str().unwrap();
    crate::pki::verifiers::openssl(&["ecparam", "-name", "secp256k1", "-genkey", "-noout", "-out", key], "");
    let pem = crate::pki::verifiers::openssl(&["req", "-x509", "-new", "-key", key, "-subj", "/CN=x"], "");
    let cert = Cert::bundle_from_pem(pem.as_bytes()).unwrap().remove(0);
    let problems = verify_ca(&cert, cert.not_before);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].to_string().contains("secp256k1; supported are P-256, P-384 and P-521"), "{problems:?}");
    assert!(problems[0].fix(Path::new("ca.crt"), "ca").starts_with("use a CA whose key is RSA"));
}

#[test]
fn a_ca_must_be_a_ca_and_be_allowed_to_sign() {
    let (root, key) = (ca("root"), key());
    assert_eq!(verify_ca(&root.cert, NOW), []);
    assert_eq!(verify_ca(&root.sign(&template("x"), &key), NOW), [Problem::NotACa]);
    let pem = crate::pki::verifiers::openssl(
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "/dev/null",
            "-subj",
            "/CN=x",
            "-addext",
            "keyUsage=critical,cRLSign",
        ],
        "",
    );
    let cert = Cert::bundle_from_pem(pem.as_bytes()).unwrap().remove(0);
    assert_eq!(verify_ca(&cert, cert.not_before), [Problem::MayNotSign]);
}
