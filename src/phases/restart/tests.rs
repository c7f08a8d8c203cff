//! Tests of restarts on a host whose components are fakes.

pub mod fake_components;

use super::*;
use crate::base::exit_code::ExitCode;
use crate::etcd::EtcdError;
use crate::ops::kubelet_service::KubeletUnavailable;
use crate::ops::renewal;
use crate::pki::catalog;
use crate::state::quorum_fixture::Voters;
use crate::state::renewal_fixture::{CREATED, host, renewing, use_rotated_file};
use fake_components::*;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

#[test]
fn a_component_that_starts_keeps_its_new_certificate() {
    let (root, host, mut cx, old) = renewed();
    assert!(api_server(&host).is_due(&mut cx).unwrap());
    api_server(&host).load(&mut cx).unwrap();
    assert_eq!(host.log.take(), ["end kube-apiserver old"]);
    assert_ne!(disk(root.path()), old);
    assert_eq!(host.served_by("kube-apiserver").der, disk(root.path()).der);
}

#[test]
fn a_component_that_fails_with_its_new_certificate_gets_the_old_one_back() {
    let (root, host, mut cx, old) = renewed();
    host.reject(API);
    let failure = api_server(&host).load(&mut cx).unwrap_err();
    assert!(failure.to_string().contains("the old files were restored and are in use"), "{failure}");
    assert_eq!(failure.exit_code(), ExitCode::Unhealthy);
    assert_eq!(disk(root.path()), old);
    assert_eq!(host.served_by("kube-apiserver").der, old.der);
    // The crashed container is removed, because the kubelet would otherwise wait before it starts the next one.
    assert_eq!(host.log.take(), ["end kube-apiserver old", "end kube-apiserver new-1"]);
    let key = std::fs::read(root.path().join("etc/kubernetes/pki/apiserver.key")).unwrap();
    assert!(old.has_key(crate::pki::PrivateKey::from_pem(&key).unwrap().public_der()), "the key does not match");
}

#[test]
fn if_the_old_certificate_does_not_help_either_the_error_contains_both_failures() {
    let (_root, host, mut cx, old) = renewed();
    host.reject(API);
    host.rejected.borrow_mut().push(old.pem().into_bytes());
    let said = api_server(&host).load(&mut cx).unwrap_err().to_string();
    assert!(said.contains("the old files were restored, but"), "{said}");
}

#[test]
fn an_expired_certificate_is_not_restored() {
    let (root, host, mut cx, old) = renewed();
    cx.work.renewed[0].old.not_after = i64::try_from(CREATED).unwrap();
    let new = disk(root.path());
    host.reject(API);
    let said = api_server(&host).load(&mut cx).unwrap_err().to_string();
    assert!(said.contains("the old files have expired, so the new ones were kept"), "{said}");
    assert_eq!(disk(root.path()), new);
    assert_ne!(new, old);
}

#[test]
fn a_component_that_no_kubelet_would_restart_is_not_stopped() {
    let (root, host, mut cx, _) = renewed();
    let new = disk(root.path());
    *host.kubelet_is_down.borrow_mut() = true;
    let failure = api_server(&host).load(&mut cx).unwrap_err();
    assert_eq!(failure.exit_code(), ExitCode::Refused);
    assert!(host.log.take().is_empty(), "a container was stopped");
    // The next run loads it.
    *host.kubelet_is_down.borrow_mut() = false;
    assert_eq!(disk(root.path()), new);
    let mut next = renewing(&root, None);
    assert!(api_server(&host).is_due(&mut next).unwrap());
}

#[test]
fn a_file_with_a_future_time_does_not_cause_a_restart_in_every_run() {
    let (root, host, mut cx, _) = renewed();
    // Later than the clock of these tests.
    let file = std::fs::File::open(root.path().join("etc/kubernetes/pki/ca.crt")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_900_000_000)).unwrap();
    let at = |created: i64| vec![container("kube-apiserver", "c", created)];
    let consumer = api_server(&host).consumer;
    let present = cx.host.clock.nanos();
    assert!(!consumer.is_stale(&mut cx, &at(present)).unwrap());
    assert!(consumer.is_stale(&mut cx, &at(1)).unwrap());
    // A container that starts now is known to be new.
    assert!(consumer.read_since(&mut cx).unwrap() <= present + 1_000_000_000);
}

