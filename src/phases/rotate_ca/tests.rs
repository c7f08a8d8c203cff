//! A CA rotation from its beginning to its end, on hosts that are directories. Steps that need running components are
//! left out: the controller manager's signer and the restarts.

use crate::base::fault::Result;
use crate::base::files::faults::injected::stop_after;
use crate::base::gate::Gate;
use crate::context::rotation::{Rotation, Stage};
use crate::context::{Rotating, Run};
use crate::phases::rotate_ca::announce::{Announce, RecordStage};
use crate::phases::rotate_ca::cas::Cas;
use crate::phases::rotate_ca::certificates::Certificates;
use crate::phases::rotate_ca::check::Check;
use crate::phases::rotate_ca::distribute::Distribute;
use crate::phases::rotate_ca::fixture::{INFO, TestHost, ca, phase};
use crate::phases::rotate_ca::kubelet::Kubelet;
use crate::phases::rotate_ca::signing::SigningAgain;
use crate::phases::rotate_ca::tokens::Tokens;
use crate::pipeline::Phase;
use crate::pki::catalog;
use crate::pki::cert::Cert;
use crate::state::rotation;
use crate::state::rotation::host::status;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

mod handover;

const SECRET_PATH: &str = "/api/v1/namespaces/kube-system/secrets/kubewright-next-ca";
const ADMIN: &str = "etc/kubernetes/admin.conf";
const MANIFEST: &str = "etc/kubernetes/manifests/kube-controller-manager.yaml";

fn stage_with(host: &TestHost, stage: Stage, ask: impl FnOnce(&mut Rotation)) -> Result<Run<Rotating>> {
    let mut cx = host.run(stage);
    ask(&mut cx.work.purpose);
    through(cx)
}

fn through(mut cx: Run<Rotating>) -> Result<Run<Rotating>> {
    let phases: [&dyn Phase<Rotating>; 8] =
        [&Check, &Tokens, &Distribute, &Cas, &Certificates, &Kubelet, &Announce, &RecordStage];
    phases.into_iter().try_for_each(|one| phase(one, &mut cx))?;
    Ok(cx)
}

fn stage(host: &TestHost, stage: Stage) -> Result<Run<Rotating>> {
    stage_with(host, stage, |rotation| rotation.now = true)
}

fn certs(host: &TestHost, path: &str) -> Vec<Cert> {
    Cert::bundle_from_pem(host.read(path).as_bytes()).unwrap()
}

