use super::*;
use crate::config::model::{Etcd, ExternalEtcd, LocalEtcd};
use crate::render::fixture;
use serde_json::json;
use std::time::Duration;

/// A cluster, a node and a host to render manifests for.
struct Scene {
    minor: u16,
    cluster: ClusterConfig,
    node: NodeConfig,
    environment: BTreeMap<String, String>,
    external_ca: bool,
}

impl Scene {
    fn new(minor: u16) -> Self {
        Self {
            minor,
            cluster: fixture::cluster(minor),
            node: fixture::node(),
            environment: BTreeMap::new(),
            external_ca: false,
        }
    }

    fn render(&self, pod: impl FnOnce(&PodInput<'_>) -> Result<String, TemplateError>) -> Pod {
        let input = PodInput {
            cluster: &self.cluster,
            node: &self.node,
            facts: fixture::facts(self.minor),
            environment: &self.environment,
            host_has: &|path| path == Path::new("/etc/ca-certificates"),
            external_ca: self.external_ca,
        };
        Pod(serde_saphyr::from_str(&pod(&input).unwrap()).unwrap())
    }

    fn etcd(&self, members: &[EtcdMember]) -> Pod {
        let Etcd::Local(local) = &self.cluster.etcd else { panic!("etcd is external") };
        self.render(|input| etcd(input, local, members))
    }

    fn local_etcd(&mut self) -> &mut LocalEtcd {
        let Etcd::Local(local) = &mut self.cluster.etcd else { panic!("etcd is external") };
        local
    }
}

struct Pod(Value);

impl Pod {
    fn container(&self) -> &Value {
        &self.0["spec"]["containers"][0]
    }