#[test]
fn a_renewal_that_was_killed_between_two_files_is_completed_before_a_restart() {
    let (root, _, mut cx, _) = renewed();
    let pki = root.path().join("etc/kubernetes/pki");
    let pair = cx.pki().unwrap().pair(catalog::cert("etcd-server").unwrap()).unwrap().unwrap();
    // Killed after the key was replaced: the certificate still belongs to another key.
    std::fs::copy(pki.join("etcd/peer.crt"), pki.join("etcd/server.crt")).unwrap();
    std::fs::write(pki.join("etcd/server.renewing"), serde_json::to_vec(&pair).unwrap()).unwrap();
    RestartComponents
        .run(&mut renewing(&root, Some("apiserver")), &Target { path: "restart".into(), item: None })
        .unwrap();
    assert_eq!(std::fs::read(pki.join("etcd/server.crt")).unwrap(), pair.cert.0);
    assert!(!pki.join("etcd/server.renewing").exists());
}

#[test]
fn a_run_that_was_killed_before_the_restart_is_completed_by_the_next() {
    let (root, host, _, _) = renewed();
    let mut next = renewing(&root, None);
    assert!(api_server(&host).is_due(&mut next).unwrap());
    api_server(&host).load(&mut next).unwrap();
    assert!(!api_server(&host).is_due(&mut next).unwrap());
}

#[test]
fn a_component_without_the_selected_certificate_is_not_restarted() {
    let (root, host, _, _) = renewed();
    assert!(!api_server(&host).is_due(&mut renewing(&root, Some("scheduler.conf"))).unwrap());
}

/// Restoring a kubeconfig created it again, readable only by root.
#[test]
fn a_scheduler_that_fails_with_its_new_kubeconfig_gets_the_old_one_back_byte_for_byte() {
    let root = host();
    let path = root.path().join(SCHEDULER);
    let text = [std::fs::read(&path).unwrap(), b"# a note\n".to_vec()].concat();
    std::fs::write(&path, &text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o440)).unwrap();
    // Only root may change the owner of files.
    let given = chown(&path, Some(2000), Some(2001)).is_ok();
    let host = FakeComponents::new(root.path());
    let mut cx = renewing(&root, Some("scheduler.conf"));
    let done = renewal::kubeconfig(&mut cx, catalog::kubeconfig("scheduler").unwrap()).unwrap();
    cx.work.renewed.push(done);
    assert_ne!(std::fs::read(&path).unwrap(), text);
    host.reject(SCHEDULER);
    let failure = component(&host, "kube-scheduler").load(&mut cx).unwrap_err();
    assert!(failure.to_string().contains("the old files were restored and are in use"), "{failure}");
    assert_eq!(std::fs::read(&path).unwrap(), text);
    let there = std::fs::metadata(&path).unwrap();
    assert_eq!(there.mode() & 0o7777, 0o440);
    assert!(!given || (there.uid(), there.gid()) == (2000, 2001));
}

#[test]
fn an_etcd_that_fails_with_its_new_certificate_gets_the_old_key_and_certificate_back_and_no_other_component_is_restarted()
 {
    let (root, host, mut cx) = with_renewed(&["etcd-server", "apiserver"]);
    let old = host.components.borrow()["etcd"].read.clone();
    host.reject(ETCD);
    let failure = load(&host, &mut cx).unwrap_err();
    assert!(failure.to_string().starts_with("etcd did not load"), "{failure}");
    assert!(failure.to_string().contains("the old files were restored and are in use"), "{failure}");
    assert_eq!(host.file(ETCD), old);
    assert!(cx.pki().unwrap().belong_together(catalog::cert("etcd-server").unwrap()));
    assert!(host.runs("etcd"));
    assert!(host.log.take().iter().all(|line| line.starts_with("end etcd")));
    assert!(!root.path().join("etc/kubernetes/pki/etcd/server.renewing").exists());
}

