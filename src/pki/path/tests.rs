//! Tests of chains that OpenSSL issued: which are accepted, and for which rule the others are refused.

use super::*;
use crate::pki::verifiers::{CA, Elsewhere, openssl};
use std::slice;

const DAY: i64 = 24 * 3600;
const LEAF: &str =
    "subjectAltName=DNS:cp1.example.com,IP:10.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n";

fn refused(chain: &[&Cert], anchors: &[&Cert], usages: &[Usage], now: i64) -> String {
    let owned = |certs: &[&Cert]| certs.iter().map(|cert| (*cert).clone()).collect::<Vec<_>>();
    let broken = verify(&owned(chain), &owned(anchors), usages, now).unwrap_err();
    assert!(!broken.fix().is_empty());
    broken.to_string()
}

/// A leaf certificate below an intermediate with these extensions, below a root with these.
struct Chain {
    root: Cert,
    middle: Cert,
    leaf: Cert,
}

fn chain(root: &str, middle: &str, leaf: &str) -> Chain {
    let elsewhere = Elsewhere::new();
    Chain {
        root: elsewhere.issue("root", "root", root, &[]),
        middle: elsewhere.issue("middle", "root", middle, &["-days", "2"]),
        leaf: elsewhere.issue("leaf", "middle", leaf, &[]),
    }
}

impl Chain {
    fn verify(&self, usages: &[Usage], after: i64) -> Result<(), Broken> {
        let now = self.leaf.not_before + after;
        verify(&[self.leaf.clone(), self.middle.clone()], std::slice::from_ref(&self.root), usages, now)
    }

    #[track_caller]
    fn refused(&self, usages: &[Usage], after: i64) -> String {
        refused(&[&self.leaf, &self.middle], &[&self.root], usages, self.leaf.not_before + after)
    }
}

fn with(extension: &str) -> String {
    format!("{CA}{extension}\n")
}

#[test]
fn a_chain_that_clients_accept_is_accepted() {
    let good = chain(CA, CA, LEAF);
    assert_eq!(good.verify(&[Usage::Server], 0), Ok(()));
    // A trusted intermediate needs no root.
    assert_eq!(
        verify(slice::from_ref(&good.leaf), slice::from_ref(&good.middle), &[Usage::Server], good.leaf.not_before),
        Ok(())
    );
    let any = chain(CA, CA, &LEAF.replace("serverAuth", "anyExtendedKeyUsage"));
    assert_eq!(any.verify(&[Usage::Client], 0), Ok(()));
    let both = chain(CA, CA, &LEAF.replace("serverAuth", "serverAuth,clientAuth"));
    assert_eq!(both.verify(&[Usage::Server, Usage::Client], 0), Ok(()));
    let limited =
        chain(&with("nameConstraints=critical,permitted;DNS:example.com,permitted;IP:10.0.0.0/255.0.0.0"), CA, LEAF);
    assert_eq!(limited.verify(&[Usage::Server], 0), Ok(()));
    let short = chain(&CA.replace("CA:TRUE", "CA:TRUE,pathlen:1"), &CA.replace("CA:TRUE", "CA:TRUE,pathlen:0"), LEAF);
    assert_eq!(short.verify(&[Usage::Server], 0), Ok(()));
}

/// Each of these was imported, and no client accepted what the component then served.
#[test]
fn a_leaf_that_is_signed_with_sha_1_is_refused() {
    let elsewhere = Elsewhere::new();
    let root = elsewhere.issue("root", "root", CA, &[]);
    let leaf = elsewhere.issue("leaf", "root", LEAF, &["-sha1"]);
    let said = refused(&[&leaf], &[&root], &[Usage::Server], leaf.not_before);
    assert_eq!(said, "the certificate is signed with SHA-1, which clients reject");
}

/// A library that does not know these algorithms took the CA for another one.
#[test]
fn a_ca_on_p_521_signs() {
    let elsewhere = Elsewhere::new();
    let key = elsewhere.path("root.key");
    openssl(&["ecparam", "-name", "secp521r1", "-genkey", "-noout", "-out", &key], "");
    let request = openssl(&["req", "-new", "-key", &key, "-subj", "/CN=root"], "");
    for hash in ["-sha256", "-sha384", "-sha512"] {
        let root = elsewhere.sign("root", &request, "root", CA, &[hash]);
        let leaf = elsewhere.issue("leaf", "root", LEAF, &[hash]);
        assert!(leaf.is_signed_by(&root) && root.is_signed_by(&root) && !root.is_signed_by(&leaf), "{hash}");
        assert_eq!(verify(std::slice::from_ref(&leaf), &[root], &[Usage::Server], leaf.not_before), Ok(()), "{hash}");
    }
}

#[test]
fn an_expired_intermediate_is_refused() {
    let said = chain(CA, CA, LEAF).refused(&[Usage::Server], 3 * DAY);
    assert!(said.starts_with("the CA 'O=Acme, CN=middle' of its chain expired on "), "{said}");
}

#[test]
fn an_expired_anchor_is_refused_unless_another_one_is_valid() {
    let good = chain(CA, CA, LEAF);
    let later = good.leaf.not_before + 3 * DAY;
    let said = refused(&[&good.leaf], &[&good.middle], &[Usage::Server], later);
    assert!(said.starts_with("the CA 'O=Acme, CN=middle' of its chain expired"), "{said}");
    let elsewhere = Elsewhere::new();
    let old = elsewhere.issue("ca", "ca", CA, &["-days", "1"]);
    // The same CA with the same key, valid for longer.
    let request = openssl(&["req", "-new", "-key", &elsewhere.path("ca.key"), "-subj", "/O=Acme/CN=ca"], "");
    let new = elsewhere.sign("ca", &request, "ca", CA, &[]);
    let leaf = elsewhere.issue("leaf", "ca", LEAF, &[]);
    let later = leaf.not_before + 3 * DAY;
    assert_eq!(verify(slice::from_ref(&leaf), &[old.clone(), new], &[Usage::Server], later), Ok(()));
    assert!(verify(&[leaf], &[old], &[Usage::Server], later).is_err());
}

