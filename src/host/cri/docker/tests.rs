//! Tests of the CRI that is answered for Docker.

use crate::host::command::fake::FakeHost;
use crate::host::cri::{ContainerState, Cri, CriError, Endpoint, find};
use std::time::Duration;

const DOCKER: &str = "docker --host unix:///var/run/docker.sock";
const SOCKET: &str = "/var/run/dockershim.sock";
const INFO: &str =
    "{\"ServerVersion\":\"20.10.24\",\"CgroupDriver\":\"systemd\",\"Driver\":\"overlay2\",\"DockerRootDir\":\"/d\"}";
const SANDBOX: &str = r#"[{"Id":"s1","Name":"/k8s_POD_etcd-n1_kube-system_u_0","Created":"2021-01-02T03:04:05.5Z","State":{"Status":"running"},
    "Config":{"Image":"pause","Labels":{"io.kubernetes.docker.type":"podsandbox","io.kubernetes.pod.name":"etcd-n1",
    "io.kubernetes.pod.namespace":"kube-system","io.kubernetes.pod.uid":"u","annotation.kubernetes.io/config.source":"file"}}}]"#;
const CONTAINER: &str = r#"[{"Id":"c1","Name":"/k8s_etcd_etcd-n1_kube-system_u_3","Created":"2021-01-02T03:04:06Z",
    "State":{"Status":"exited","ExitCode":137,"OOMKilled":true,"Error":""},"LogPath":"/d/containers/c1/c1-json.log",
    "Config":{"Image":"etcd","Labels":{"io.kubernetes.docker.type":"container","io.kubernetes.sandbox.id":"s1",
    "io.kubernetes.container.name":"etcd","annotation.io.kubernetes.pod.terminationGracePeriod":"7"}}}]"#;

fn on(host: FakeHost, words: &str, stdout: &str) -> FakeHost {
    host.on(&format!("{DOCKER} {words}"), stdout)
}

fn host() -> FakeHost {
    on(FakeHost::new(), "info --format {{json .}}", INFO)
}

fn connect(host: &FakeHost) -> Cri {
    Cri::connect(&host.live(), &Endpoint::parse(SOCKET).unwrap()).unwrap()
}

#[test]
fn docker_reports_its_version_and_cgroup_driver() {
    let host = host();
    let cri = connect(&host);
    assert_eq!(cri.version().to_string(), "docker 20.10.24");
    assert!(cri.speaks_v1alpha2().unwrap(), "its kubelets have the adapter");
    assert_eq!(cri.cgroup_driver().unwrap().unwrap().name(), "systemd");
    assert!(cri.status().unwrap().runtime.ok);
    assert_eq!(cri.image_directory().unwrap().unwrap().to_str(), Some("/d"));
    assert_eq!(cri.endpoint().service(), "docker");
}

#[test]
fn a_docker_that_does_not_run_is_named_with_its_service() {
    let refused = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
    let host = FakeHost::new().on_result(&format!("{DOCKER} info --format {{{{json .}}}}"), 1, "", refused);
    let error = Cri::connect(&host.live(), &Endpoint::parse(SOCKET).unwrap()).unwrap_err();
    assert!(crate::base::fault::Fault::hint(&error).unwrap().contains("systemctl start docker"), "{error}");
    let error = Cri::connect(&FakeHost::new().live(), &Endpoint::parse(SOCKET).unwrap()).unwrap_err();
    assert!(matches!(error, CriError::Silent { .. }));
}