fn put(host: &TestHost, path: &str, text: &str) {
    let path = host.root.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn remove(host: &TestHost, path: &str) {
    std::fs::remove_file(host.root.path().join(path)).unwrap();
}

#[test]
fn a_complete_rotation_leaves_only_the_new_cas() {
    let host = TestHost::control_plane();
    let cas = ["ca", "front-proxy-ca", "etcd/ca"].map(|name| format!("etc/kubernetes/pki/{name}.crt"));
    let old = cas.clone().map(|path| certs(&host, &path).remove(0));
    stage(&host, Stage::Trust).unwrap();
    for (path, old) in cas.iter().zip(&old) {
        let there = certs(&host, path);
        assert!(there.len() == 2 && there.first() == Some(old), "{path}");
    }
    assert_eq!(host.read("etc/kubernetes/pki/sa.pub").matches("BEGIN").count(), 2);
    stage(&host, Stage::Reissue).unwrap();
    let shown = certs(&host, "etc/kubernetes/pki/apiserver.crt");
    let new = certs(&host, "etc/kubernetes/pki/ca.crt").remove(0);
    assert!(shown[0].is_signed_by(&new) && shown[1].is_signed_by(&old[0]) && shown[1].public_der == new.public_der);
    stage(&host, Stage::Drop).unwrap();
    for (path, old) in cas.iter().zip(&old) {
        let there = certs(&host, path);
        assert!(there.len() == 1 && there.first() != Some(old), "{path}");
    }
    assert_eq!(host.read("etc/kubernetes/pki/sa.pub").matches("BEGIN").count(), 1);
    assert!(host.object(SECRET_PATH).is_null());
    assert_eq!(rotation::annotation(&host.object(INFO), rotation::ANNOTATION), "");
    for spec in catalog::CERTS.iter().filter(|spec| spec.is_ca()) {
        assert!(host.store().load_ca(spec).unwrap().unwrap().key.is_some());
    }
}

/// They remained, empty.
#[test]
fn the_directories_of_a_rotation_are_removed_in_its_last_stage() {
    let host = TestHost::control_plane();
    for one in Stage::ALL {
        let cx = stage(&host, one).unwrap();
        crate::ops::signer_copy::keep(&cx, "kube-controller-manager").unwrap();
        let mut cx = host.run(one);
        let prints = [("ca".to_owned(), "0123456789abcdef".repeat(4))].into();
        cx.work.purpose.plan = Some(crate::context::rotation::Plan { id: "r1".into(), begun: 7, prints });
        assert!(host.root.path().join("etc/kubernetes/pki/next").exists());
        phase(&SigningAgain, &mut cx).unwrap();
    }
    for directory in crate::pki::rotation::DIRECTORIES {
        assert!(!host.root.path().join("etc/kubernetes/pki").join(directory).exists(), "{directory}");
    }
}

#[test]
fn a_completed_stage_changes_no_file_when_repeated() {
    let host = TestHost::control_plane();
    for one in [Stage::Trust, Stage::Reissue] {
        stage(&host, one).unwrap();
        assert_eq!(stage(&host, one).unwrap().host.gate.count(), 0, "{}", one.name());
    }
}

#[test]
fn a_plan_of_a_stage_lists_changes_and_makes_none() {
    let host = TestHost::control_plane();
    for one in Stage::ALL {
        let files = [ADMIN, "etc/kubernetes/kubelet.conf", "etc/kubernetes/pki/ca.crt", "etc/kubernetes/pki/sa.pub"];
        let before = files.map(|file| host.read(file));
        host.api.take_log();
        let mut cx = host.run_through(one, Gate::recording());
        cx.work.purpose.now = true;
        let cx = through(cx).unwrap();
        assert!(cx.host.gate.count() > 4, "{}", one.name());
        assert!(host.api.take_log().iter().all(|line| line.starts_with("GET ")), "{}", one.name());
        assert_eq!(files.map(|file| host.read(file)), before, "{}", one.name());
        stage(&host, one).unwrap();
    }
}

/// A Pod with only the old CA did not trust the API server of a control plane that joined after the first `reissue`.
#[test]
fn a_control_plane_that_joins_after_the_first_reissue_gets_the_cross_signed_ca() {
    let host = TestHost::control_plane();
    let old = certs(&host, "etc/kubernetes/pki/ca.crt").remove(0);
    stage(&host, Stage::Trust).unwrap();
    stage(&host, Stage::Reissue).unwrap();
    let second = host.joined("cp2");
    assert_eq!(certs(&second, "etc/kubernetes/pki/apiserver.crt").len(), 1);
    stage(&second, Stage::Trust).unwrap();
    let shown = certs(&second, "etc/kubernetes/pki/apiserver.crt");
    assert!(shown.len() == 2 && shown[1].is_signed_by(&old));
    assert!(!second.root.path().join("etc/kubernetes/pki/next").exists());
    stage(&second, Stage::Reissue).unwrap();
    stage(&second, Stage::Drop).unwrap();
    stage(&host, Stage::Drop).unwrap();
}

/// Two PEM markers on one line are invalid.
#[test]
fn a_public_key_file_without_a_final_newline_is_extended_correctly() {
    let host = TestHost::control_plane();
    let text = host.read("etc/kubernetes/pki/sa.pub");
    put(&host, "etc/kubernetes/pki/sa.pub", text.trim_end());
    stage(&host, Stage::Trust).unwrap();
    let both = host.read("etc/kubernetes/pki/sa.pub");
    assert_eq!(both.lines().filter(|line| line.starts_with("-----BEGIN")).count(), 2, "{both}");
    assert!(both.starts_with(&text));
}

/// A certificate that was restored after `reissue` became invalid at `drop`.
#[test]
fn drop_checks_the_signatures_and_not_only_the_recorded_progress() {
    let host = TestHost::control_plane();
    let files =
        ["pki/apiserver.crt", "pki/apiserver.key", "admin.conf", "kubelet.conf"].map(|f| format!("etc/kubernetes/{f}"));
    let old = files.clone().map(|file| host.read(&file));
    stage(&host, Stage::Trust).unwrap();
    stage(&host, Stage::Reissue).unwrap();
    for (file, text) in files.iter().zip(&old) {
        put(&host, file, text);
    }
    let refusal = stage(&host, Stage::Drop).err().unwrap().to_string();
    for name in ["apiserver.crt", "admin.conf", "kubelet.conf"] {
        assert!(refusal.contains(name), "{refusal}");
    }
    assert_eq!(certs(&host, "etc/kubernetes/pki/ca.crt").len(), 2);
    stage(&host, Stage::Reissue).unwrap();
    stage(&host, Stage::Drop).unwrap();
}

#[test]
fn a_worker_drops_nothing_that_its_own_certificate_needs() {
    let host = TestHost::control_plane();
    let worker = host.worker("w1");
    host.api.with(|state| state.forbidden.clear());
    let plan = {
        stage(&host, Stage::Trust).unwrap();
        stage(&worker, Stage::Trust).unwrap();
        stage(&host, Stage::Reissue).unwrap();
        status(&mut host.run(Stage::Drop)).unwrap().plan.unwrap()
    };
    host.noted("w1", &plan, Stage::Reissue, 8);
    host.api.with(|state| state.forbidden = vec!["/api/v1/nodes".into()]);
    let refusal = stage(&worker, Stage::Drop).err().unwrap().to_string();
    assert!(refusal.contains("kubelet.conf"), "{refusal}");
}

/// The CA file then contained one certificate, and the key of another.
#[test]
fn a_ca_that_does_not_sign_yet_never_replaces_the_old_one() {
    let host = TestHost::control_plane();
    stage(&host, Stage::Trust).unwrap();
    let mut cx = host.run(Stage::Drop);
    cx.work.purpose.plan = status(&mut cx).unwrap().plan;
    assert!(phase(&Cas, &mut cx).unwrap_err().to_string().contains("ca.key"));
    assert_eq!(certs(&host, "etc/kubernetes/pki/ca.crt").len(), 2);
}

/// A rotation of some CAs could not continue after its first stage, because of another one.
#[test]
fn an_external_ca_that_is_not_rotated_does_not_block_the_rotation() {
    let host = TestHost::control_plane();
    remove(&host, "etc/kubernetes/pki/front-proxy-ca.key");
    assert!(stage(&host, Stage::Trust).err().unwrap().to_string().contains("front-proxy-ca.key"));
    stage_with(&host, Stage::Trust, |rotation| rotation.chosen = vec!["ca".into()]).unwrap();
    stage(&host, Stage::Reissue).unwrap();
    stage(&host, Stage::Drop).unwrap();
    assert_eq!(certs(&host, "etc/kubernetes/pki/front-proxy-ca.crt").len(), 1);
}

/// `drop` set the flags to the CA's files, regardless of their former values.
#[test]
fn a_signer_of_the_user_is_refused_before_any_change() {
    let host = TestHost::control_plane();
    let manifest =
        |file: &str| format!("spec: {{containers: [{{command: [k, --cluster-signing-cert-file={file}]}}]}}\n");
    put(&host, MANIFEST, &manifest("/etc/own/ca.crt"));
    assert!(stage(&host, Stage::Trust).err().unwrap().to_string().contains("/etc/own/ca.crt"));
    assert!(host.object(SECRET_PATH).is_null());
    stage_with(&host, Stage::Trust, |rotation| rotation.chosen = vec!["etcd-ca".into()]).unwrap();
    put(&host, "etc/kubernetes/pki/signing/0a.crt", "x");
    let mut cx = host.run(Stage::Drop);
    cx.work.purpose.plan = Some(host.begun(&["ca"]));
    phase(&SigningAgain, &mut cx).unwrap();
    assert_eq!(host.read(MANIFEST), manifest("/etc/own/ca.crt"));
    for file in ["ca.crt", "signing/0a.crt"] {
        let host = TestHost::control_plane();
        put(&host, MANIFEST, &manifest(&format!("/etc/kubernetes/pki/{file}")));
        stage(&host, Stage::Trust).unwrap();
    }
}

/// At the end of a rotation its Secret is removed first; `trust` then created new CAs without a message.
#[test]
fn trust_does_not_begin_another_rotation_while_one_is_known() {
    let host = TestHost::control_plane();
    let second = host.joined("cp2");
    stage(&host, Stage::Trust).unwrap();
    let plan = rotation::annotation(&host.object(INFO), rotation::ANNOTATION).to_owned();
    host.api.with(|state| state.objects.remove(SECRET_PATH));
    assert!(stage(&second, Stage::Trust).err().unwrap().to_string().contains("kubewright-next-ca"));
    stage(&host, Stage::Trust).unwrap();
    assert!(host.object(SECRET_PATH).is_null());
    assert_eq!(rotation::annotation(&host.object(INFO), rotation::ANNOTATION), plan);
}

#[test]
fn every_control_plane_gets_the_same_new_cas() {
    let host = TestHost::control_plane();
    let second = host.joined("cp2");
    stage(&host, Stage::Trust).unwrap();
    handover::trust_with(&second, &handover::carried(&host)).unwrap();
    for file in ["pki/ca.crt", "pki/etcd/ca.crt", "pki/sa.pub", "pki/next/ca.key"] {
        let path = Path::new("etc/kubernetes").join(file);
        assert_eq!(host.read(path.to_str().unwrap()), second.read(path.to_str().unwrap()), "{file}");
    }
    assert!(host.store().load_ca(ca()).unwrap().is_some());
}

/// The components of a control plane that do not run as root kept crashing after `trust` and `reissue`.
#[test]
fn files_stay_readable_for_components_that_do_not_run_as_root() {
    let host = TestHost::control_plane();
    let files = [
        ("pki/ca.key", 0o600),
        ("pki/ca.crt", 0o640),
        ("pki/front-proxy-ca.key", 0o640),
        ("pki/front-proxy-ca.crt", 0o600),
        ("pki/sa.key", 0o640),
        ("pki/sa.pub", 0o644),
        ("pki/apiserver.key", 0o640),
        ("controller-manager.conf", 0o640),
        ("kubelet.conf", 0o640),
        ("admin.conf", 0o600),
    ];
    // Only root may change the owner of files.
    let mut given = true;
    for (file, mode) in files {
        let path = host.root.path().join("etc/kubernetes").join(file);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        given &= chown(&path, Some(2000), Some(2001)).is_ok();
    }
    for one in Stage::ALL {
        stage(&host, one).unwrap();
        for (file, mode) in files {
            let there = std::fs::metadata(host.root.path().join("etc/kubernetes").join(file)).unwrap();
            assert_eq!(there.mode() & 0o7777, mode, "{file} after {}", one.name());
            assert!(!given || (there.uid(), there.gid()) == (2000, 2001), "{file} after {}", one.name());
        }
    }
}

#[test]
fn files_that_are_restored_stay_readable_for_components_that_do_not_run_as_root() {
    let host = TestHost::control_plane();
    stage(&host, Stage::Trust).unwrap();
    let files = [
        ("pki/ca.key", 0o640),
        ("pki/ca.crt", 0o640),
        ("pki/sa.key", 0o640),
        ("pki/sa.pub", 0o644),
        ("admin.conf", 0o640),
    ];
    let real = |file: &str| host.root.path().join("etc/kubernetes").join(file);
    let mut given = true;
    for (file, mode) in files {
        std::fs::set_permissions(real(file), std::fs::Permissions::from_mode(mode)).unwrap();
        given &= chown(real(file), Some(2000), Some(2001)).is_ok();
    }
    let before = files.map(|(file, _)| std::fs::read(real(file)).unwrap());
    let mut cx = stage(&host, Stage::Reissue).unwrap();
    let paths = files.map(|(file, _)| Path::new("/etc/kubernetes").join(file));
    for (file, old) in files.iter().zip(&before).filter(|((file, _), _)| *file != "pki/sa.pub") {
        assert_ne!(&std::fs::read(real(file.0)).unwrap(), old, "{}", file.0);
    }
    crate::ops::rollback::restore(&mut cx, &paths).unwrap();
    for ((file, mode), old) in files.iter().zip(&before) {
        let there = std::fs::metadata(real(file)).unwrap();
        assert_eq!(&std::fs::read(real(file)).unwrap(), old, "{file}");
        assert_eq!(there.mode() & 0o7777, *mode, "{file}");
        assert!(!given || (there.uid(), there.gid()) == (2000, 2001), "{file}");
    }
}

/// Files next to a key that does not match them, and staged replacements.
fn unfinished(host: &TestHost) -> Vec<String> {
    let store = host.store();
    let is_mixed = |spec: &&catalog::CertSpec| !store.belong_together(spec);
    let is_staged = |spec: &&catalog::CertSpec| {
        store
            .cert_path(spec)
            .with_extension("renewing")
            .to_str()
            .is_some_and(|path| host.root.path().join(path.trim_start_matches('/')).exists())
    };
    let mixed = catalog::CERTS.iter().filter(is_mixed).map(|spec| format!("{} mixed", spec.name));
    mixed.chain(catalog::CERTS.iter().filter(is_staged).map(|spec| format!("{} staged", spec.name))).collect()
}

#[test]
fn a_stage_that_is_killed_at_any_file_is_completed_by_the_same_command() {
    let chosen = vec!["front-proxy-ca".to_owned(), "sa".to_owned()];
    let mut before = TestHost::control_plane();
    stage_with(&before, Stage::Trust, |rotation| rotation.chosen.clone_from(&chosen)).unwrap();
    for one in [Stage::Reissue, Stage::Drop] {
        for steps in 0.. {
            let host = before.copy();
            let killed = {
                let _armed = stop_after(steps);
                stage(&host, one).is_err()
            };
            // A partial replacement has a staged file that completes it.
            let left = unfinished(&host);
            for mixed in left.iter().filter_map(|line| line.strip_suffix(" mixed")) {
                assert!(left.contains(&format!("{mixed} staged")), "{} after {steps}: {left:?}", one.name());
            }
            // Killed after the last step, the rotation is complete, and the same command reports that.
            if let Err(failure) = stage(&host, one) {
                assert!(one == Stage::Drop && failure.to_string().starts_with("no CA rotation"), "{failure}");
            }
            assert!(unfinished(&host).is_empty(), "{} after {steps}: {:?}", one.name(), unfinished(&host));
            if !killed {
                // A drop rewrites the bundles of two CAs; a reissue replaces every leaf certificate.
                let fewest = if one == Stage::Reissue { 10 } else { 6 };
                assert!(steps >= fewest, "{} has {steps} steps", one.name());
                before = host;
                break;
            }
        }
    }
}
