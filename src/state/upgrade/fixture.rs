//! A cluster to upgrade, for tests: objects behind a real API server on this machine, and a control plane with its kubeconfig.

use crate::base::https::test_server::{TestCa, TestServer};
use crate::config::print;
use crate::context::Context;
use crate::domain::paths::ADMIN_CONF;
use crate::kube::cluster::Cluster;
use crate::versions::{Version, facts};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

const SYSTEM: &str = "/api/v1/namespaces/kube-system";

/// The objects of a cluster, by path. A list has the path of its kind.
pub struct FakeCluster {
    objects: BTreeMap<String, Value>,
    texts: BTreeMap<String, String>,
    forbidden: Vec<String>,
    version: Version,
    ca: TestCa,
}

/// A cluster that responds.
pub struct RunningCluster {
    pub root: tempfile::TempDir,
    pub cx: Context,
    pub cluster: Arc<Cluster>,
    log: Arc<Mutex<Vec<String>>>,
}

impl RunningCluster {
    /// `METHOD PATH?QUERY` of every request.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

fn config_map(name: &str, key: &str, text: &str) -> (String, Value) {
    (format!("{SYSTEM}/configmaps/{name}"), json!({"metadata": {"name": name}, "data": {key: text}}))
}

impl FakeCluster {
    /// A cluster of one control plane, n1, without a local etcd.
    pub fn new(version: &str) -> Self {
        let parsed: Version = version.parse().unwrap();
        let minor = facts(parsed.minor).unwrap();
        let api = minor.api_version.name();
        let text = format!(
            "apiVersion: kubeadm.k8s.io/{api}\nkind: ClusterConfiguration\nkubernetesVersion: {version}\nimageRepository: {}\n",
            minor.image_repository.at(parsed.patch)
        );
        let kubelet = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncgroupDriver: systemd\n";
        let proxy = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: \"\"\n";
        let addon = |name: &str, image: &str| json!({"metadata": {"name": name}, "spec": {"template": {"spec": {"containers": [{"name": name, "image": image}]}}}});
        let apps = "/apis/apps/v1/namespaces/kube-system";
        let objects = BTreeMap::from([
            config_map("kubeadm-config", "ClusterConfiguration", &text),
            config_map(&minor.kubelet_config_map(), "kubelet", kubelet),
            config_map("kube-proxy", "config.conf", proxy),
            (format!("{apps}/daemonsets/kube-proxy"), addon("kube-proxy", &format!("r.io/kube-proxy:{version}"))),
            (
                format!("{apps}/deployments/coredns"),
                addon("coredns", &format!("r.io/coredns:{}", minor.coredns_tag.at(parsed.patch))),
            ),
            (format!("{SYSTEM}/pods"), json!({"items": []})),
            ("/api/v1/nodes".into(), json!({"items": []})),
        ]);
        let (texts, forbidden, ca) = (BTreeMap::new(), Vec::new(), TestCa::new("kubernetes"));
        let mut this = Self { objects, texts, forbidden, version: parsed, ca };
        this.add_control_plane("n1", version);
        this
    }

    fn push(&mut self, list: &str, item: Value) {
        self.objects.get_mut(list).unwrap()["items"].as_array_mut().unwrap().push(item);
    }

    /// Adds a node.
    pub fn add_node(&mut self, name: &str, kubelet: &str, control_plane: bool) {
        let labels = if control_plane { json!({"node-role.kubernetes.io/control-plane": ""}) } else { json!({}) };
        let node = json!({
            "metadata": {"name": name, "labels": labels}, "spec": {},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "nodeInfo": {"kubeletVersion": kubelet, "containerRuntimeVersion": "containerd://1.7.2"},
            },
        });
        self.push("/api/v1/nodes", node);
    }

    /// Adds a control plane with its static Pods.
    pub fn add_control_plane(&mut self, name: &str, version: &str) {
        self.add_node(name, version, true);
        for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            self.add_pod(component, name, version, &[]);
        }
    }

    /// Adds a static Pod.
    pub fn add_pod(&mut self, component: &str, node: &str, tag: &str, client_urls: &[String]) {
        let urls = json!({"kubeadm.kubernetes.io/etcd.advertise-client-urls": client_urls.join(",")});
        let pod = json!({
            "metadata": {"name": format!("{component}-{node}"), "labels": {"component": component}, "annotations": urls},
            "spec": {"nodeName": node, "containers": [{"name": component, "image": format!("r.io/{component}:{tag}")}]},
        });
        self.push(&format!("{SYSTEM}/pods"), pod);
    }

    /// Adds lines to the stored `ClusterConfiguration`.
    pub fn configure(&mut self, lines: &str) {
        let map = self.objects.get_mut(&format!("{SYSTEM}/configmaps/kubeadm-config")).unwrap();
        let text = map["data"]["ClusterConfiguration"].as_str().unwrap().to_owned();
        map["data"]["ClusterConfiguration"] = json!(text + lines);
    }

    pub fn set(&mut self, path: &str, object: Value) {
        self.objects.insert(path.into(), object);
    }

    pub fn remove(&mut self, path: &str) {
        self.objects.remove(path);
    }

    /// Changes a node.
    pub fn node(&mut self, name: &str) -> &mut Value {
        let items = self.objects.get_mut("/api/v1/nodes").unwrap()["items"].as_array_mut().unwrap();
        items.iter_mut().find(|node| node["metadata"]["name"] == name).unwrap()
    }

    pub fn forbid(&mut self, path: &str) {
        self.forbidden.push(path.into());
    }

    /// A path with a text, such as `/metrics`.
    pub fn text(&mut self, path: &str, text: &str) {
        self.texts.insert(path.into(), text.into());
    }

    /// Starts the API server, and writes the administrator's kubeconfig to a new directory.
    pub fn start(self) -> RunningCluster {
        let Self { objects, texts, forbidden, version, ca } = self;
        let log = Arc::new(Mutex::new(Vec::new()));
        let behind = Arc::clone(&log);
        let server = TestServer::start(&ca.local_leaf(), None, move |request| {
            behind.lock().unwrap().push(format!("{} {}", request.method, request.path));
            let path = request.path.split('?').next().unwrap();
            assert_eq!(request.method, "GET", "a plan changes nothing");
            if forbidden.iter().any(|one| one == path) {
                return (403, json!({"kind": "Status", "reason": "Forbidden", "message": "no"}).to_string());
            }
            match (objects.get(path), texts.get(path)) {
                (Some(object), _) => (200, object.to_string()),
                (None, Some(text)) => (200, text.clone()),
                (None, None) => (404, json!({"kind": "Status", "reason": "NotFound", "message": "no"}).to_string()),
            }
        });
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join(ADMIN_CONF.trim_start_matches('/'));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file.with_file_name("ca.crt"), ca.pem()).unwrap();
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server.url(), "certificate-authority": "ca.crt"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        });
        std::fs::write(&file, kubeconfig.to_string()).unwrap();
        std::fs::write(root.path().join("etc/hostname"), "n1\n").unwrap();
        let mut cx = context(root.path(), &version);
        let cluster = cx.running_cluster(Path::new(ADMIN_CONF)).unwrap();
        RunningCluster { root, cx, cluster, log }
    }
}

/// The host n1 of a cluster with default settings.
pub fn context(root: &Path, version: &Version) -> Context {
    let minor = facts(version.minor).unwrap();
    let cx = Context::for_tests(root.to_str().unwrap());
    let mut node = print::default_node(minor, "n1");
    node.local_endpoint.advertise_address = "10.0.0.1".parse().unwrap();
    cx.configured(print::default_cluster(version.clone(), minor), node)
}
