//! Tests of the checks before a renewal, on a host whose components are fakes.

use super::super::restart::tests::fake_components::{FakeComponents, component};
use super::*;
use crate::host::cri::ContainerState;
use crate::pki::fixture;
use crate::pki::keys::Generator;
use crate::state::renewal_fixture::{CREATED, host, renewing};

/// A host on which all files are loaded.
fn healthy() -> (tempfile::TempDir, FakeComponents) {
    let root = host();
    let fakes = FakeComponents::new(root.path());
    for component in fakes.components.borrow_mut().values_mut() {
        component.containers[0].created = i64::MAX;
    }
    (root, fakes)
}

fn check(host: &FakeComponents, cx: &mut Run<Renewal>) -> Result<()> {
    let components = ["etcd", "kube-apiserver", "kube-scheduler"].map(|name| component(host, name));
    require_healthy(cx, &components, &is_final)
}

fn stop(host: &FakeComponents, name: &str) {
    host.components.borrow_mut().get_mut(name).unwrap().containers[0].state = ContainerState::Exited;
}

/// The files were renewed, and the restart waited 300 seconds for a container that never ran.
#[test]
fn a_component_that_crashes_before_the_renewal_is_reported_and_nothing_is_changed() {
    let (root, host) = healthy();
    check(&host, &mut renewing(&root, None)).unwrap();
    stop(&host, "etcd");
    let failure = check(&host, &mut renewing(&root, None)).unwrap_err();
    assert_eq!(failure.exit_code(), ExitCode::Refused);
    assert_eq!(failure.to_string(), "nothing was changed, because etcd is not healthy: its container has exited");
    assert!(failure.hint().unwrap().contains("crictl logs"));
    host.components.borrow_mut().get_mut("etcd").unwrap().containers.clear();
    let failure = check(&host, &mut renewing(&root, None)).unwrap_err();
    assert!(failure.to_string().contains("it has no container"), "{failure}");
}

/// The whole time was waited for a container that could not run.
#[test]
fn a_crash_loop_that_began_before_the_renewal_is_not_waited_for() {
    let (root, host) = healthy();
    stop(&host, "etcd");
    host.components.borrow_mut().get_mut("etcd").unwrap().containers[0].attempt = 3;
    let mut cx = renewing(&root, None);
    let before = cx.host.clock.monotonic();
    let failure = check(&host, &mut cx).unwrap_err();
    assert!(failure.to_string().contains("its container has exited"), "{failure}");
    assert_eq!(cx.host.clock.monotonic(), before);
}

#[test]
fn the_problem_of_an_api_server_is_quoted() {
    let (root, host) = healthy();
    host.problems.borrow_mut().insert("kube-apiserver".into(), "etcd failed: reason withheld".into());
    let failure = check(&host, &mut renewing(&root, None)).unwrap_err();
    assert!(failure.to_string().contains("kube-apiserver is not healthy: etcd failed"), "{failure}");
}

#[test]
fn a_component_without_the_renewed_file_is_not_checked() {
    let (root, host) = healthy();
    stop(&host, "etcd");
    check(&host, &mut renewing(&root, Some("scheduler.conf"))).unwrap();
    check(&host, &mut renewing(&root, Some("etcd-peer"))).unwrap_err();
}

#[test]
fn a_cluster_with_expired_certificates_can_be_repaired() {
    let (root, host) = healthy();
    for name in ["etcd", "kube-apiserver", "kube-scheduler"] {
        stop(&host, name);
    }
    let mut cx = renewing(&root, None);
    cx.host.clock = crate::base::env::Clock::fixed(CREATED + 366 * 24 * 3600);
    check(&host, &mut cx).unwrap();
}

#[test]
fn a_component_that_has_not_loaded_its_files_can_be_repaired() {
    let (root, host) = healthy();
    stop(&host, "kube-scheduler");
    host.components.borrow_mut().get_mut("etcd").unwrap().containers[0].created = 1;
    check(&host, &mut renewing(&root, None)).unwrap();
}

