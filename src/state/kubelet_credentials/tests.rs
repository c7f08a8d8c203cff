use super::*;
use crate::base::https::test_server::TestCa;
use crate::state::join_fixture::{NOW, PAIR, host, put, put_kubelet_conf, put_pair, state};

const LATER: i64 = NOW + 86_400;

#[test]
fn a_kubelet_conf_without_a_certificate_is_incomplete() {
    let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
    let cx = host(&root);
    assert_eq!(state(&cx, &ca), Credentials::Absent);
    put_kubelet_conf(&cx, &ca);
    assert_eq!(state(&cx, &ca), Credentials::Incomplete);
    // A power failure leaves an empty file; a certificate is unusable without its key.
    put(&cx, PAIR, "");
    assert_eq!(state(&cx, &ca), Credentials::Incomplete);
    let leaf = ca.client("system:node:cp1", LATER);
    put(&cx, PAIR, &leaf.certificate);
    assert_eq!(state(&cx, &ca), Credentials::Incomplete);
    put(&cx, PAIR, [leaf.certificate.as_slice(), &ca.client("other", LATER).key].concat());
    assert_eq!(state(&cx, &ca), Credentials::Incomplete);
    put_pair(&cx, &leaf);
    assert_eq!(state(&cx, &ca), Credentials::Ours);
}

#[test]
fn the_certificate_identifies_the_node() {
    let (root, ca, other) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"), TestCa::new("kubernetes"));
    let cx = host(&root);
    put_kubelet_conf(&cx, &ca);
    for (leaf, expected) in [
        (ca.client("system:node:cp1", LATER), Credentials::Ours),
        (ca.client("system:node:cp1", NOW), Credentials::Expired),
        (ca.client("system:node:n42", LATER), Credentials::OtherNode("n42".into())),
        (other.client("system:node:cp1", LATER), Credentials::OtherCa),
    ] {
        put_pair(&cx, &leaf);
        assert_eq!(state(&cx, &ca), expected);
        assert_eq!(of_pair(&cx, Path::new(PAIR), &ca.pem()).unwrap(), Some(expected));
    }
}

#[test]
fn a_kubelet_conf_of_another_cluster_is_foreign() {
    let (root, ca, other) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"), TestCa::new("kubernetes"));
    let cx = host(&root);
    put_kubelet_conf(&cx, &other);
    put_pair(&cx, &other.client("system:node:cp1", LATER));
    assert_eq!(state(&cx, &ca), Credentials::Foreign);
    // During a CA rotation there are two.
    let both = [ca.pem(), other.pem()].concat();
    assert_eq!(of_kubelet(&cx, &both).unwrap(), Credentials::Ours);
    put(&cx, KUBELET_CONF, "");
    assert_eq!(state(&cx, &ca), Credentials::Foreign);
}
