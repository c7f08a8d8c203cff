//! How the new keys reach the other control planes, and who cannot get them.

use super::*;
use crate::base::exit_code::ExitCode;
use crate::base::secret::Secret;
use crate::context::rotation::Plan;
use crate::phases::prune_backups::PruneBackups;
use crate::phases::rotate_ca::new_key::new_key;
use crate::pki::rotation::{ca_print, short_print};
use crate::state::rotation::handover::{PRINTED_ON, current_key};
use serde_json::json;
use std::collections::BTreeMap;

const KEY_FILE: &str = "etc/kubernetes/pki/next/handover.key";

/// The certificate key that the operator carries from this host.
pub(super) fn carried(host: &TestHost) -> String {
    host.read(KEY_FILE).trim().to_owned()
}

/// The first stage with a certificate key.
pub(super) fn trust_with(host: &TestHost, key: &str) -> Result<Run<Rotating>> {
    stage_with(host, Stage::Trust, |rotation| rotation.certificate_key = Some(Secret::new(key.to_owned())))
}

/// Every file of a host.
fn files(host: &TestHost) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut directories = vec![host.root.path().to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                found.insert(path.display().to_string(), text);
            }
        }
    }
    found
}

/// A rotation as an earlier version left it after its first stage.
fn of_earlier_version(host: &TestHost) -> Plan {
    let mut plan = status(&mut host.run(Stage::Trust)).unwrap().plan.unwrap();
    plan.prints.values_mut().for_each(|print| print.truncate(12));
    let text = serde_json::to_string(&plan).unwrap();
    host.annotate(INFO, rotation::ANNOTATION, &text);
    let mut secret = host.object(SECRET_PATH);
    secret["metadata"]["annotations"] = json!({rotation::ANNOTATION: text});
    host.api.put(SECRET_PATH, secret);
    plan
}

/// The new keys were encrypted with a key derived from the old ca.key, which a thief has.
#[test]
fn the_old_ca_key_does_not_decrypt_the_new_keys() {
    let host = TestHost::control_plane();
    let second = host.joined("cp2");
    stage(&host, Stage::Trust).unwrap();
    assert_eq!(host.read("etc/kubernetes/pki/ca.key"), second.read("etc/kubernetes/pki/ca.key"));
    let before = (files(&second), host.object(SECRET_PATH), host.object(INFO));
    let wrong = "0f".repeat(32);
    let refusals = [
        (stage(&second, Stage::Trust), ExitCode::Input, "no certificate key"),
        (trust_with(&second, &wrong), ExitCode::Untrusted, "not the certificate key"),
        (trust_with(&second, "half a key"), ExitCode::Untrusted, "not the certificate key"),
    ];
    for (refusal, code, part) in refusals {
        let refusal = refusal.err().unwrap();
        let said = refusal.to_string();
        assert!(said.contains(part) && said.contains("printed on cp1") && !said.contains(&wrong), "{said}");
        assert!(refusal.hint().unwrap().contains("rotate-ca new-key"));
        assert_eq!(refusal.exit_code(), code);
    }
    assert!(before == (files(&second), host.object(SECRET_PATH), host.object(INFO)), "a refused run changed something");
    trust_with(&second, &carried(&host)).unwrap();
}

#[test]
fn the_certificate_key_is_on_the_host_that_made_it_only_and_readable_by_root_only() {
    let host = TestHost::control_plane();
    let second = host.joined("cp2");
    stage(&host, Stage::Trust).unwrap();
    let mode = std::fs::metadata(host.root.path().join(KEY_FILE)).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let key = carried(&host);
    trust_with(&second, &key).unwrap();
    assert!(files(&second).values().all(|text| !text.contains(&key)));
    let objects = host.api.with(|state| serde_json::to_string(&state.objects).unwrap());
    assert!(!objects.contains(&key));
    let mut cx = host.run(Stage::Trust);
    cx.work.purpose.plan = status(&mut cx).unwrap().plan;
    assert_eq!(current_key(&mut cx).unwrap().unwrap().expose(), &key);
}

