//! Tests of staging files: which complete a replacement, and which must never replace a good key and certificate.

use super::*;
use crate::base::env::{Clock, Random};
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::pki::fixture;
use crate::pki::keys::Generator;
use crate::pki::renew::Names;

const NOW: u64 = 1_795_238_460;
const DAY: u64 = 24 * 3600;
const STAGE: &str = "/pki/apiserver.renewing";

struct Host {
    root: tempfile::TempDir,
    cluster: ClusterConfig,
    node: NodeConfig,
}

impl Host {
    fn new() -> Self {
        Self::of(fixture::cluster(36))
    }

    fn of(cluster: ClusterConfig) -> Self {
        let host = Self { root: tempfile::tempdir().unwrap(), cluster, node: fixture::node() };
        for name in ["ca", "apiserver", "apiserver-kubelet-client"] {
            host.ensure(name, NOW).unwrap();
        }
        host
    }

    fn files(&self) -> HostFiles {
        HostFiles::new(self.root.path(), Gate::open())
    }

    fn store(&self, now: u64) -> PkiStore {
        PkiStore::new(self.files(), "/pki", &Clock::fixed(now), &Random::system()).backing_up_to("/backup/now".into())
    }

    fn ensure(&self, name: &str, now: u64) -> Result<crate::pki::Outcome, PkiError> {
        self.store(now).ensure(spec(name), &self.cluster, &self.node, &Generator)
    }

    /// Renews the API server's certificate; returns the key and certificate from before.
    fn renew(&self, now: u64) -> Pair {
        self.store(now).renew(spec("apiserver"), &self.cluster, &self.node, &Generator, Names::Keep).unwrap();
        self.pair("apiserver")
    }

    fn pair(&self, name: &str) -> Pair {
        self.store(NOW).pair(spec(name)).unwrap().unwrap()
    }

    fn put(&self, pair: &Pair) {
        for (name, bytes) in [("apiserver.key", pair.key.0.expose()), ("apiserver.crt", &pair.cert.0)] {
            std::fs::write(self.root.path().join("pki").join(name), bytes).unwrap();
        }
    }

    fn stage(&self, text: &[u8]) {
        std::fs::write(self.root.path().join(&STAGE[1..]), text).unwrap();
    }

    fn finish(&self, now: u64) -> Staged {
        self.store(now).finish_replacement(spec("apiserver")).unwrap()
    }

    fn kept(&self, path: &str) -> Option<Vec<u8>> {
        self.files().read(&Path::new("/backup/now").join(&path[1..])).unwrap()
    }

    /// Asserts that the staging file is refused with this reason, that the key and certificate stay, and that the
    /// staging file is in the backup.
    #[track_caller]
    fn assert_set_aside(&self, text: &[u8], why: &str) {
        self.stage(text);
        let before = self.pair("apiserver");
        let outcome = self.ensure("apiserver", NOW + DAY).unwrap();
        assert!(outcome.warnings.iter().any(|warning| warning.contains(why)), "{:?}", outcome.warnings);
        assert_eq!(self.pair("apiserver"), before);
        assert!(!self.files().exists(Path::new(STAGE)));
        assert_eq!(self.kept(STAGE).as_deref(), Some(text));
    }
}

fn spec(name: &str) -> &'static CertSpec {
    catalog::cert(name).unwrap()
}

fn json(pair: &Pair) -> Vec<u8> {
    serde_json::to_vec(pair).unwrap()
}

#[test]
fn a_stage_of_another_ca_does_not_replace_a_good_pair() {
    let (host, other) = (Host::new(), Host::new());
    host.assert_set_aside(&json(&other.pair("apiserver")), "is not signed by /pki/ca.crt");
}

#[test]
fn a_stage_that_is_older_than_the_pair_in_place_does_not_replace_it() {
    let host = Host::new();
    let old = host.pair("apiserver");
    host.renew(NOW + DAY);
    host.assert_set_aside(&json(&old), "older than the one in place");
}

#[test]
fn a_stage_of_another_certificate_does_not_replace_a_good_pair() {
    let host = Host::new();
    let other = host.pair("apiserver-kubelet-client");
    host.assert_set_aside(&json(&other), "kube-apiserver-kubelet-client");
    std::fs::remove_file(host.root.path().join("pki/apiserver.crt")).unwrap();
    std::fs::remove_file(host.root.path().join("pki/apiserver.key")).unwrap();
    host.stage(&json(&other));
    assert!(matches!(host.finish(NOW), Staged::SetAside { why: Unusable::Unfit(_), .. }));
}

#[test]
fn a_stage_without_sans_that_are_in_use_does_not_replace_a_good_pair() {
    let host = Host::new();
    let fewer = host.pair("apiserver");
    let cluster = ClusterConfig { api_server_cert_sans: vec!["lb.example.com".into()], ..fixture::cluster(36) };
    host.store(NOW).renew(spec("apiserver"), &cluster, &host.node, &Generator, Names::AddFromConfig).unwrap();
    host.assert_set_aside(&json(&fewer), "lb.example.com");
}

