//! Tests of the tables.

use super::*;
use std::collections::BTreeSet;

#[test]
fn every_ca_precedes_the_certificates_it_signs() {
    let mut cas = BTreeSet::new();
    for spec in CERTS {
        match spec.ca {
            None => assert!(cas.insert(spec.name)),
            Some(ca) => assert!(cas.contains(ca), "{} is signed by {ca}, which does not come before it", spec.name),
        }
    }
}

#[test]
fn names_and_files_are_unique() {
    let names: BTreeSet<_> = CERTS.iter().map(|s| s.name).chain([SERVICE_ACCOUNT]).collect();
    let bases: BTreeSet<_> = CERTS.iter().map(|s| s.base).chain([SERVICE_ACCOUNT]).collect();
    assert_eq!((names.len(), bases.len()), (CERTS.len() + 1, CERTS.len() + 1));
    let confs: BTreeSet<_> = KUBECONFIGS.iter().flat_map(|s| [s.name, s.file]).collect();
    assert_eq!(confs.len(), 2 * KUBECONFIGS.len());
}

#[test]
fn every_leaf_has_a_use_and_every_server_has_names() {
    for spec in CERTS {
        assert_eq!(spec.is_ca(), spec.usages.is_empty(), "{}", spec.name);
        let named = !matches!(spec.sans, SanRule::None | SanRule::OwnName);
        assert_eq!(spec.usages.contains(&Usage::Server), named, "{}", spec.name);
    }
}

#[test]
fn groups_depend_on_the_minor_version() {
    let groups =
        |name: &str, minor| cert(name).unwrap().subject(crate::versions::facts(minor).unwrap(), "n").organizations;
    assert_eq!(groups("etcd-healthcheck-client", 20), [SYSTEM_MASTERS]);
    assert_eq!(groups("apiserver-kubelet-client", 20), [SYSTEM_MASTERS]);
    assert_eq!(groups("apiserver-kubelet-client", 31), [CLUSTER_ADMINS]);
    assert!(groups("apiserver-etcd-client", 31).is_empty());
    assert!(groups("etcd-healthcheck-client", 36).is_empty());
    assert!(groups("apiserver-kubelet-client", 36).is_empty());
    let admin = |minor| kubeconfig("admin.conf").unwrap().subject(crate::versions::facts(minor).unwrap(), "n");
    assert_eq!(admin(20).to_string(), "O=system:masters, CN=kubernetes-admin");
    assert_eq!(admin(36).to_string(), "O=kubeadm:cluster-admins, CN=kubernetes-admin");
}

#[test]
fn an_unknown_name_suggests_the_nearest() {
    let error = cert("etcd-sever").unwrap_err();
    assert!(matches!(error, PkiError::UnknownName { nearest: Some("etcd-server"), .. }));
    let error = kubeconfig("schedular.conf").unwrap_err();
    assert!(matches!(error, PkiError::UnknownName { nearest: Some("scheduler.conf"), .. }));
}
