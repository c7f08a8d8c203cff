use super::*;
use crate::base::env::Random;
use crate::base::fault::Fault;
use crate::context::{Renewal, Run};
use crate::phases;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pki::catalog::{self, CERTS};
use crate::pki::fixture;
use crate::pki::keys::Generator;
use crate::state::renewable::{KUBELET_CONF, chosen, items};
use crate::state::renewal_fixture::{CREATED, host, renewing, store, use_rotated_file};

fn renew(root: &tempfile::TempDir, only: Option<&str>) -> Run<Renewal> {
    let mut run = renewing(root, only);
    let plan = Plan::new(&phases::renew_workflow().unwrap(), &Choice::default(), &mut run).unwrap();
    plan.run(&mut run).unwrap();
    run
}

fn read(root: &tempfile::TempDir, path: &str) -> Vec<u8> {
    std::fs::read(root.path().join(path)).unwrap()
}

#[test]
fn everything_is_renewed_with_new_keys_and_backups_are_kept() {
    let root = host();
    let before = [read(&root, "etc/kubernetes/pki/apiserver.crt"), read(&root, "etc/kubernetes/pki/apiserver.key")];
    let ca = read(&root, "etc/kubernetes/pki/ca.crt");
    let cx = renew(&root, None);
    assert_eq!(cx.work.renewed.len(), items().len());
    assert_eq!(read(&root, "etc/kubernetes/pki/ca.crt"), ca);
    assert_ne!(read(&root, "etc/kubernetes/pki/apiserver.key"), before[1]);
    let kept = "var/lib/kubewright/backup/certs-test/etc/kubernetes/pki/apiserver";
    assert_eq!([read(&root, &format!("{kept}.crt")), read(&root, &format!("{kept}.key"))], before);
    // The files are valid: the code that creates them finds nothing to fix.
    let store = store(&root, 1_800_000_000);
    for spec in CERTS {
        store.ensure(spec, &fixture::cluster(36), &fixture::node(), &Generator).unwrap();
    }
}

#[test]
fn a_backup_is_not_overwritten_by_files_of_the_same_run() {
    let root = host();
    let found = read(&root, "etc/kubernetes/pki/apiserver.key");
    let mut cx = renewing(&root, Some("apiserver"));
    for _ in 0..2 {
        renewal::cert(&mut cx, catalog::cert("apiserver").unwrap()).unwrap();
    }
    assert_eq!(read(&root, "var/lib/kubewright/backup/certs-test/etc/kubernetes/pki/apiserver.key"), found);
}

#[test]
fn a_component_that_runs_as_its_own_user_can_still_read_its_key() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let root = host();
    let key = root.path().join("etc/kubernetes/pki/apiserver.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    // Only root may change the owner of files.
    let given = chown(&key, Some(2000), Some(2001)).is_ok();
    renew(&root, None);
    let there = std::fs::metadata(&key).unwrap();
    assert_eq!(there.mode() & 0o7777, 0o640);
    assert!(!given || (there.uid(), there.gid()) == (2000, 2001), "{}:{}", there.uid(), there.gid());
}

#[test]
fn one_name_renews_one_certificate() {
    let root = host();
    let admin = read(&root, "etc/kubernetes/admin.conf");
    let cx = renew(&root, Some("etcd-peer"));
    let renewed: Vec<&str> = cx.work.renewed.iter().map(|one| one.name).collect();
    assert_eq!(renewed, ["etcd-peer"]);
    assert_eq!(read(&root, "etc/kubernetes/admin.conf"), admin);
}

#[test]
fn certificates_of_an_external_ca_are_skipped_when_everything_is_renewed() {
    let root = host();
    std::fs::remove_file(root.path().join("etc/kubernetes/pki/etcd/ca.key")).unwrap();
    let cx = renew(&root, None);
    let renewed: Vec<&str> = cx.work.renewed.iter().map(|one| one.name).collect();
    assert!(renewed.contains(&"apiserver") && !renewed.contains(&"apiserver-etcd-client"), "{renewed:?}");
}

