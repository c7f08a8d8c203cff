//! The golden files are the output of kubeadm's `config print …-defaults` on a host named cp1.

use super::*;
use crate::versions::facts;
use std::path::PathBuf;

#[track_caller]
fn assert_prints(golden: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("src/config/print/golden/{golden}.yaml"));
    assert_eq!(text, std::fs::read_to_string(path).unwrap(), "{golden}");
}

#[test]
fn defaults_are_those_that_kubeadm_prints() {
    for (version, minor) in [("v1.20.2", 20), ("v1.36.2", 36)] {
        let minor = facts(minor).unwrap();
        assert_prints(&format!("{version}-init"), &init_defaults(minor, "cp1").join("---\n"));
        assert_prints(&format!("{version}-join"), &join_defaults(minor, "cp1"));
    }
    let minor = facts(36).unwrap();
    assert_prints("v1.36.2-reset", &reset_defaults(minor).unwrap());
    assert_prints("v1.36.2-upgrade", &upgrade_defaults(minor).unwrap());
}

#[test]
fn minors_before_v1beta4_have_no_reset_and_upgrade_documents() {
    let has = |minor| {
        let minor = facts(minor).unwrap();
        (reset_defaults(minor).is_some(), upgrade_defaults(minor).is_some())
    };
    assert_eq!((has(30), has(31)), ((false, false), (true, true)));
}

#[test]
fn the_default_registry_is_that_of_the_patch_release() {
    let registry = |text: &str| {
        let version: Version = text.parse().unwrap();
        let minor = facts(version.minor).unwrap();
        default_cluster(version, minor).image_repository
    };
    assert_eq!((registry("v1.24.8"), registry("v1.24.9")), ("k8s.gcr.io".into(), "registry.k8s.io".into()));
}