#[test]
fn name_constraints_that_exclude_a_san_are_refused_wherever_they_are() {
    let limit = with("nameConstraints=critical,permitted;DNS:only.example");
    for (root, middle, name) in [(CA, limit.as_str(), "middle"), (limit.as_str(), CA, "root")] {
        let said = chain(root, middle, LEAF).refused(&[Usage::Server], 0);
        assert_eq!(
            said,
            format!(
                "the CA 'O=Acme, CN={name}' of its chain has name constraints that exclude cp1.example.com: it permits \
                 \"only.example\""
            )
        );
    }
    let excluded = with("nameConstraints=critical,excluded;IP:10.0.0.0/255.255.0.0");
    let said = chain(CA, &excluded, LEAF).refused(&[Usage::Server], 0);
    assert!(said.ends_with("exclude 10.0.0.1: it excludes 10.0.0.0/16"), "{said}");
    let names = with("nameConstraints=critical,permitted;dirName:dir\n[dir]\nO=Acme");
    let said = chain(CA, &names, LEAF).refused(&[Usage::Server], 0);
    assert!(said.contains("name constraints for directory names"), "{said}");
}

#[test]
fn an_unknown_critical_extension_is_refused_wherever_it_is() {
    let unknown = "1.2.3.4=critical,ASN1:UTF8String:x";
    let said = chain(CA, CA, &format!("{LEAF}{unknown}\n")).refused(&[Usage::Server], 0);
    assert!(said.starts_with("the certificate has the extension 1.2.3.4, which is marked critical"), "{said}");
    for (root, middle, name) in [(CA, with(unknown), "middle"), (&with(unknown), CA.into(), "root")] {
        let said = chain(root, &middle, LEAF).refused(&[Usage::Server], 0);
        assert!(
            said.starts_with(&format!("the CA 'O=Acme, CN={name}' of its chain has the extension 1.2.3.4")),
            "{said}"
        );
    }
    // The same extension is harmless if it is not critical.
    assert_eq!(chain(CA, CA, &format!("{LEAF}1.2.3.4=ASN1:UTF8String:x\n")).verify(&[Usage::Server], 0), Ok(()));
}

#[test]
fn a_path_length_is_obeyed_by_anchors_and_intermediates() {
    let none_below = CA.replace("CA:TRUE", "CA:TRUE,pathlen:0");
    let said = chain(&none_below, CA, LEAF).refused(&[Usage::Server], 0);
    assert_eq!(said, "the CA 'O=Acme, CN=root' of its chain has the path length 0, but there are 1 CAs below it");
}

#[test]
fn the_usages_of_leaf_and_cas_are_obeyed() {
    let clients = chain(CA, CA, &LEAF.replace("serverAuth", "clientAuth"));
    assert!(clients.verify(&[Usage::Client], 0).is_ok() && clients.verify(&[Usage::Server], 0).is_err());
    for (root, middle, name) in
        [(CA, with("extendedKeyUsage=serverAuth"), "middle"), (&with("extendedKeyUsage=serverAuth"), CA.into(), "root")]
    {
        let both = chain(root, &middle, &LEAF.replace("serverAuth", "serverAuth,clientAuth"));
        assert_eq!(both.verify(&[Usage::Server], 0), Ok(()));
        let said = both.refused(&[Usage::Server, Usage::Client], 0);
        assert!(said.contains(&format!("CN={name}' of its chain has an extended key usage")), "{said}");
        assert!(said.ends_with("does not include clientAuth"), "{said}");
    }
}

#[test]
fn only_cas_that_may_sign_are_part_of_a_chain() {
    let said = chain(CA, &CA.replace("CA:TRUE", "CA:FALSE"), LEAF).refused(&[Usage::Server], 0);
    assert!(said.ends_with("is not a CA, but has signed a certificate"), "{said}");
    let said = chain(CA, &CA.replace("keyCertSign,", ""), LEAF).refused(&[Usage::Server], 0);
    assert!(said.contains("CN=middle' of its chain has a key usage that does not allow"), "{said}");
    let said = chain(&CA.replace("keyCertSign,", ""), CA, LEAF).refused(&[Usage::Server], 0);
    assert!(said.contains("CN=root' of its chain has a key usage that does not allow"), "{said}");
    let said = chain(CA, CA, CA).refused(&[Usage::Server], 0);
    assert!(said.starts_with("the certificate is a CA"), "{said}");
}

#[test]
fn a_chain_to_no_anchor_is_refused() {
    let (one, other) = (chain(CA, CA, LEAF), chain(CA, CA, LEAF));
    let said = refused(&[&one.leaf, &one.middle], &[&other.root], &[Usage::Server], one.leaf.not_before);
    assert_eq!(said, "the certificate is signed by another CA");
    assert!(verify(&[], slice::from_ref(&one.root), &[], 0).is_err());
    // Two CAs that signed each other are no way out of a loop.
    assert!(verify(&[one.leaf.clone(), one.middle.clone(), one.middle], &[other.root], &[], 0).is_err());
}