    /// The last value of a flag of the command.
    fn flag(&self, name: &str) -> Option<&str> {
        let words = self.container()["command"].as_array().unwrap().iter().filter_map(Value::as_str);
        words.rev().find_map(|word| word.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
    }

    /// The path and type of a volume on the host.
    fn volume(&self, name: &str) -> Option<(&str, &str)> {
        let volumes = self.0["spec"]["volumes"].as_array().unwrap();
        let path = &volumes.iter().find(|volume| volume["name"] == name)?["hostPath"];
        Some((path["path"].as_str().unwrap(), path["type"].as_str().unwrap()))
    }
}

fn arg(name: &str, value: &str) -> Arg {
    Arg { name: name.into(), value: value.into() }
}

#[test]
fn a_node_with_an_ipv6_address_has_brackets_and_its_own_loopback() {
    let mut scene = Scene::new(36);
    scene.node.local_endpoint.advertise_address = "fd00::4".parse().unwrap();
    let api_server = scene.render(kube_apiserver);
    assert_eq!(
        api_server.0["metadata"]["annotations"]["kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"],
        "[fd00::4]:6443"
    );
    assert_eq!(api_server.flag("advertise-address"), Some("fd00::4"));
    assert_eq!(api_server.flag("etcd-servers"), Some("https://[::1]:2379"));
    assert_eq!(api_server.container()["livenessProbe"]["httpGet"]["host"], "fd00::4");
    let etcd = scene.etcd(&[]);
    assert_eq!(etcd.flag("listen-client-urls"), Some("https://[::1]:2379,https://[fd00::4]:2379"));
    assert_eq!(etcd.flag("listen-metrics-urls"), Some("http://[::1]:2381"));
    assert_eq!(etcd.flag("initial-cluster"), Some("cp1=https://[fd00::4]:2380"));
    assert_eq!(etcd.container()["livenessProbe"]["httpGet"]["host"], "::1");
}

#[test]
fn a_component_that_listens_on_all_addresses_is_probed_at_the_pods_own() {
    for (address, host) in
        [("0.0.0.0", json!(null)), ("::", json!(null)), ("10.0.0.4", json!("10.0.0.4")), ("::1", json!("::1"))]
    {
        let mut scene = Scene::new(36);
        scene.cluster.scheduler.extra_args = vec![arg("bind-address", address)];
        scene.cluster.controller_manager.extra_args = vec![arg("bind-address", address)];
        for pod in [scene.render(kube_scheduler), scene.render(kube_controller_manager)] {
            assert_eq!(pod.container()["startupProbe"]["httpGet"]["host"], host, "{address}");
            assert_eq!(pod.flag("bind-address"), Some(address));
        }
    }
}

#[test]
fn external_etcd_does_not_need_certificates() {
    let mut scene = Scene::new(36);
    let mut etcd = ExternalEtcd {
        http_endpoints: Vec::new(),
        endpoints: vec!["http://a:2379".into(), "http://b:2379".into()],
        ca_file: String::new(),
        cert_file: String::new(),
        key_file: String::new(),
    };
    scene.cluster.etcd = Etcd::External(etcd.clone());
    let pod = scene.render(kube_apiserver);
    assert_eq!(pod.flag("etcd-servers"), Some("http://a:2379,http://b:2379"));
    assert_eq!((pod.flag("etcd-cafile"), pod.flag("etcd-certfile"), pod.volume("etcd-certs-0")), (None, None, None));

    etcd.ca_file = "/opt/etcd/ca.crt".into();
    etcd.cert_file = "/opt/etcd/client/c.crt".into();
    etcd.key_file = "/opt/etcd/client/c.key".into();
    scene.cluster.etcd = Etcd::External(etcd);
    let pod = scene.render(kube_apiserver);
    assert_eq!(pod.flag("etcd-keyfile"), Some("/opt/etcd/client/c.key"));
    assert_eq!(pod.volume("etcd-certs-0"), Some(("/opt/etcd", "DirectoryOrCreate")));
    assert_eq!(pod.volume("etcd-certs-1"), None);
}

#[test]
fn the_api_server_uses_the_address_that_etcd_advertises() {
    let mut scene = Scene::new(36);
    scene.local_etcd().component.extra_args = vec![arg("advertise-client-urls", "https://etcd.local:2379")];
    assert_eq!(scene.render(kube_apiserver).flag("etcd-servers"), Some("https://etcd.local:2379"));
}

#[test]
fn without_the_ca_key_the_signing_controller_is_disabled() {
    let mut scene = Scene::new(36);
    scene.external_ca = true;
    let pod = scene.render(kube_controller_manager);
    assert_eq!((pod.flag("cluster-signing-cert-file"), pod.flag("cluster-signing-key-file")), (Some(""), Some("")));
    assert_eq!(pod.flag("client-ca-file"), Some("/etc/kubernetes/pki/ca.crt"));
}

#[test]
fn the_users_authorization_mode_replaces_ours() {
    let mut scene = Scene::new(36);
    scene.cluster.api_server.extra_args = vec![arg("authorization-mode", "Node,RBAC,Webhook")];
    assert_eq!(scene.render(kube_apiserver).flag("authorization-mode"), Some("Node,RBAC,Webhook"));
    scene.cluster.api_server.extra_args = vec![arg("authorization-config", "/etc/authz.yaml")];
    assert_eq!(scene.render(kube_apiserver).flag("authorization-mode"), None);
}

#[test]
fn the_users_volumes_replace_ours_of_the_same_name() {
    let mut scene = Scene::new(20);
    let mount = |name: &str, path_type: &str| HostPathMount {
        name: name.into(),
        host_path: format!("/host/{name}"),
        mount_path: format!("/pod/{name}"),
        read_only: false,
        path_type: path_type.into(),
    };
    scene.cluster.controller_manager.extra_volumes = vec![mount("ca-certs", "Directory"), mount("mine", "")];
    scene.cluster.controller_manager.extra_args = vec![arg("flex-volume-plugin-dir", "/opt/flex")];
    let pod = scene.render(kube_controller_manager);
    assert_eq!(pod.volume("ca-certs"), Some(("/host/ca-certs", "Directory")));
    assert_eq!(pod.volume("mine"), Some(("/host/mine", "")));
    assert_eq!(pod.volume("flexvolume-dir"), Some(("/opt/flex", "DirectoryOrCreate")));
    assert_eq!(pod.volume("etc-ca-certificates"), Some(("/etc/ca-certificates", "DirectoryOrCreate")));
    assert_eq!(pod.volume("etc-pki"), None, "a directory that does not exist on the host is not mounted");
    let mounts = pod.container()["volumeMounts"].as_array().unwrap();
    assert!(mounts.contains(&json!({"name": "ca-certs", "mountPath": "/pod/ca-certs"})), "{mounts:?}");
}

#[test]
fn a_joining_etcd_lists_all_members() {
    let scene = Scene::new(36);
    let member = |name: &str, n: u8| EtcdMember { name: name.into(), peer_url: format!("https://10.0.0.{n}:2380") };
    let pod = scene.etcd(&[member("a", 1), member("cp1", 2)]);
    assert_eq!(pod.flag("initial-cluster"), Some("a=https://10.0.0.1:2380,cp1=https://10.0.0.2:2380"));
    assert_eq!(pod.flag("initial-cluster-state"), Some("existing"));
    assert_eq!(scene.etcd(&[]).flag("initial-cluster-state"), None);
}

#[test]
fn an_older_etcd_gets_flags_that_it_knows() {
    let mut scene = Scene::new(36);
    scene.local_etcd().image.tag = "3.5.24-0".into();
    scene.local_etcd().image.repository = "example.com/mirror".into();
    let pod = scene.etcd(&[]);
    assert_eq!(pod.container()["image"], "example.com/mirror/etcd:3.5.24-0");
    assert_eq!(pod.flag("experimental-initial-corrupt-check"), Some("true"));
    assert_eq!(pod.flag("experimental-watch-progress-notify-interval"), Some("5s"));
    assert_eq!((pod.flag("feature-gates"), pod.flag("watch-progress-notify-interval")), (None, None));
}

#[test]
fn the_startup_probe_lasts_as_long_as_the_timeout() {
    for (seconds, threshold) in [(240, 24), (241, 25), (1, 1), (180, 18)] {
        let mut scene = Scene::new(36);
        scene.node.timeouts.control_plane_component_health_check = Duration::from_secs(seconds);
        let pod = scene.render(kube_scheduler);
        assert_eq!(pod.container()["startupProbe"]["failureThreshold"], threshold, "{seconds} s");
    }
}

#[test]
fn all_pods_but_etcd_get_proxy_variables() {
    let mut scene = Scene::new(36);
    scene.environment = BTreeMap::from([("HTTPS_PROXY".to_owned(), "http://p:3128".to_owned())]);
    scene.local_etcd().component.extra_envs = vec![json!({"name": "GOGC", "value": "80"})];
    assert_eq!(scene.etcd(&[]).container()["env"], json!([{"name": "GOGC", "value": "80"}]));
    let proxy = json!([{"name": "HTTPS_PROXY", "value": "http://p:3128"}]);
    assert_eq!(scene.render(kube_scheduler).container()["env"], proxy);
    assert_eq!(Scene::new(36).render(kube_scheduler).container().get("env"), None);
}

#[test]
fn text_that_yaml_would_read_as_another_type_stays_text() {
    let mut scene = Scene::new(36);
    let wild = "yes: #{x} 'y' \"z\"\n- *a \u{2028}";
    scene.cluster.scheduler.extra_args = vec![arg("a", wild)];
    scene.cluster.scheduler.extra_envs =
        vec![json!({"name": "B", "value": wild}), json!({"name": "C", "value": "1.0"})];
    scene.cluster.image_repository = "1e3".into();
    let pod = scene.render(kube_scheduler);
    assert_eq!(pod.flag("a"), Some(wild));
    assert_eq!(pod.container()["env"], json!([{"name": "B", "value": wild}, {"name": "C", "value": "1.0"}]));
    assert_eq!(pod.container()["image"], "1e3/kube-scheduler:v1.36.2");
}
