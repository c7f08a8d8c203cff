use super::*;
use crate::base::files::HostFiles;
use crate::context::Reset;
use crate::context::leaving::fixture;
use crate::host::Host;
use crate::host::command::fake::FakeHost;
use crate::host::cri::fake::FakeCri;
use crate::state::pods::running;

const SOCKET: &str = "/var/run/containerd/containerd.sock";
const LIST: &str = "docker --host unix:///var/run/docker.sock ps -a -q --filter name=^/?k8s_ \
                    --filter label=io.kubernetes.pod.uid --filter label=io.kubernetes.docker.type";
const STOP: &str = "docker --host unix:///var/run/docker.sock stop -t 30";
const REMOVE: &str = "docker --host unix:///var/run/docker.sock rm";
const GRACE_ANNOTATION: &str = "io.kubernetes.pod.terminationGracePeriod";

/// A host at the beginning of a reset, with the fake's programs.
pub fn context(fake: &FakeHost, host: Host) -> Run<Reset> {
    let mut cx = fixture(fake.root());
    cx.host.gate = host.gate.clone();
    cx.host.files = HostFiles::new(fake.root(), cx.host.gate.clone());
    cx.host = host;
    cx.config.node.as_mut().unwrap().cri_socket = None;
    cx
}

fn stops(calls: &[String]) -> Vec<&str> {
    calls.iter().filter_map(|call| call.split_once("StopContainer ").map(|(_, what)| what)).collect()
}

#[test]
fn containers_of_docker_are_removed_although_another_runtime_responds() {
    let fake = FakeHost::new().on(LIST, "aa\nbb\n").on(&format!("{STOP} aa bb"), "").on(&format!("{REMOVE} aa bb"), "");
    let server = FakeCri::new().pod("web", &[], &[]).serve(fake.root(), SOCKET);
    remove(&mut context(&fake, fake.live()), Wanted::All).unwrap();
    assert_eq!(fake.ran(), [LIST.to_owned(), format!("{STOP} aa bb"), format!("{REMOVE} aa bb")]);
    assert_eq!(stops(&server.calls()), ["web 30"]);
}

#[test]
fn pods_of_an_unresponsive_runtime_are_reported_although_an_unused_docker_responds() {
    let fake = FakeHost::new().on(LIST, "").file("/var/lib/kubelet/pods/a/etc-hosts", "");
    let mut cx = context(&fake, fake.live());
    assert!(remove(&mut cx, Wanted::All).is_err());
    cx.work.force = true;
    remove(&mut cx, Wanted::All).unwrap();
    assert!(cx.work.notes[0].contains("still run"));
}

#[test]
fn a_run_that_was_interrupted_after_dockers_containers_continues() {
    let fake = FakeHost::new()
        .on(LIST, "")
        .file("/var/lib/kubelet/pods/a/etc-hosts", "")
        .file("/var/lib/dockershim/sandbox/1", "");
    remove(&mut context(&fake, fake.live()), Wanted::All).unwrap();
}

#[test]
fn etcd_is_found_in_docker_by_its_own_name() {
    let list = LIST.replace("k8s_", "k8s_[^_]+_etcd-[^_]+_kube-system_");
    let fake = FakeHost::new().on(&list, "ee\n").on(&format!("{STOP} ee"), "").on(&format!("{REMOVE} ee"), "");
    let server = FakeCri::new().pod("web", &[], &[]).serve(fake.root(), SOCKET);
    remove(&mut context(&fake, fake.live()), Wanted::Etcd).unwrap();
    assert_eq!((fake.ran().len(), stops(&server.calls()).len()), (3, 0));
}

#[test]
fn pods_that_provide_disks_are_stopped_after_those_that_write_to_them_each_with_its_grace_period() {
    let fake = FakeHost::new();
    let server = FakeCri::new()
        .pod("csi", &[("pod-template-generation", "1")], &[(GRACE_ANNOTATION, "5")])
        .pod("db", &[], &[(GRACE_ANNOTATION, "120")])
        .serve(fake.root(), SOCKET);
    remove(&mut context(&fake, fake.live()), Wanted::All).unwrap();
    assert_eq!(stops(&server.calls()), ["db 120", "csi 5"]);
}

/// etcd was stopped first, and the API server then used up its thirty seconds.
#[test]
fn users_of_etcd_are_stopped_before_it() {
    let on_node = [("pod-template-generation", "1")];
    let pods = || {
        FakeCri::new()
            .pod("kube-system/etcd-n1", &on_node, &[])
            .pod("kube-system/kube-apiserver-n1", &on_node, &[])
            .pod("default/kube-apiserver-mine", &[], &[])
    };
    for (wanted, expected) in [
        (Wanted::All, vec!["kube-apiserver-mine 30", "kube-apiserver-n1 30", "etcd-n1 30"]),
        (Wanted::UsersOfEtcd, vec!["kube-apiserver-n1 30"]),
        (Wanted::Etcd, vec!["etcd-n1 30"]),
    ] {
        let fake = FakeHost::new();
        let server = pods().serve(fake.root(), SOCKET);
        remove(&mut context(&fake, fake.live()), wanted).unwrap();
        assert_eq!(stops(&server.calls()), expected);
    }
}

#[test]
fn a_grace_period_of_hours_is_limited() {
    let fake = FakeHost::new();
    let server = FakeCri::new().pod("slow", &[], &[(GRACE_ANNOTATION, "86400")]).serve(fake.root(), SOCKET);
    remove(&mut context(&fake, fake.live()), Wanted::All).unwrap();
    assert_eq!(stops(&server.calls()), ["slow 300"]);
}

#[test]
fn running_pods_are_listed_unless_a_dry_run_plans_to_stop_them() {
    let names = LIST.replace("-a -q", "--format {{.Names}}");
    let fake = FakeHost::new().on(LIST, "").on(&names, "k8s_a_b_default_1_0\n");
    let _server = FakeCri::new().pod("web", &[], &[]).serve(fake.root(), SOCKET);
    assert_eq!(running(&context(&fake, fake.live())), ["default/web", "k8s_a_b_default_1_0"]);
    let mut dry = context(&fake, fake.dry());
    remove(&mut dry, Wanted::All).unwrap();
    assert_eq!(running(&dry), ["k8s_a_b_default_1_0"], "this Docker had nothing to stop");
}
