//! Tests of the checks before a renewal, on a host whose components are fakes.

use super::super::restart::tests::fake_components::{FakeComponents, component};
use super::*;
use crate::host::cri::ContainerState;
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
    require_healthy(cx, &components)
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
    let before = cx.clock.monotonic();
    let failure = check(&host, &mut cx).unwrap_err();
    assert!(failure.to_string().contains("its container has exited"), "{failure}");
    assert_eq!(cx.clock.monotonic(), before);
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
    cx.clock = crate::base::env::Clock::fixed(CREATED + 366 * 24 * 3600);
    check(&host, &mut cx).unwrap();
}

#[test]
fn a_component_that_has_not_loaded_its_files_can_be_repaired() {
    let (root, host) = healthy();
    stop(&host, "kube-scheduler");
    host.components.borrow_mut().get_mut("etcd").unwrap().containers[0].created = 1;
    check(&host, &mut renewing(&root, None)).unwrap();
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