/// A file that the controller manager had not loaded was the excuse for an API server that did not know a flag: ten
/// certificates were renewed, and then five minutes were waited for it.
#[test]
fn what_is_not_loaded_does_not_explain_a_component_that_ends_for_another_reason() {
    let (root, host) = healthy();
    stop(&host, "kube-scheduler");
    host.components.borrow_mut().get_mut("etcd").unwrap().containers[0].created = 1;
    let components = ["etcd", "kube-apiserver", "kube-scheduler"].map(|name| component(&host, name));
    let failure =
        require_healthy(&mut renewing(&root, None), &components, &|_, name| name == "kube-scheduler").unwrap_err();
    assert!(failure.to_string().contains("kube-scheduler is not healthy"), "{failure}");
    require_healthy(&mut renewing(&root, None), &components, &|_, name| name == "kube-apiserver").unwrap();
}

#[test]
fn an_invalid_manifest_is_reported_with_the_line() {
    let (root, _host) = healthy();
    let cx = renewing(&root, None);
    let path = root.path().join("etc/kubernetes/manifests/etcd.yaml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    for (text, why) in [("spec:\n  containers: [\n  - {a: }}\n", "3:"), ("spec: {}\n", "no containers"), ("", "empty")]
    {
        std::fs::write(&path, text).unwrap();
        let said = manifests(&cx).err().unwrap().to_string();
        assert!(said.contains("etcd.yaml") && said.contains(why), "{said}");
    }
}

fn remove(root: &tempfile::TempDir, path: &str) {
    std::fs::remove_file(root.path().join(path)).unwrap();
}

fn put(root: &tempfile::TempDir, path: &str, text: &[u8]) {
    let path = root.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

const MANIFEST: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";
const FLAGS: &[u8] = b"spec: {containers: [{command: [kube-apiserver, '--etcd-servers=https://127.0.0.1:2379', \
    --service-account-signing-key-file=/etc/kubernetes/pki/sa.key, \
    --tls-private-key-file=/etc/kubernetes/pki/apiserver.key]}]}";

/// The API server was restarted without the key of service accounts, and did not come back.
#[test]
fn a_component_is_not_stopped_if_a_file_that_it_needs_is_gone() {
    let root = host();
    put(&root, MANIFEST, FLAGS);
    let api_server = CONSUMERS.iter().find(|one| one.component == API_SERVER).unwrap();
    let check = |only| require_files(&mut renewing(&root, only), &[api_server]);
    let failure = check(None).unwrap_err();
    assert_eq!(failure.exit_code(), ExitCode::Refused);
    assert!(
        failure.to_string().contains("kube-apiserver could not be started again: /etc/kubernetes/pki/sa.key"),
        "{failure}"
    );
    check(Some("scheduler.conf")).unwrap();
    put(&root, "etc/kubernetes/pki/sa.key", b"not a key");
    check(None).unwrap();
    remove(&root, "etc/kubernetes/pki/apiserver.key");
    assert!(check(None).unwrap_err().to_string().contains("apiserver.key does not exist"));
    check(Some("apiserver")).unwrap();
}

/// API servers refuse the tokens that such a key signs.
#[test]
fn a_component_is_not_stopped_if_the_key_of_service_accounts_is_another_one() {
    let (root, other) = (host(), host());
    put(&root, MANIFEST, FLAGS);
    for root in [&root, &other] {
        let mut cx = renewing(root, None);
        cx.pki().unwrap().ensure_service_account(&fixture::cluster(36), &Generator).unwrap();
    }
    let api_server = CONSUMERS.iter().find(|one| one.component == API_SERVER).unwrap();
    require_files(&mut renewing(&root, None), &[api_server]).unwrap();
    put(&root, "etc/kubernetes/pki/sa.key", &std::fs::read(other.path().join("etc/kubernetes/pki/sa.key")).unwrap());
    let failure = require_files(&mut renewing(&root, None), &[api_server]).unwrap_err();
    assert!(failure.to_string().contains("does not belong to /etc/kubernetes/pki/sa.key"), "{failure}");
}

/// The API server was named, which waits for an etcd that the kubelet has ended.
#[test]
fn a_manifest_of_etcd_that_is_gone_is_named_instead_of_the_api_server() {
    let root = host();
    put(&root, MANIFEST, FLAGS);
    let cx = renewing(&root, None);
    let failure = unhealthy(&cx, API_SERVER, "etcd failed");
    assert!(
        failure.to_string().ends_with("the manifest of etcd does not exist: /etc/kubernetes/manifests/etcd.yaml"),
        "{failure}"
    );
    put(&root, "etc/kubernetes/manifests/etcd.yaml", b"spec: {}");
    assert!(unhealthy(&cx, API_SERVER, "etcd failed").to_string().contains("kube-apiserver is not healthy"));
}