/// etcd was reported to have loaded its new certificate itself while it was down.
#[test]
fn a_component_without_a_known_port_is_restarted() {
    for ports_are_known in [true, false] {
        let (root, host, mut cx) = with_renewed(&["etcd-server"]);
        let ca = std::fs::File::options().write(true).open(root.path().join("etc/kubernetes/pki/etcd/ca.crt")).unwrap();
        ca.set_modified(std::time::UNIX_EPOCH).unwrap();
        {
            // It already serves the new certificate, but its port is unknown.
            let mut components = host.components.borrow_mut();
            let etcd = components.get_mut("etcd").unwrap();
            etcd.read = host.file(ETCD);
            // It started after the CA was made, and long before the renewal.
            etcd.containers[0].created = 1_000_000_000;
        }
        let mut etcd = component(&host, "etcd");
        if !ports_are_known {
            etcd.ports.clear();
        }
        etcd.load(&mut cx).unwrap();
        let ended = host.log.take().iter().any(|line| line.starts_with("end etcd"));
        assert_eq!(ended, !ports_are_known);
    }
}

/// A plan said that etcd is stopped, which reads its certificates again by itself.
#[test]
fn a_plan_does_not_end_an_etcd_that_reads_its_certificates_again() {
    let (root, host, mut cx) = with_renewed(&["etcd-server"]);
    let ca = std::fs::File::options().write(true).open(root.path().join("etc/kubernetes/pki/etcd/ca.crt")).unwrap();
    ca.set_modified(std::time::UNIX_EPOCH).unwrap();
    host.components.borrow_mut().get_mut("etcd").unwrap().containers[0].created = 1_000_000_000;
    cx.host.gate = crate::base::gate::Gate::recording();
    component(&host, "etcd").load(&mut cx).unwrap();
    assert_eq!(host.log.take(), [""; 0]);
}

/// The API server started with certificates that no client accepts, and kept them.
#[test]
fn if_the_api_server_does_not_accept_admin_conf_all_files_of_this_run_are_rolled_back() {
    let files = [API, "etc/kubernetes/pki/apiserver.key", ADMIN, SCHEDULER, ETCD];
    for refused in [API, ADMIN] {
        let (_root, host, mut cx) = with_renewed(&[]);
        let before = files.map(|file| host.file(file));
        for name in ["etcd-server", "apiserver"] {
            let done = renewal::cert(&mut cx, catalog::cert(name).unwrap()).unwrap();
            cx.work.renewed.push(done);
        }
        for name in ["admin", "scheduler"] {
            let done = renewal::kubeconfig(&mut cx, catalog::kubeconfig(name).unwrap()).unwrap();
            cx.work.renewed.push(done);
        }
        host.refused_by_api_server.borrow_mut().push(host.file(refused));
        let failure = load(&host, &mut cx).unwrap_err();
        assert_eq!(failure.exit_code(), ExitCode::Unhealthy);
        assert!(failure.to_string().contains("does not accept admin.conf"), "{failure}");
        assert!(failure.to_string().contains("the old files were restored and are in use"), "{failure}");
        assert_eq!(files.map(|file| host.file(file)), before, "{refused}");
        // Each of them runs with the current files.
        for (name, component) in host.components.borrow().iter() {
            assert!(component.read == host.file(component.file), "{name}");
        }
    }
}

#[test]
fn if_admin_conf_was_not_accepted_before_either_the_error_contains_both_failures() {
    let (_root, host, mut cx) = with_renewed(&["apiserver"]);
    host.refused_by_api_server.borrow_mut().push(host.file(ADMIN));
    let said = load(&host, &mut cx).unwrap_err().to_string();
    assert!(said.contains("the old files were restored, but"), "{said}");
}