#[test]
fn a_stage_whose_key_matches_another_certificate_is_not_used() {
    let host = Host::new();
    let mixed = Pair { key: host.pair("apiserver-kubelet-client").key, ..host.pair("apiserver") };
    host.assert_set_aside(&json(&mixed), "apiserver.renewing");
}

#[test]
fn a_damaged_stage_is_moved_away_and_does_not_stop_every_later_run() {
    let whole = {
        let host = Host::new();
        json(&host.pair("apiserver"))
    };
    let half = &whole[..whole.len() / 2];
    for text in [b"".as_slice(), b"no stage", half, br#"{"cert":"bm8gUEVN","key":"bm8gUEVN"}"#, &[0xff; 9]] {
        Host::new().assert_set_aside(text, "it is damaged");
    }
}

#[test]
fn an_expired_stage_is_not_used() {
    let host = Host::new();
    let staged = json(&host.pair("apiserver"));
    let later = NOW + 400 * DAY;
    host.renew(later);
    host.stage(&staged);
    assert!(host.finish(later).text().unwrap().contains("expired"));
}

#[test]
fn a_pair_that_a_stage_replaces_is_in_the_backup() {
    let host = Host::new();
    let before = host.pair("apiserver");
    let after = host.renew(NOW + DAY);
    host.put(&before);
    host.stage(&json(&after));
    assert!(matches!(host.finish(NOW + DAY), Staged::Completed { .. }));
    assert_eq!(host.pair("apiserver"), after);
    assert_eq!(host.kept("/pki/apiserver.key").as_deref(), Some(before.key.0.expose().as_slice()));
    assert_eq!(host.kept("/pki/apiserver.crt"), Some(before.cert.0));
}

#[test]
fn a_stage_that_is_already_in_place_is_removed_silently() {
    let host = Host::new();
    let pair = host.pair("apiserver");
    host.stage(&json(&pair));
    assert!(matches!(host.finish(NOW), Staged::None));
    assert!(!host.files().exists(Path::new(STAGE)));
    assert_eq!((host.pair("apiserver"), host.kept(STAGE)), (pair, None));
}

#[test]
fn a_rollback_that_was_killed_between_the_two_files_is_completed() {
    let host = Host::new();
    let old = host.pair("apiserver");
    let new = host.renew(NOW + DAY);
    // The old key is back, the new certificate is still in place.
    host.put(&Pair { key: old.key.clone(), cert: new.cert });
    host.stage(&json(&old));
    assert!(matches!(host.finish(NOW + DAY), Staged::Completed { .. }));
    assert_eq!(host.pair("apiserver"), old);
}

#[test]
fn a_stage_is_kept_while_its_ca_cannot_be_read() {
    let host = Host::new();
    let (pair, path) = (host.pair("apiserver"), host.root.path().join("pki/ca.crt"));
    host.stage(&json(&pair));
    std::fs::write(&path, "damaged").unwrap();
    host.store(NOW).finish_replacement(spec("apiserver")).unwrap_err();
    assert!(host.files().exists(Path::new(STAGE)));
}

#[test]
fn a_staged_ca_that_the_cluster_does_not_trust_is_not_used() {
    let (host, other) = (Host::new(), Host::new());
    let before = host.pair("ca");
    std::fs::write(host.root.path().join("pki/ca.renewing"), json(&other.pair("ca"))).unwrap();
    let staged = host.store(NOW).finish_replacement(spec("ca")).unwrap();
    assert!(matches!(staged, Staged::SetAside { why: Unusable::LosesCa, .. }), "{staged:?}");
    assert_eq!(host.pair("ca"), before);
}

#[test]
fn a_ca_that_a_rotation_staged_takes_over() {
    let host = Host::new();
    let store = host.store(NOW + DAY);
    let old = store.require_ca(spec("ca"), "a test").unwrap();
    let (new, key) = store.new_ca(&old.cert, &host.cluster, &Generator).unwrap();
    let before = host.pair("ca");
    store.hand_over(spec("ca"), &[new.clone(), old.cert.clone()], &key).unwrap();
    let after = host.pair("ca");
    // Killed before any rename, and after the key was renamed.
    for key in [&before.key, &after.key] {
        std::fs::write(host.root.path().join("pki/ca.key"), key.0.expose()).unwrap();
        std::fs::write(host.root.path().join("pki/ca.crt"), &before.cert.0).unwrap();
        std::fs::write(host.root.path().join("pki/ca.renewing"), json(&after)).unwrap();
        let staged = host.store(NOW + DAY).finish_replacement(spec("ca")).unwrap();
        assert!(matches!(staged, Staged::Completed { .. }), "{staged:?}");
        assert_eq!(host.pair("ca"), after);
    }
}
