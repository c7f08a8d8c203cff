//! For tests: a host that joins a cluster, and the cluster's API on a real TLS socket.

use crate::base::env::{Clock, Random};
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::base::go_yaml;
use crate::base::https::test_server::{TestCa, TestLeaf, TestRequest, TestServer};
use crate::base::https::{Credentials, Trust};
use crate::base::proxy::Proxies;
use crate::base::secret::Secret;
use crate::config::encode::uploaded_cluster_configuration;
use crate::config::kubeconfig::{Kubeconfig, SecretText, User};
use crate::config::model::{ClusterConfig, ControlPlaneJoin, Discovery, DiscoverySource, JoinConfig, Timeouts};
use crate::context::{Context, Joining, Lifecycle, Run};
use crate::domain::paths::KUBELET_CONF;
use crate::kube::client::{Access, Client};
use crate::kube::cluster::Cluster;
use crate::kube::discovery::{Found, jws};
use crate::kube::via::Via;
use crate::pki::catalog::CERTS;
use crate::pki::encryption::CertificateKey;
use crate::pki::shared::shared_files;
use crate::pki::{Generator, PkiStore, fixture, validity};
use crate::render::objects::upload_config;
use crate::state::kubelet_credentials;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub(crate) const KUBEADM_CONFIG: &str = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";
pub(crate) const KUBEADM_CERTS: &str = "/api/v1/namespaces/kube-system/secrets/kubeadm-certs";
pub(crate) const TOKEN: &str = "abcdef.0123456789abcdef";
/// The time of the clock of [`Context::for_tests`].
pub(crate) const NOW: i64 = 1_800_000_000;

/// An API server with these objects, by path; other objects do not exist.
#[derive(Clone, Default)]
pub(crate) struct Objects {
    by_path: Arc<Mutex<BTreeMap<String, Value>>>,
    /// The number of connections to break.
    broken: Arc<AtomicUsize>,
    /// `METHOD path` of every request.
    pub log: Arc<Mutex<Vec<String>>>,
}

impl Objects {
    pub(crate) fn put(&self, path: &str, object: Value) -> &Self {
        self.by_path.lock().unwrap().insert(path.into(), object);
        self
    }

    /// Breaks the next connection, except for requests for `cluster-info`.
    pub(crate) fn break_connection(&self) {
        self.broken.store(1, Ordering::SeqCst);
    }

    pub(crate) fn at(&self, path: &str) -> Option<Value> {
        self.by_path.lock().unwrap().get(path).cloned()
    }

    /// Adds the objects that every cluster created by `init` has for joining hosts.
    pub(crate) fn put_cluster(&self, cluster: &ClusterConfig, server: &str, ca: &[u8]) -> &Self {
        let minor = validity::minor_of(cluster).unwrap();
        let (id, secret) = TOKEN.split_once('.').unwrap();
        let user = User::default();
        let info = Kubeconfig::new("", server.into(), String::from_utf8(ca.to_vec()).unwrap(), "", user);
        let info = info.to_yaml().unwrap().expose().clone();
        let signature = jws::sign(&info, id, secret);
        let mut data = json!({"kubeconfig": info});
        data[format!("jws-kubeconfig-{id}")] = json!(signature);
        self.put("/api/v1/namespaces/kube-public/configmaps/cluster-info", json!({"data": data}));
        let text = go_yaml::to_string(&uploaded_cluster_configuration(cluster, minor, &Timeouts::default()));
        self.put(KUBEADM_CONFIG, json!({"data": {"ClusterConfiguration": text}}));
        let name = upload_config::kubelet_config_map(minor, &cluster.feature_gates);
        let kubelet = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
        self.put(&format!("/api/v1/namespaces/kube-system/configmaps/{name}"), json!({"data": {"kubelet": kubelet}}))
    }

    pub(crate) fn serve(&self, leaf: &TestLeaf) -> TestServer {
        let own = self.clone();
        TestServer::start(leaf, None, move |request| own.answer(request))
    }

    fn answer(&self, request: &TestRequest) -> (u16, String) {
        let path = request.path.split('?').next().unwrap();
        self.log.lock().unwrap().push(format!("{} {path}", request.method));
        if !path.ends_with("/cluster-info") && self.broken.swap(0, Ordering::SeqCst) > 0 {
            return (0, String::new());
        }
        let mut objects = self.by_path.lock().unwrap();
        match (request.method.as_str(), objects.get(path)) {
            ("GET", Some(found)) => (200, found.to_string()),
            ("PUT", Some(_)) => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                objects.insert(path.into(), body.clone());
                (200, body.to_string())
            }
            ("POST", None) => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                let path = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap());
                objects.insert(path, body.clone());
                (201, body.to_string())
            }
            ("GET" | "PUT", None) => (404, r#"{"reason": "NotFound", "message": "it is not there"}"#.into()),
            (other, _) => panic!("{other} {path} is not a request of this phase"),
        }
    }
}

/// A host in `root` that joins as the node cp1, by token. Nothing is discovered yet.
pub(crate) fn host(root: &tempfile::TempDir) -> Context {
    let mut cx = Context::for_tests(root.path().to_str().unwrap());
    cx.config.node = Some(fixture::node());
    cx
}

pub(crate) fn by_token(endpoint: String) -> DiscoverySource {
    DiscoverySource::Token {
        endpoints: vec![endpoint],
        token: Secret::new(TOKEN.into()),
        ca_cert_hashes: Vec::new(),
        unsafe_skip_ca_verification: true,
    }
}