#[test]
fn no_component_is_restarted_with_a_key_that_does_not_match_its_certificate() {
    let (root, host, mut cx) = with_renewed(&["apiserver"]);
    let pki = root.path().join("etc/kubernetes/pki");
    std::fs::copy(pki.join("front-proxy-client.key"), pki.join("apiserver.key")).unwrap();
    let failure = load(&host, &mut cx).unwrap_err();
    assert!(failure.to_string().contains("apiserver.crt"), "{failure}");
    assert!(!host.log.take().iter().any(|line| line.contains("kube-apiserver")));
}

/// A rotation recorded nothing that could be restored.
#[test]
fn a_component_that_fails_with_a_changed_ca_file_gets_the_old_one_back() {
    let (root, host, mut cx) = with_renewed(&[]);
    let ca = root.path().join("etc/kubernetes/pki/ca.crt");
    let old = std::fs::read(&ca).unwrap();
    renewal::back_up(&mut cx, Path::new("/etc/kubernetes/pki/ca.crt")).unwrap();
    std::fs::write(&ca, [old.clone(), old.clone()].concat()).unwrap();
    host.reject(API);
    host.components.borrow_mut().get_mut("kube-apiserver").unwrap().file = "etc/kubernetes/pki/ca.crt";
    host.reject("etc/kubernetes/pki/ca.crt");
    let mut api = api_server(&host);
    api.ports.clear();
    let failure = api.load(&mut cx).unwrap_err();
    assert!(failure.to_string().contains("the old files were restored and are in use"), "{failure}");
    assert_eq!(std::fs::read(&ca).unwrap(), old);
}

/// `certs import` of kubelet.conf overwrote the file with certificate and key, and was never rolled back.
#[test]
fn a_kubelet_that_is_not_healthy_with_an_imported_certificate_gets_the_old_files_back() {
    let root = host();
    use_rotated_file(&root);
    let pem = root.path().join("var/lib/kubelet/pki/kubelet-client-current.pem");
    std::fs::create_dir_all(pem.parent().unwrap()).unwrap();
    std::fs::write(&pem, "old certificate and key").unwrap();
    std::fs::set_permissions(&pem, std::fs::Permissions::from_mode(0o640)).unwrap();
    let conf = root.path().join("etc/kubernetes/kubelet.conf");
    let before = std::fs::read(&conf).unwrap();
    let mut cx = renewing(&root, None);
    for path in ["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/pki/kubelet-client-current.pem"] {
        renewal::back_up(&mut cx, Path::new(path)).unwrap();
    }
    std::fs::write(&pem, "new").unwrap();
    std::fs::write(&conf, "new").unwrap();
    let is_old = || std::fs::read(&conf).unwrap() == before;
    #[allow(clippy::match_bool)] // Two outcomes side by side.
    let restart = |_: &Context| match is_old() {
        true => Ok(()),
        false => Err(KubeletUnavailable::Down("failed".into()).into()),
    };
    let failure = kubelet_service::restart_or_go_back(&mut cx, &[], &restart).unwrap_err();
    assert!(failure.to_string().contains("the old files were restored and are in use"), "{failure}");
    assert!(is_old());
    assert_eq!(std::fs::read_to_string(&pem).unwrap(), "old certificate and key");
    assert_eq!(std::fs::metadata(&pem).unwrap().mode() & 0o7777, 0o640);
}

/// A rotation on a busy host put the old files back because etcd did not answer at once.
#[test]
fn a_component_that_is_silent_for_a_moment_keeps_its_new_files() {
    let root = host();
    let host = FakeComponents::new(root.path());
    let mut cx = renewing(&root, None);
    let etcd = component(&host, "etcd");
    *host.silent.borrow_mut() = 3;
    etcd.require_accepted(&mut cx).unwrap();
    *host.silent.borrow_mut() = u32::MAX;
    let said = etcd.require_accepted(&mut cx).unwrap_err().to_string();
    assert!(said.ends_with("no certificate within 3s"), "{said}");
}