#[test]
fn a_first_stage_that_is_killed_anywhere_is_completed_by_the_same_command_without_a_key() {
    let fresh = TestHost::control_plane();
    let trust = |host: &TestHost| {
        stage_with(host, Stage::Trust, |rotation| rotation.chosen = vec!["front-proxy-ca".into(), "sa".into()])
    };
    for steps in 0.. {
        let host = fresh.copy();
        let killed = {
            let _armed = stop_after(steps);
            trust(&host).is_err()
        };
        trust(&host).unwrap();
        assert_eq!(host.read("etc/kubernetes/pki/sa.pub").matches("BEGIN").count(), 2);
        if !killed {
            assert!(steps >= 6, "{steps}");
            break;
        }
    }
    for writes in 0.. {
        let host = fresh.copy();
        host.api.with(|state| state.writes_left = Some(writes));
        let killed = trust(&host).is_err();
        host.api.with(|state| state.writes_left = None);
        trust(&host).unwrap();
        let (second, key) = (host.joined("cp2"), carried(&host));
        trust_with(&second, &key).unwrap();
        if !killed {
            assert!(writes >= 3, "{writes}");
            break;
        }
    }
}

#[test]
fn another_control_plane_that_is_killed_anywhere_completes_the_stage_with_the_same_command() {
    let host = TestHost::control_plane();
    let fresh = host.joined("cp2");
    stage_with(&host, Stage::Trust, |rotation| rotation.chosen = vec!["front-proxy-ca".into(), "sa".into()]).unwrap();
    for steps in 0.. {
        let second = fresh.copy();
        let killed = {
            let _armed = stop_after(steps);
            trust_with(&second, &carried(&host)).is_err()
        };
        trust_with(&second, &carried(&host)).unwrap();
        assert_eq!(second.read("etc/kubernetes/pki/sa.pub"), host.read("etc/kubernetes/pki/sa.pub"));
        if !killed {
            assert!(steps >= 5, "{steps}");
            break;
        }
    }
}

#[test]
fn a_new_certificate_key_replaces_the_one_that_was_printed() {
    let host = TestHost::control_plane();
    let (second, third) = (host.joined("cp2"), host.joined("cp3"));
    stage(&host, Stage::Trust).unwrap();
    let first = carried(&host);
    trust_with(&second, &first).unwrap();
    assert!(new_key(&mut third.run(Stage::Trust)).err().unwrap().to_string().contains("not on this host"));
    let key = new_key(&mut second.run(Stage::Trust)).unwrap();
    let refusal = trust_with(&third, &first).err().unwrap().to_string();
    assert!(refusal.contains("printed on cp2"), "{refusal}");
    let mut cx = host.run(Stage::Trust);
    cx.work.purpose.plan = status(&mut cx).unwrap().plan;
    assert!(current_key(&mut cx).unwrap().is_none(), "a void key would be printed");
    trust_with(&third, key.expose()).unwrap();
    assert_eq!(third.read("etc/kubernetes/pki/ca.crt"), host.read("etc/kubernetes/pki/ca.crt"));
    stage(&host, Stage::Reissue).unwrap();
    new_key(&mut host.run(Stage::Trust)).unwrap();
    let fourth = host.joined("cp4");
    trust_with(&fourth, "").unwrap();
    assert_eq!(fourth.read("etc/kubernetes/pki/ca-bridge.crt"), host.read("etc/kubernetes/pki/ca-bridge.crt"));
}

#[test]
fn a_plan_of_a_new_certificate_key_changes_nothing() {
    let host = TestHost::control_plane();
    stage(&host, Stage::Trust).unwrap();
    let before = (files(&host), host.object(SECRET_PATH));
    let cx = &mut host.run_through(Stage::Trust, Gate::recording());
    let key = new_key(cx).unwrap();
    let shown = serde_json::to_string(&cx.host.gate.entries()).unwrap();
    assert!(shown.contains("kubewright-next-ca") && !shown.contains(key.expose()));
    assert!(before == (files(&host), host.object(SECRET_PATH)));
}