/// The configuration of such a host, with this discovery source.
pub(crate) fn searching(control_plane: Option<ControlPlaneJoin>, source: DiscoverySource) -> JoinConfig {
    JoinConfig {
        node: fixture::node(),
        discovery: Discovery { source, tls_bootstrap_token: None },
        ca_cert_path: "/etc/kubernetes/pki/ca.crt".into(),
        control_plane,
    }
}

/// The same host after it has discovered a cluster with this CA and the API server `server`.
pub(crate) fn joining(
    root: &tempfile::TempDir,
    control_plane: Option<ControlPlaneJoin>,
    ca: &TestCa,
    server: &TestServer,
    minor: u16,
) -> Run<Joining> {
    enter(host(root), control_plane, &ca.pem(), fixture::cluster(minor), ca, server)
}

/// Lets the host discover a cluster with these CA certificates; `server` with a certificate of `ca` is its API server.
pub(crate) fn enter(
    mut cx: Context,
    control_plane: Option<ControlPlaneJoin>,
    ca_pem: &[u8],
    cluster: ClusterConfig,
    ca: &TestCa,
    server: &TestServer,
) -> Run<Joining> {
    let found = Found {
        endpoint: server.address.to_string(),
        server: server.url(),
        ca_pem: ca_pem.to_vec(),
        via: Via::default(),
    };
    let api = Arc::new(api(&server.url(), ca, &cx.host.gate, &cx.host.clock));
    let user = User { token: Some(SecretText(Secret::new(TOKEN.into()))), ..User::default() };
    (cx.config.cluster, cx.lifecycle) = (Some(cluster), Lifecycle::Joined);
    let (kubelet, ca_cert_path) = ("{}\n".into(), "/etc/kubernetes/pki/ca.crt".into());
    let work = Joining { found, user, api, kubelet, ca_cert_path, control_plane, fix: false, etcd_members: Vec::new() };
    Run { cx, work }
}

pub(crate) fn api(server: &str, ca: &TestCa, gate: &Gate, clock: &Clock) -> Cluster {
    let access = Access {
        server: server.into(),
        trust: Trust::Only(ca.pem()),
        credentials: Credentials::Anonymous,
        proxies: Proxies::none(),
        via: Via::default(),
    };
    let patience = std::time::Duration::from_mins(1);
    Cluster::known(Client::new(access).unwrap(), gate.clone(), clock.clone(), patience)
}

/// The shared files of the control planes of a cluster, as created by the first one, in a directory of their own.
pub(crate) struct First {
    pub root: tempfile::TempDir,
    pub cluster: ClusterConfig,
}

impl First {
    /// Its API server has a currently valid certificate for 127.0.0.1.
    pub(crate) fn new(minor: u16) -> Self {
        let (root, cluster, mut node) = (tempfile::tempdir().unwrap(), fixture::cluster(minor), fixture::node());
        node.local_endpoint.advertise_address = "127.0.0.1".parse().unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        let store = PkiStore::new(files, &cluster.certificates_dir, &Clock::system(), &Random::seeded(9));
        for spec in CERTS {
            store.ensure(spec, &cluster, &node, &Generator).unwrap();
        }
        store.ensure_service_account(&cluster, &Generator).unwrap();
        Self { root, cluster }
    }

    pub(crate) fn read(&self, path: &Path) -> Vec<u8> {
        std::fs::read(self.root.path().join(path.strip_prefix("/").unwrap())).unwrap()
    }

    pub(crate) fn ca(&self) -> Vec<u8> {
        self.read(&self.cluster.certificates_dir.join("ca.crt"))
    }

    /// The certificate of its API server.
    pub(crate) fn leaf(&self) -> TestLeaf {
        let file = |name: &str| self.read(&self.cluster.certificates_dir.join(name));
        TestLeaf { certificate: file("apiserver.crt"), key: file("apiserver.key") }
    }

    /// The Secret with its files, encrypted; `left_out` are those of an external CA.
    pub(crate) fn encrypted(&self, key: &str, left_out: &[&str]) -> Value {
        let key = CertificateKey::parse(&Secret::new(key.into())).unwrap();
        let mut data = json!({});
        for file in shared_files(&self.cluster) {
            let encrypted = || key.encrypt(file.name, &self.read(&file.path), &Random::seeded(3)).unwrap();
            let encrypted = if left_out.contains(&file.name) { Vec::new() } else { encrypted() };
            data[file.name] = json!(STANDARD.encode(encrypted));
        }
        json!({"data": data})
    }
}

/// Where the kubelet keeps its certificate.
pub(crate) const PAIR: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";

/// Writes a file of the host, without the gate.
pub(crate) fn put(cx: &Context, path: &str, bytes: impl AsRef<[u8]>) {
    let path = cx.host.files.root().join(path.trim_start_matches('/'));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A `kubelet.conf` as the kubelet writes it before it requests a certificate.
pub(crate) fn put_kubelet_conf(cx: &Context, ca: &TestCa) {
    let user = User { client_certificate: Some(PAIR.into()), client_key: Some(PAIR.into()), ..User::default() };
    let ca = String::from_utf8(ca.pem()).unwrap();
    let kubeconfig = Kubeconfig::new("default-cluster", "https://10.0.0.1:6443".into(), ca, "default-auth", user);
    put(cx, KUBELET_CONF, kubeconfig.to_yaml().unwrap().expose());
}

/// A certificate and key as the kubelet stores them.
pub(crate) fn put_pair(cx: &Context, leaf: &TestLeaf) {
    put(cx, PAIR, [leaf.certificate.as_slice(), leaf.key.as_slice()].concat());
}

pub(crate) fn state(cx: &Context, ca: &TestCa) -> kubelet_credentials::Credentials {
    kubelet_credentials::of_kubelet(cx, &ca.pem()).unwrap()
}
