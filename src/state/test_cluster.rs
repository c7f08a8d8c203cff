//! A cluster for tests: objects behind a real API server on this machine, and a host with its kubeconfig.

use crate::base::https::test_server::{TestCa, TestRequest, TestServer};
use crate::context::leaving::fixture;
use crate::context::{Elsewhere, Leaving, Reset, Run};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

/// The kubeconfig of the host.
const KUBECONFIG: &str = "/etc/kubernetes/kubelet.conf";

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    refused: BTreeMap<String, u16>,
    log: Vec<String>,
    removed_members: Vec<Value>,
    /// The objects that replace others after a number of reads.
    replaced_after: BTreeMap<String, (usize, Value)>,
}

pub struct TestCluster {
    root: tempfile::TempDir,
    ca: TestCa,
    state: Arc<Mutex<State>>,
}

/// A node, and its path.
pub fn node(name: &str, ready: bool) -> (String, Value) {
    let status = if ready { "True" } else { "Unknown" };
    let object = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {},
        "status": {"conditions": [{"type": "Ready", "status": status}]},
    });
    (format!("/api/v1/nodes/{name}"), object)
}

/// A Pod on a node, and its path.
pub fn pod(name: &str, node: &str) -> (String, Value) {
    let owner = json!([{"kind": "ReplicaSet", "controller": true}]);
    let object = json!({
        "apiVersion": "v1", "kind": "Pod", "spec": {"nodeName": node},
        "metadata": {"name": name, "namespace": "default", "ownerReferences": owner},
    });
    (format!("/api/v1/namespaces/default/pods/{name}"), object)
}

impl TestCluster {
    /// A cluster with these objects.
    pub fn start(objects: impl IntoIterator<Item = (String, Value)>) -> Self {
        let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
        let state = Arc::new(Mutex::new(State { objects: objects.into_iter().collect(), ..State::default() }));
        let behind = Arc::clone(&state);
        let server = TestServer::start(&ca.local_leaf(), None, move |request| behind.lock().unwrap().answer(request));
        let file = root.path().join(KUBECONFIG.trim_start_matches('/'));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file.with_file_name("ca.crt"), ca.pem()).unwrap();
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server.url(), "certificate-authority": "ca.crt"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        });
        std::fs::write(file, kubeconfig.to_string()).unwrap();
        Self { root, ca, state }
    }

    /// After this number of reads, the object is replaced by this one.
    #[must_use]
    pub fn replaced_after(self, path: &str, reads: usize, object: Value) -> Self {
        self.state.lock().unwrap().replaced_after.insert(path.into(), (reads, object));
        self
    }

    /// `METHOD PATH` gets a response with this status.
    #[must_use]
    pub fn refuses(self, request: &str, status: u16) -> Self {
        self.state.lock().unwrap().refused.insert(request.into(), status);
        self
    }

    /// The host n1 during its reset.
    pub fn leaving(&self) -> Run<Reset> {
        let mut cx = fixture(self.root());
        cx.work.kubeconfig = Some(KUBECONFIG.into());
        cx
    }

    /// The same cluster with an etcd that lists these members; the member with the id `own` responds, and at `URL/ID`
    /// the one with that id. The host is a control plane.
    #[must_use]
    pub fn with_etcd(self, own: u64, members: impl Fn(&str) -> Vec<Value> + Send + Sync + 'static) -> Self {
        let (leaf, url) = (self.ca.local_leaf(), Arc::new(OnceLock::<String>::new()));
        let known = Arc::clone(&url);
        let status = |id: &str| json!({"header": {"member_id": id}, "leader": "1", "version": "3.5.0"}).to_string();
        let own = own.to_string();
        let behind = Arc::clone(&self.state);
        let server = TestServer::start(&leaf, None, move |request| match request.path.as_str() {
            "/v3/cluster/member/list" => {
                let listed = members(known.get().map(String::as_str).unwrap_or_default());
                let removed_members = behind.lock().unwrap().removed_members.clone();
                let left: Vec<&Value> =
                    listed.iter().filter(|member| !removed_members.contains(&member["ID"])).collect();
                (200, json!({"members": left}).to_string())
            }
            "/v3/cluster/member/remove" => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                behind.lock().unwrap().removed_members.push(body["ID"].clone());
                (200, "{}".into())
            }
            "/v3/maintenance/status" => (200, status(&own)),
            // As a proxy that does not support gRPC.
            other if other.contains("/etcdserverpb.") => (404, "{}".into()),
            other => match other.strip_suffix("/v3/maintenance/status") {
                Some(id) => (200, status(id.trim_start_matches('/'))),
                None => panic!("{other}"),
            },
        });
        url.set(server.url()).unwrap();
        let pki = self.root().join("etc/kubernetes/pki/etcd");
        std::fs::create_dir_all(&pki).unwrap();
        for (name, content) in
            [("ca.crt", self.ca.pem()), ("peer.crt", leaf.certificate.clone()), ("peer.key", leaf.key.clone())]
        {
            std::fs::write(pki.join(name), content).unwrap();
        }
        let annotations = json!({"kubeadm.kubernetes.io/etcd.advertise-client-urls": server.url()});
        let etcd = json!({
            "apiVersion": "v1", "kind": "Pod", "spec": {"nodeName": "n1"},
            "metadata": {"name": "etcd-n1", "namespace": "kube-system", "annotations": annotations},
        });
        self.state.lock().unwrap().objects.insert("/api/v1/namespaces/kube-system/pods/etcd-n1".into(), etcd);
        self
    }

    /// The host n1, which removes another node from the cluster.
    pub fn removing(&self, name: &str, dead: bool) -> Run<Leaving<Elsewhere>> {
        let mut cx = self.leaving().elsewhere();
        (cx.work.name, cx.work.dead) = (name.into(), dead);
        cx
    }

    /// The ids of the members that were removed from etcd.
    pub fn removed_members(&self) -> Vec<Value> {
        self.state.lock().unwrap().removed_members.clone()
    }

    /// The directory that is the host's `/`.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The object at a path; null if there is none.
    pub fn object(&self, path: &str) -> Value {
        self.state.lock().unwrap().objects.get(path).cloned().unwrap_or_default()
    }

    /// True if there is an object at a path.
    pub fn has(&self, path: &str) -> bool {
        !self.object(path).is_null()
    }

    /// `METHOD PATH` of every request so far.
    pub fn log(&self) -> Vec<String> {
        self.state.lock().unwrap().log.clone()
    }
}