#[test]
fn a_renewal_that_was_killed_between_key_and_certificate_is_completed_by_the_next() {
    let root = host();
    let pair = store(&root, CREATED).pair(catalog::cert("apiserver").unwrap()).unwrap().unwrap();
    std::fs::write(root.path().join("etc/kubernetes/pki/apiserver.renewing"), serde_json::to_vec(&pair).unwrap())
        .unwrap();
    std::fs::remove_file(root.path().join("etc/kubernetes/pki/apiserver.key")).unwrap();
    renew(&root, None);
    assert!(!root.path().join("etc/kubernetes/pki/apiserver.renewing").exists());
    let outcome = store(&root, 1_800_000_000).ensure(
        catalog::cert("apiserver").unwrap(),
        &fixture::cluster(36),
        &fixture::node(),
        &Generator,
    );
    assert_eq!(outcome.unwrap().made, crate::pki::Made::Kept);
}

#[test]
fn a_kubelet_conf_with_an_embedded_certificate_refers_to_the_renewed_file_afterwards() {
    let root = host();
    let pki = root.path().join("var/lib/kubelet/pki");
    std::fs::create_dir_all(&pki).unwrap();
    // One that expired long ago: the kubelet cannot renew it.
    let store = store(&root, CREATED);
    let ca = store.require_ca(catalog::cert("ca").unwrap(), "a test").unwrap();
    let subject = crate::pki::subject::Subject::new("system:node:n1", &[catalog::NODES]);
    let validity = crate::pki::validity::Validity { not_before: 1_000_000_000, not_after: 1_000_000_060 };
    let (old, _) = store.issue_client(&ca, &subject, validity, &fixture::cluster(36), &Generator).unwrap();
    std::fs::write(pki.join("kubelet-client-current.pem"), old.pem()).unwrap();
    renew(&root, Some(KUBELET_CONF));
    let text = String::from_utf8(read(&root, "etc/kubernetes/kubelet.conf")).unwrap();
    assert!(text.contains("client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem"), "{text}");
    assert!(!text.contains("client-certificate-data"), "{text}");
    let cert =
        crate::pki::Cert::bundle_from_pem(&read(&root, "var/lib/kubelet/pki/kubelet-client-current.pem")).unwrap();
    assert_eq!(cert[0].subject.common_name, "system:node:n1");
    assert!(cert[0].not_after > 1_800_000_000);
}

#[test]
fn a_kubelet_with_a_missing_certificate_or_a_broken_link_gets_one_that_it_can_renew() {
    for dangling in [false, true] {
        let root = host();
        use_rotated_file(&root);
        let pki = root.path().join("var/lib/kubelet/pki");
        if dangling {
            std::fs::create_dir_all(&pki).unwrap();
            std::os::unix::fs::symlink("/var/lib/kubelet/pki/gone.pem", pki.join("kubelet-client-current.pem"))
                .unwrap();
        }
        renew(&root, None);
        let target = std::fs::read_link(pki.join("kubelet-client-current.pem")).unwrap();
        assert!(target.to_str().unwrap().starts_with("/var/lib/kubelet/pki/kubelet-client-2"), "{target:?}");
        let cert = crate::pki::Cert::bundle_from_pem(&read(&root, &target.to_str().unwrap()[1..])).unwrap();
        assert_eq!(cert[0].subject.common_name, format!("system:node:{}", fixture::node().name));
        // It is valid now, and stays.
        let before = read(&root, &target.to_str().unwrap()[1..]);
        renew(&root, None);
        assert_eq!(read(&root, &target.to_str().unwrap()[1..]), before);
    }
}

#[test]
fn a_kubelet_certificate_that_only_an_external_ca_can_sign_does_not_stop_the_renewal_of_the_rest() {
    let root = host();
    use_rotated_file(&root);
    std::fs::remove_file(root.path().join("etc/kubernetes/pki/ca.key")).unwrap();
    let cx = renew(&root, None);
    assert!(cx.work.renewed.iter().any(|one| one.name == "etcd-server"));
    // If it was specified by name, the error is reported.
    let mut cx = renewing(&root, Some(KUBELET_CONF));
    let target = crate::pipeline::Target { path: "kubelet".into(), item: None };
    assert!(
        crate::phases::repair_kubelet::RepairKubelet
            .run(&mut cx, &target)
            .unwrap_err()
            .hint()
            .unwrap()
            .contains("generate-csr")
    );
}

