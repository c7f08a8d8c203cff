//! Tests of restarts on a host whose components are fakes.

pub mod fake_components;

use super::*;
use crate::base::exit_code::ExitCode;
use crate::ops::kubelet_service::Unfit;
use crate::ops::renewal;
use crate::pki::catalog;
use crate::state::renewal_fixture::{MADE, host, point_at_rotated, renewing};
use fake_components::*;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

#[test]
fn a_component_that_comes_up_keeps_its_new_certificate() {
    let (root, host, mut cx, old) = renewed();
    assert!(api_server(&host).is_due(&mut cx).unwrap());
    api_server(&host).take_up(&mut cx).unwrap();
    assert_eq!(host.log.take(), ["end kube-apiserver old"]);
    assert_ne!(disk(root.path()), old);
    assert_eq!(host.shown_by("kube-apiserver").der, disk(root.path()).der);
}

#[test]
fn a_component_that_fails_on_its_new_certificate_gets_the_old_one_back() {
    let (root, host, mut cx, old) = renewed();
    host.dislike(API);
    let failure = api_server(&host).take_up(&mut cx).unwrap_err();
    assert!(failure.to_string().contains("the old files are back in place and in use"), "{failure}");
    assert_eq!(failure.exit_code(), ExitCode::Unhealthy);
    assert_eq!(disk(root.path()), old);
    assert_eq!(host.shown_by("kube-apiserver").der, old.der);
    // The one that crashed is taken away, or the kubelet would wait before it starts the next.
    assert_eq!(host.log.take(), ["end kube-apiserver old", "end kube-apiserver new-1"]);
    let key = std::fs::read(root.path().join("etc/kubernetes/pki/apiserver.key")).unwrap();
    assert!(old.has_key(crate::pki::PrivateKey::from_pem(&key).unwrap().public_der()), "another key lies beside it");
}

#[test]
fn where_the_old_one_does_not_help_either_the_error_says_so() {
    let (_root, host, mut cx, old) = renewed();
    host.dislike(API);
    host.dislikes.borrow_mut().push(old.pem().into_bytes());
    let said = api_server(&host).take_up(&mut cx).unwrap_err().to_string();
    assert!(said.contains("the old files are back in place, but"), "{said}");
}

#[test]
fn a_certificate_that_has_ended_is_not_put_back() {
    let (root, host, mut cx, old) = renewed();
    if let crate::context::Task::Renew(task) = &mut cx.task {
        task.renewed[0].old.not_after = i64::try_from(MADE).unwrap();
    }
    let new = disk(root.path());
    host.dislike(API);
    let said = api_server(&host).take_up(&mut cx).unwrap_err().to_string();
    assert!(said.contains("the old files have expired, so the new ones stay"), "{said}");
    assert_eq!(disk(root.path()), new);
    assert_ne!(new, old);
}

#[test]
fn a_component_that_no_kubelet_would_start_again_is_not_ended() {
    let (root, host, mut cx, _) = renewed();
    let new = disk(root.path());
    *host.kubelet_is_down.borrow_mut() = true;
    let failure = api_server(&host).take_up(&mut cx).unwrap_err();
    assert_eq!(failure.exit_code(), ExitCode::Refused);
    assert!(host.log.take().is_empty(), "something was ended");
    // The next run takes it up.
    *host.kubelet_is_down.borrow_mut() = false;
    assert_eq!(disk(root.path()), new);
    let mut next = renewing(&root, None);
    assert!(api_server(&host).is_due(&mut next).unwrap());
}

#[test]
fn a_file_from_the_future_does_not_end_components_at_every_run() {
    let (root, host, mut cx, _) = renewed();
    // Beyond the clock of these tests.
    let file = std::fs::File::open(root.path().join("etc/kubernetes/pki/ca.crt")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_900_000_000)).unwrap();
    let at = |created: i64| vec![container("kube-apiserver", "c", created)];
    let reader = api_server(&host).reader;
    let present = cx.clock.nanos();
    assert!(!reader.is_stale(&mut cx, &at(present)).unwrap());
    assert!(reader.is_stale(&mut cx, &at(1)).unwrap());
    // One that is started now is known to be new.
    assert!(reader.read_since(&mut cx).unwrap() <= present + 1_000_000_000);
}

