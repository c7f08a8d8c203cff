use super::*;
use crate::host::command::fake::FakeHost;
use crate::host::cri::fake::FakeCri;

const SOCKET: &str = "/run/containerd/containerd.sock";

fn connect(host: &FakeHost) -> Cri {
    Cri::connect(&host.live(), &Endpoint::parse(SOCKET).unwrap()).unwrap()
}

/// Right after its start containerd was reported as a host without a runtime.
#[test]
fn a_runtime_that_is_still_starting_is_asked_again() {
    let host = FakeHost::new();
    let starting = "server is not initialized yet";
    let server = FakeCri::new().fails_once("Version", 2, starting).serve(host.root(), SOCKET);
    connect(&host);
    assert_eq!(server.calls().iter().filter(|call| call.ends_with("/Version")).count(), 2);
}

#[test]
fn an_old_runtime_is_called_with_v1alpha2() {
    let host = FakeHost::new();
    let _server = FakeCri::v1alpha2().serve(host.root(), SOCKET);
    let cri = connect(&host);
    assert_eq!(cri.version().api, "v1alpha2");
    assert_eq!(cri.runtime_config().unwrap(), None);
}

#[test]
fn removing_a_missing_pod_succeeds_and_a_dry_run_sends_no_request() {
    let host = FakeHost::new();
    let pod =
        Pod { id: "1".into(), name: "etcd-n1".into(), namespace: "kube-system".into(), ready: true, serves_node: true };
    let server = FakeCri::new().fails("RemovePodSandbox", NOT_FOUND, "not found").serve(host.root(), SOCKET);
    connect(&host).remove_pod(&pod).unwrap();
    let dry = host.dry();
    let cri = Cri::connect(&dry, &Endpoint::parse(SOCKET).unwrap()).unwrap();
    cri.stop_pod(&pod).unwrap();
    assert_eq!(dry.gate.count(), 1);
    assert!(!server.calls().iter().any(|call| call.contains("StopPodSandbox")));
}

/// On a busy host the kubelet was just starting the container, and a renewal and its way back both failed.
#[test]
fn a_container_that_the_runtime_is_still_starting_is_removed_later() {
    let host = FakeHost::new();
    let done = wire::Empty {};
    let busy = "container is in starting state, can't be removed";
    let fake =
        FakeCri::new().pod("etcd", &[], &[]).with("RemoveContainer", &done).fails_once("RemoveContainer", 2, busy);
    let server = fake.serve(host.root(), SOCKET);
    let cri = connect(&host);
    cri.remove_container(&cri.containers().unwrap()[0]).unwrap();
    assert_eq!(server.calls().iter().filter(|call| call.ends_with("/RemoveContainer")).count(), 2);
}

/// A removed etcd member exits by itself while reset stops it.
#[test]
fn a_container_that_exits_while_it_is_stopped_counts_as_stopped() {
    let host = FakeHost::new();
    let fake = FakeCri::new().pod("etcd", &[], &[]).fails_once("StopContainer", 2, "ttrpc: closed: unknown");
    let server = fake.serve(host.root(), SOCKET);
    let cri = connect(&host);
    cri.stop_container(&cri.containers().unwrap()[0]).unwrap();
    assert_eq!(server.calls().iter().filter(|call| call.contains("StopContainer")).count(), 2);
    assert_eq!(cri.gate.count(), 1);
}

#[test]
fn the_message_of_the_runtime_is_kept() {
    let host = FakeHost::new();
    let _server = FakeCri::new().fails("ListContainers", 13, "disk on fire").serve(host.root(), SOCKET);
    let failure: crate::base::Failure = connect(&host).containers().unwrap_err().into();
    assert_eq!(failure.causes(), ["disk on fire"]);
}