impl State {
    fn answer(&mut self, request: &TestRequest) -> (u16, String) {
        let path = request.path.split('?').next().unwrap_or_default();
        let line = format!("{} {path}", request.method);
        self.log.push(line.clone());
        if let Some(status) = self.refused.get(&line) {
            return (*status, json!({"kind": "Status", "message": "no"}).to_string());
        }
        if let Some((reads, object)) = self.replaced_after.get_mut(path) {
            *reads = reads.saturating_sub(1);
            if *reads == 0 {
                self.objects.insert(path.into(), object.clone());
            }
        }
        let done = json!({"kind": "Status", "status": "Success"}).to_string();
        match (request.method.as_str(), path) {
            ("GET", "/readyz") => (200, "ok".into()),
            ("GET", "/api/v1") => (200, json!({"resources": []}).to_string()),
            ("POST", _) if path.ends_with("/eviction") => {
                self.objects.remove(path.trim_end_matches("/eviction"));
                (200, done)
            }
            ("PATCH", _) => {
                let sent: Value = serde_json::from_slice(&request.body).unwrap();
                let object = self.objects.get_mut(path).unwrap_or_else(|| panic!("{path} does not exist"));
                object["spec"]["unschedulable"] = sent["spec"]["unschedulable"].clone();
                (200, object.to_string())
            }
            ("DELETE", _) => (if self.objects.remove(path).is_some() { 200 } else { 404 }, done),
            ("GET", _) => match self.objects.get(path) {
                Some(object) => (200, object.to_string()),
                None => self.list(path),
            },
            _ => panic!("unexpected request: {line}"),
        }
    }

    /// The objects of a kind in all namespaces; empty for other paths.
    fn list(&self, path: &str) -> (u16, String) {
        let (parent, kind) = path.rsplit_once('/').unwrap_or_default();
        let is_of = |key: &&String| {
            key.rsplit_once('/')
                .is_some_and(|(directory, _)| directory.starts_with(parent) && directory.ends_with(&format!("/{kind}")))
        };
        if !["nodes", "pods", "certificatesigningrequests"].contains(&kind) {
            return (404, json!({"kind": "Status", "reason": "NotFound", "message": "not found"}).to_string());
        }
        let items: Vec<&Value> = self.objects.keys().filter(is_of).filter_map(|key| self.objects.get(key)).collect();
        (200, json!({ "items": items }).to_string())
    }
}