#[test]
fn what_a_killed_renewal_left_half_exchanged_is_finished_before_a_restart() {
    let (root, _, mut cx, _) = renewed();
    let pki = root.path().join("etc/kubernetes/pki");
    let pair = cx.pki().unwrap().pair(catalog::cert("etcd-server").unwrap()).unwrap().unwrap();
    // Killed after the key had taken its place: another pair's certificate is still there.
    std::fs::copy(pki.join("etcd/peer.crt"), pki.join("etcd/server.crt")).unwrap();
    std::fs::write(pki.join("etcd/server.renewing"), serde_json::to_vec(&pair).unwrap()).unwrap();
    RestartComponents
        .run(&mut renewing(&root, Some("apiserver")), &Target { path: "restart".into(), item: None })
        .unwrap();
    assert_eq!(std::fs::read(pki.join("etcd/server.crt")).unwrap(), pair.cert.0);
    assert!(!pki.join("etcd/server.renewing").exists());
}

#[test]
fn a_run_that_was_killed_before_the_restart_is_finished_by_the_next() {
    let (root, host, _, _) = renewed();
    let mut next = renewing(&root, None);
    assert!(api_server(&host).is_due(&mut next).unwrap());
    api_server(&host).take_up(&mut next).unwrap();
    assert!(!api_server(&host).is_due(&mut next).unwrap());
}

#[test]
fn who_asked_for_one_thing_gets_no_restart_for_another() {
    let (root, host, _, _) = renewed();
    assert!(!api_server(&host).is_due(&mut renewing(&root, Some("scheduler.conf"))).unwrap());
}

/// `put_back` of a kubeconfig wrote it anew, for root alone.
#[test]
fn a_scheduler_that_fails_on_its_new_kubeconfig_gets_the_old_one_back_byte_for_byte() {
    let root = host();
    let path = root.path().join(SCHEDULER);
    let text = [std::fs::read(&path).unwrap(), b"# a note\n".to_vec()].concat();
    std::fs::write(&path, &text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o440)).unwrap();
    // Only root may give files away.
    let given = chown(&path, Some(2000), Some(2001)).is_ok();
    let host = Imagined::new(root.path());
    let mut cx = renewing(&root, Some("scheduler.conf"));
    let done = renewal::kubeconfig(&mut cx, catalog::kubeconfig("scheduler").unwrap()).unwrap();
    cx.note_renewed(done).unwrap();
    assert_ne!(std::fs::read(&path).unwrap(), text);
    host.dislike(SCHEDULER);
    let failure = component(&host, "kube-scheduler").take_up(&mut cx).unwrap_err();
    assert!(failure.to_string().contains("the old files are back in place and in use"), "{failure}");
    assert_eq!(std::fs::read(&path).unwrap(), text);
    let there = std::fs::metadata(&path).unwrap();
    assert_eq!(there.mode() & 0o7777, 0o440);
    assert!(!given || (there.uid(), there.gid()) == (2000, 2001));
}

#[test]
fn an_etcd_that_fails_on_its_new_certificate_gets_the_old_pair_back_and_nobody_else_is_restarted() {
    let (root, host, mut cx) = with_renewed(&["etcd-server", "apiserver"]);
    let old = host.components.borrow()["etcd"].read.clone();
    host.dislike(ETCD);
    let failure = take_up(&host, &mut cx).unwrap_err();
    assert!(failure.to_string().starts_with("etcd did not load"), "{failure}");
    assert!(failure.to_string().contains("the old files are back in place and in use"), "{failure}");
    assert_eq!(host.file(ETCD), old);
    assert!(cx.pki().unwrap().belong_together(catalog::cert("etcd-server").unwrap()));
    assert!(host.runs("etcd"));
    assert!(host.log.take().iter().all(|line| line.starts_with("end etcd")));
    assert!(!root.path().join("etc/kubernetes/pki/etcd/server.renewing").exists());
}