#[test]
fn for_an_unknown_name_the_nearest_is_suggested() {
    let error = chosen("apiserver-etcd-clent").unwrap_err();
    assert!(error.hint().unwrap().contains("did you mean 'apiserver-etcd-client'"), "{error}");
    assert_eq!(chosen("all").unwrap(), None);
    assert_eq!(chosen("kubelet.conf").unwrap().as_deref(), Some("kubelet.conf"));
}

/// The file with certificate and key that kubelet.conf refers to was overwritten without a backup.
#[test]
fn an_imported_kubelet_certificate_has_a_backup_of_the_old_file() {
    use crate::pki::catalog::Usage;
    use crate::pki::issue::{self, Template};
    use crate::pki::validity::Validity;
    let root = host();
    let store = store(&root, CREATED);
    let ca = store.require_ca(catalog::cert("ca").unwrap(), "a test").unwrap();
    let node = fixture::node();
    let subject = crate::pki::subject::Subject::new(format!("system:node:{}", node.name), &[catalog::NODES]);
    let made = i64::try_from(CREATED).unwrap();
    let validity = Validity { not_before: made, not_after: made + 400 * 86_400 };
    let (old, key) = store.issue_client(&ca, &subject, validity, &fixture::cluster(36), &Generator).unwrap();
    use_rotated_file(&root);
    let pem = root.path().join("var/lib/kubelet/pki/kubelet-client-current.pem");
    std::fs::create_dir_all(pem.parent().unwrap()).unwrap();
    let both = format!("{}{}", old.pem(), key.pem().expose());
    std::fs::write(&pem, &both).unwrap();
    let template = Template {
        subject_der: old.subject_der.clone(),
        sans: old.sans.clone(),
        usages: vec![Usage::Client],
        validity,
        says_no_ca: false,
    };
    let signed = issue::sign(&template, key.public_der(), ca.signer().unwrap(), &Random::seeded(77)).unwrap().pem();
    let mut cx = renewing(&root, None);
    cx.work.signed = vec![crate::context::renewal::Signed { name: KUBELET_CONF, pem: signed.clone().into_bytes() }];
    let target = crate::pipeline::Target { path: "certs/kubelet.conf".into(), item: Some(KUBELET_CONF) };
    crate::phases::import::ImportSigned.run(&mut cx, &target).unwrap();
    assert!(std::fs::read_to_string(&pem).unwrap().starts_with(&signed));
    let copy = "var/lib/kubewright/backup/certs-test/var/lib/kubelet/pki/kubelet-client-current.pem";
    assert_eq!(String::from_utf8(read(&root, copy)).unwrap(), both);
    crate::ops::kubelet_service::restart_or_go_back(&mut cx, &[], &|_| Err(chosen("x").unwrap_err().into()))
        .unwrap_err();
    assert_eq!(std::fs::read_to_string(&pem).unwrap(), both);
}

#[test]
fn an_added_san_that_is_killed_at_any_file_is_completed_by_the_same_command() {
    use crate::base::files::faults::injected::stop_after;
    let spec = catalog::cert("apiserver").unwrap();
    let asking = |root: &tempfile::TempDir| {
        let mut cx = renewing(root, Some("apiserver"));
        cx.config.cluster.as_mut().unwrap().api_server_cert_sans = vec!["lb.example.com".into()];
        cx.work.names = crate::pki::renew::Names::AddFromConfig;
        cx
    };
    let target = crate::pipeline::Target { path: "certificate".into(), item: None };
    for steps in 0.. {
        let root = host();
        let killed = {
            let _armed = stop_after(steps);
            crate::phases::sans::AddSans.run(&mut asking(&root), &target).is_err()
        };
        let staged = root.path().join("etc/kubernetes/pki/apiserver.renewing");
        assert!(store(&root, CREATED).belong_together(spec) || staged.exists(), "{steps}");
        crate::phases::sans::AddSans.run(&mut asking(&root), &target).unwrap();
        assert!(store(&root, CREATED).belong_together(spec) && !staged.exists(), "{steps}");
        let there = store(&root, CREATED).load_certs(spec).unwrap().unwrap().remove(0);
        assert!(there.sans.dns.contains(&"lb.example.com".into()), "{steps}");
        if !killed {
            assert!(steps > 10, "{steps}");
            return;
        }
    }
}