#[test]
fn a_rotation_that_an_earlier_version_began_is_named_and_continued_with_a_new_key() {
    let host = TestHost::control_plane();
    let (second, worker) = (host.joined("cp2"), host.worker("w1"));
    host.api.with(|state| state.forbidden.clear());
    stage(&host, Stage::Trust).unwrap();
    of_earlier_version(&host);
    for one in [&second, &worker, &host] {
        let refusal = stage(one, Stage::Trust).err().unwrap();
        assert!(refusal.to_string().contains("an earlier version"), "{refusal}");
        assert!(refusal.hint().unwrap().contains("rotate-ca new-key"));
    }
    let key = new_key(&mut host.run(Stage::Trust)).unwrap();
    trust_with(&second, key.expose()).unwrap();
    assert_eq!(second.read("etc/kubernetes/pki/ca.crt"), host.read("etc/kubernetes/pki/ca.crt"));
    let plan = status(&mut host.run(Stage::Trust)).unwrap().plan.unwrap();
    assert!(!plan.is_of_earlier_version());
    stage(&worker, Stage::Trust).unwrap();
}

/// A Secret of an earlier version whose record was completed by hand is not taken for a damaged one.
#[test]
fn a_secret_of_an_earlier_version_is_named() {
    let host = TestHost::control_plane();
    let second = host.joined("cp2");
    stage(&host, Stage::Trust).unwrap();
    let mut secret = host.object(SECRET_PATH);
    secret["metadata"]["annotations"].as_object_mut().unwrap().remove(PRINTED_ON);
    host.api.put(SECRET_PATH, secret);
    let refusal = trust_with(&second, &carried(&host)).err().unwrap().to_string();
    assert!(refusal.contains("an earlier version"), "{refusal}");
    stage(&host, Stage::Trust).unwrap();
}

/// Twelve digits of a digest were taken as proof that a CA is the new one.
#[test]
fn a_ca_whose_digest_only_begins_like_that_of_the_new_one_is_another() {
    let host = TestHost::control_plane();
    let there = certs(&host, "etc/kubernetes/pki/ca.crt").remove(0);
    let other = format!("{}{}", short_print(&there), "0".repeat(52));
    let plan = host.begins([("ca", other)]);
    host.noted("cp1", &plan, Stage::Reissue, 8);
    assert!(stage(&host, Stage::Drop).err().unwrap().to_string().contains("ca.crt"));
    let host = TestHost::control_plane();
    let there = certs(&host, "etc/kubernetes/pki/ca.crt").remove(0);
    let plan = host.begins([("ca", ca_print(&there))]);
    host.noted("cp1", &plan, Stage::Reissue, 8);
    phase(&Check, &mut host.run(Stage::Drop)).unwrap();
}

/// An old backup and the Secret of that time gave the current CA.
#[test]
fn nothing_on_a_host_contains_an_old_key_or_the_certificate_key_after_the_last_stage() {
    let host = TestHost::control_plane();
    let names = ["pki/ca.key", "pki/sa.key", "pki/etcd/ca.key", "pki/front-proxy-ca.key"];
    let mut secrets = names.map(|name| host.read(&format!("etc/kubernetes/{name}"))).to_vec();
    stage(&host, Stage::Trust).unwrap();
    secrets.push(carried(&host));
    stage(&host, Stage::Reissue).unwrap();
    let in_backup = |path: &String| path.contains("/backup/") && path.ends_with("/ca.key");
    assert!(files(&host).keys().any(in_backup), "'reissue' can still be undone by hand");
    let mut cx = host.run(Stage::Drop);
    cx.work.purpose.now = true;
    let phases: [&dyn Phase<Rotating>; 9] =
        [&Check, &Tokens, &Cas, &Certificates, &SigningAgain, &Kubelet, &PruneBackups, &Announce, &RecordStage];
    phases.into_iter().try_for_each(|one| phase(one, &mut cx)).unwrap();
    for (path, text) in files(&host) {
        assert!(secrets.iter().all(|secret| !text.contains(secret.trim())), "{path}");
    }
}

#[test]
fn reset_knows_the_certificate_key_by_its_name() {
    assert!(crate::pki::rotation::is_kept_file("handover.key"));
    assert!(!crate::pki::rotation::is_kept_file("handover.crt"));
}