/// The certificate was that of the file, which was all that was verified; no client accepted it.
#[test]
fn a_component_that_serves_what_clients_reject_gets_the_old_files_back() {
    let (root, other) = (host(), host());
    let host = FakeComponents::new(root.path());
    for (name, file, reloads) in [("kube-apiserver", API, false), ("etcd", ETCD, true)] {
        let before = host.file(file);
        let mut cx = renewing(&root, None);
        for end in ["crt", "key"] {
            let path = Path::new("/").join(file).with_extension(end);
            renewal::back_up(&mut cx, &path).unwrap();
            let from = other.path().join(file).with_extension(end);
            std::fs::copy(from, root.path().join(file).with_extension(end)).unwrap();
        }
        if reloads {
            let mut components = host.components.borrow_mut();
            let etcd = components.get_mut("etcd").unwrap();
            etcd.read = host.file(ETCD);
            etcd.containers[0].created = i64::MAX;
        }
        let said = component(&host, name).load(&mut cx).unwrap_err().to_string();
        assert!(said.contains("clients do not accept what 127.0.0.1:6443 serves"), "{said}");
        assert!(said.contains("signed by another CA"), "{said}");
        assert_eq!(host.file(file), before, "{said}");
        assert!(!reloads || said.contains("the old files were restored"), "{said}");
    }
}

fn with_voters(root: &tempfile::TempDir, cx: &mut Run<Renewal>) -> Voters {
    let voters = Voters::start(root.path());
    Voters::attach(cx);
    voters
}

fn is_of_lost_majority(failure: &Failure) -> bool {
    matches!(failure.downcast_ref(), Some(EtcdError::QuorumLost { answering: 1, .. }))
}

/// The other components were restarted too, and then waited for until the timeout.
#[test]
fn a_renewal_ends_no_further_component_after_the_majority_of_etcd_was_lost() {
    let (root, host, mut cx) = with_renewed(&["apiserver", "scheduler.conf"]);
    let voters = with_voters(&root, &mut cx);
    let new = [API, SCHEDULER].map(|file| host.file(file));
    *host.when_ended.borrow_mut() = Some(Box::new(move || voters.lose_majority()));
    let components = ["kube-apiserver", "kube-scheduler"].map(|name| component(&host, name));
    let failure = load_all(&mut cx, &components, &host).unwrap_err();
    assert!(is_of_lost_majority(&failure), "{failure}");
    assert_eq!(host.log.take(), ["end kube-apiserver old"]);
    assert_eq!([API, SCHEDULER].map(|file| host.file(file)), new, "the old files do not help either");
}

#[test]
fn nothing_is_ended_if_the_majority_of_etcd_was_lost_before_the_first_restart() {
    let (root, host, mut cx) = with_renewed(&["apiserver"]);
    with_voters(&root, &mut cx).lose_majority();
    assert!(is_of_lost_majority(&load(&host, &mut cx).unwrap_err()));
    assert_eq!(host.log.take(), [""; 0]);
}

/// The new files were taken for the cause, and the old ones restored in a restart that could not succeed either.
#[test]
fn a_restart_during_which_the_majority_of_etcd_is_lost_keeps_the_new_files_and_ends_early() {
    let (root, host, mut cx, old) = renewed();
    let voters = with_voters(&root, &mut cx);
    host.problems.borrow_mut().insert("kube-apiserver".into(), "[-]etcd failed".into());
    *host.when_ended.borrow_mut() = Some(Box::new(move || voters.lose_majority()));
    let begun = cx.host.clock.monotonic();
    let failure = api_server(&host).load(&mut cx).unwrap_err();
    assert!(is_of_lost_majority(&failure), "{failure}");
    assert_eq!(host.log.take(), ["end kube-apiserver old"]);
    assert_ne!(disk(root.path()), old);
    let waited = cx.host.clock.monotonic().saturating_sub(begun);
    assert!(waited < cx.timeouts().upgrade_manifests / 4, "{waited:?}");
}