#[test]
fn pods_and_containers_are_found_by_the_labels_of_the_kubelet() {
    let list = "ps -a -q --no-trunc --filter label=io.kubernetes.docker.type";
    let host = on(host(), &format!("{list}=podsandbox"), "s1\n");
    let host = on(host, "container inspect s1", SANDBOX);
    let host = on(host, &format!("{list}=container"), "c1\n");
    let host = on(host, "container inspect c1", CONTAINER);
    let cri = connect(&host);
    let pods = cri.pods().unwrap();
    assert_eq!((pods[0].namespace.as_str(), pods[0].name.as_str()), ("kube-system", "etcd-n1"));
    assert!(pods[0].ready && pods[0].serves_node, "it is static");
    let containers = cri.containers().unwrap();
    let container = &containers[0];
    assert_eq!((container.name.as_str(), container.pod.as_str(), container.attempt), ("etcd", "s1", 3));
    assert_eq!((container.state, container.grace), (ContainerState::Exited, Some(Duration::from_secs(7))));
    assert_eq!(container.created, 1_609_556_646_000_000_000);
    let end = cri.container_end("c1").unwrap();
    assert_eq!((end.code, end.reason.as_str()), (137, "OOMKilled"));
    assert_eq!(end.log.to_str(), Some("/d/containers/c1/c1-json.log"));
    assert!(cri.runs_image(container, "etcd").unwrap());
}

#[test]
fn a_container_that_goes_while_they_are_listed_is_left_out() {
    let list = "ps -a -q --no-trunc --filter label=io.kubernetes.docker.type=container";
    let host = on(host(), list, "c0\nc1\n");
    let missing = "Error: No such container: c0";
    let host = host.on_result(&format!("{DOCKER} container inspect c0 c1"), 1, CONTAINER, missing).on_result(
        &format!("{DOCKER} container inspect c0"),
        1,
        "[]",
        missing,
    );
    let host = on(host, "container inspect c1", CONTAINER);
    assert_eq!(connect(&host).containers().unwrap().len(), 1);
}

#[test]
fn containers_are_stopped_within_their_grace_and_a_pod_with_its_sandbox() {
    let members = "ps -a -q --no-trunc --filter label=io.kubernetes.sandbox.id=s1";
    let list = "ps -a -q --no-trunc --filter label=io.kubernetes.docker.type=container";
    let pods = "ps -a -q --no-trunc --filter label=io.kubernetes.docker.type=podsandbox";
    let mut host = host();
    for (words, stdout) in [
        (list, "c1\n"),
        (pods, "s1\n"),
        (members, "c1\n"),
        ("container inspect c1", CONTAINER),
        ("container inspect s1", SANDBOX),
        ("stop -t 7 c1", "c1\n"),
        ("rm -f c1", "c1\n"),
        ("rm -f s1", "s1\n"),
    ] {
        host = on(host, words, stdout);
    }
    let cri = connect(&host);
    cri.stop_container_within(&cri.containers().unwrap()[0], Duration::from_secs(7)).unwrap();
    cri.remove_pod(&cri.pods().unwrap()[0]).unwrap();
    assert_eq!(host.ran().last().unwrap(), &format!("{DOCKER} rm -f s1"));
    let dry = Cri::connect(&host.dry(), &Endpoint::parse(SOCKET).unwrap()).unwrap();
    let before = host.ran().len();
    dry.stop_container_within(&cri.containers().unwrap()[0], Duration::from_secs(7)).unwrap();
    assert_eq!(host.ran().len(), before + 2, "a dry run only lists");
}

#[test]
fn images_are_looked_up_in_docker() {
    let host = on(host(), "image inspect --format {{.Id}} k8s.gcr.io/pause:3.2", "sha256:1\n");
    let missing = format!("{DOCKER} image inspect --format {{{{.Id}}}} other:1");
    let host = host.on_result(&missing, 1, "\n", "Error: No such image: other:1");
    let cri = connect(&host);
    assert!(cri.has_image("k8s.gcr.io/pause:3.2").unwrap());
    assert!(!cri.has_image("other:1").unwrap());
}

#[test]
fn a_kubelet_with_a_network_plugin_of_its_own_runs_with_docker() {
    let flags = "KUBELET_KUBEADM_ARGS=\"--network-plugin=cni --pod-infra-container-image=k8s.gcr.io/pause:3.2\"\n";
    let host = host().file("/var/lib/kubelet/kubeadm-flags.env", flags);
    assert!(find(&host.live(), None).unwrap().endpoint().is_dockershim());
}