/// etcd was said to have loaded its new certificate by itself while it was down.
#[test]
fn without_a_port_that_could_show_it_a_component_is_restarted() {
    for ports_are_known in [true, false] {
        let (root, host, mut cx) = with_renewed(&["etcd-server"]);
        let ca = std::fs::File::options().write(true).open(root.path().join("etc/kubernetes/pki/etcd/ca.crt")).unwrap();
        ca.set_modified(std::time::UNIX_EPOCH).unwrap();
        {
            // It serves the new certificate already, if anyone could ask it.
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
        etcd.take_up(&mut cx).unwrap();
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
    cx.gate = crate::base::gate::Gate::recording();
    component(&host, "etcd").take_up(&mut cx).unwrap();
    assert_eq!(host.log.take(), [""; 0]);
}

/// The API server came up with certificates that no client accepts, and kept them.
#[test]
fn an_api_server_that_lets_no_administrator_in_gets_everything_of_this_run_back() {
    let files = [API, "etc/kubernetes/pki/apiserver.key", ADMIN, SCHEDULER, ETCD];
    for barred in [API, ADMIN] {
        let (_root, host, mut cx) = with_renewed(&[]);
        let before = files.map(|file| host.file(file));
        for name in ["etcd-server", "apiserver"] {
            let done = renewal::cert(&mut cx, catalog::cert(name).unwrap()).unwrap();
            cx.note_renewed(done).unwrap();
        }
        for name in ["admin", "scheduler"] {
            let done = renewal::kubeconfig(&mut cx, catalog::kubeconfig(name).unwrap()).unwrap();
            cx.note_renewed(done).unwrap();
        }
        host.bars.borrow_mut().push(host.file(barred));
        let failure = take_up(&host, &mut cx).unwrap_err();
        assert_eq!(failure.exit_code(), ExitCode::Unhealthy);
        assert!(failure.to_string().contains("does not accept admin.conf"), "{failure}");
        assert!(failure.to_string().contains("the old files are back in place and in use"), "{failure}");
        assert_eq!(files.map(|file| host.file(file)), before, "{barred}");
        // Each of them runs with what is on the disk.
        for (name, component) in host.components.borrow().iter() {
            assert!(component.read == host.file(component.file), "{name}");
        }
    }
}

#[test]
fn where_the_administrator_could_not_enter_before_either_the_error_says_so() {
    let (_root, host, mut cx) = with_renewed(&["apiserver"]);
    host.bars.borrow_mut().push(host.file(ADMIN));
    let said = take_up(&host, &mut cx).unwrap_err().to_string();
    assert!(said.contains("the old files are back in place, but"), "{said}");
}

#[test]
fn nobody_is_restarted_into_a_key_that_does_not_fit_its_certificate() {
    let (root, host, mut cx) = with_renewed(&["apiserver"]);
    let pki = root.path().join("etc/kubernetes/pki");
    std::fs::copy(pki.join("front-proxy-client.key"), pki.join("apiserver.key")).unwrap();
    let failure = take_up(&host, &mut cx).unwrap_err();
    assert!(failure.to_string().contains("apiserver.crt"), "{failure}");
    assert!(!host.log.take().iter().any(|line| line.contains("kube-apiserver")));
}

/// A rotation noted nothing that could be put back.
#[test]
fn a_component_that_fails_on_a_changed_ca_file_gets_the_old_one_back() {
    let (root, host, mut cx) = with_renewed(&[]);
    let ca = root.path().join("etc/kubernetes/pki/ca.crt");
    let old = std::fs::read(&ca).unwrap();
    renewal::back_up(&mut cx, Path::new("/etc/kubernetes/pki/ca.crt")).unwrap();
    std::fs::write(&ca, [old.clone(), old.clone()].concat()).unwrap();
    host.dislike(API);
    host.components.borrow_mut().get_mut("kube-apiserver").unwrap().file = "etc/kubernetes/pki/ca.crt";
    host.dislike("etc/kubernetes/pki/ca.crt");
    let mut api = api_server(&host);
    api.ports.clear();
    let failure = api.take_up(&mut cx).unwrap_err();
    assert!(failure.to_string().contains("the old files are back in place and in use"), "{failure}");
    assert_eq!(std::fs::read(&ca).unwrap(), old);
}

/// `certs import` of kubelet.conf overwrote the file with certificate and key, and never went back.
#[test]
fn a_kubelet_that_is_not_well_with_what_was_imported_gets_the_old_files_back() {
    let root = host();
    point_at_rotated(&root);
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
        false => Err(Unfit::Down("failed".into()).into()),
    };
    let failure = kubelet_service::restart_or_go_back(&mut cx, &[], &restart).unwrap_err();
    assert!(failure.to_string().contains("the old files are back in place and in use"), "{failure}");
    assert!(is_old());
    assert_eq!(std::fs::read_to_string(&pem).unwrap(), "old certificate and key");
    assert_eq!(std::fs::metadata(&pem).unwrap().mode() & 0o7777, 0o640);
}
