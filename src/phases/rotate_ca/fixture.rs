//! For tests: a cluster in memory, with a control plane and a worker in directories.

use crate::base::env::{Clock, Random};
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::context::rotation::{Plan, Rotation, Stage};
use crate::context::{Context, Renewal, Rotating, Run};
use crate::kube::test_api::TestApi;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog::{self, CERTS, KUBECONFIGS};
use crate::pki::keys::Generator;
use crate::pki::{PkiStore, fixture};
use crate::state::rotation::{self, ANNOTATION};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// When the certificates were created: the time of [`Context::for_tests`].
const CREATED: u64 = 1_800_000_000;
/// The path of the object `cluster-info` in the API.
pub(in crate::phases) const INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";

/// A host and its cluster.
pub(in crate::phases) struct TestHost {
    pub root: tempfile::TempDir,
    pub api: TestApi,
    pub name: String,
    pub leads: bool,
}

impl TestHost {
    /// The only control plane of a new cluster, with all files of `init`.
    pub fn control_plane() -> Self {
        let host =
            Self { root: tempfile::tempdir().unwrap(), api: TestApi::default(), name: "cp1".into(), leads: true };
        host.make();
        let admin = host.read("etc/kubernetes/admin.conf");
        host.api.put(
            INFO,
            json!({
                "kind": "ConfigMap", "apiVersion": "v1",
                "metadata": {"name": "cluster-info", "namespace": "kube-public"},
                "data": {"kubeconfig": admin},
            }),
        );
        host
    }

    /// Another control plane, which has joined with the current CAs.
    pub fn joined(&self, name: &str) -> Self {
        let other = Self { root: tempfile::tempdir().unwrap(), api: self.api.clone(), name: name.into(), leads: true };
        for file in [
            "ca.crt",
            "ca.key",
            "front-proxy-ca.crt",
            "front-proxy-ca.key",
            "etcd/ca.crt",
            "etcd/ca.key",
            "sa.pub",
            "sa.key",
        ] {
            let path = format!("etc/kubernetes/pki/{file}");
            std::fs::create_dir_all(other.root.path().join(&path).parent().unwrap()).unwrap();
            std::fs::copy(self.root.path().join(&path), other.root.path().join(&path)).unwrap();
        }
        other.make();
        other
    }

    /// The same host in the same cluster, with a state of its own from now on.
    pub fn copy(&self) -> Self {
        let root = tempfile::tempdir().unwrap();
        copy_all(self.root.path(), root.path());
        let objects = self.api.with(|state| state.objects.clone());
        let api = TestApi::default();
        api.with(|state| state.objects = objects);
        Self { root, api, name: self.name.clone(), leads: self.leads }
    }

    /// Creates missing files of a control plane, and its node.
    fn make(&self) {
        let (store, cluster) = (self.store(), fixture::cluster(36));
        let mut node = fixture::node();
        node.name.clone_from(&self.name);
        for spec in CERTS {
            store.ensure(spec, &cluster, &node, &Generator).unwrap();
        }
        store.ensure_service_account(&cluster, &Generator).unwrap();
        for spec in KUBECONFIGS {
            store.ensure_kubeconfig(spec, Path::new("/etc/kubernetes"), &cluster, &node, &Generator).unwrap();
        }
        self.node(&self.name, true);
    }

    /// A worker of the same cluster, whose kubelet may read only its own node.
    pub fn worker(&self, name: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let worker = Self { root, api: self.api.clone(), name: name.into(), leads: false };
        for file in ["etc/kubernetes/kubelet.conf", "etc/kubernetes/pki/ca.crt"] {
            let path = worker.root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, self.read(file)).unwrap();
        }
        self.node(name, false);
        self.api.with(|state| state.forbidden = vec!["/api/v1/nodes".into()]);
        worker
    }

    /// Adds a node to the cluster.
    pub fn node(&self, name: &str, leads: bool) {
        let labels = if leads { json!({"node-role.kubernetes.io/control-plane": ""}) } else { json!({}) };
        self.api.put(
            &format!("/api/v1/nodes/{name}"),
            json!({
                "kind": "Node", "apiVersion": "v1", "metadata": {"name": name, "labels": labels},
            }),
        );
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.path().join(path)).unwrap()
    }

    pub fn store(&self) -> PkiStore {
        let files = HostFiles::new(self.root.path(), Gate::open());
        PkiStore::new(files, "/etc/kubernetes/pki", &Clock::fixed(CREATED), &Random::seeded(9))
    }

    /// A run of a stage on this host at its beginning.
    pub fn run(&self, stage: Stage) -> Run<Rotating> {
        self.run_through(stage, Gate::open())
    }

    /// The same with another gate.
    pub fn run_through(&self, stage: Stage, gate: Gate) -> Run<Rotating> {
        let mut cx = Context::for_tests(self.root.path().to_str().unwrap());
        cx.host.files = HostFiles::new(self.root.path(), gate.clone());
        cx.host.gate = gate;
        let mut node = fixture::node();
        node.name.clone_from(&self.name);
        let rotation = Rotation::new(stage, self.leads);
        let work = Renewal::new(rotation, "/var/lib/kubewright/backup/certs-20270115T080000Z".into());
        cx.fake = Some(Arc::new(self.api.cluster(&cx.host.gate)));
        Run::renewing(cx, fixture::cluster(36), node, work)
    }

    /// The object at a path; Null if there is none.
    pub fn object(&self, path: &str) -> Value {
        self.api.with(|state| state.objects.get(path).cloned()).unwrap_or_default()
    }

    /// Sets an annotation of an object.
    pub fn annotate(&self, path: &str, name: &str, text: &str) {
        let mut object = self.object(path);
        object["metadata"]["annotations"][name] = json!(text);
        self.api.put(path, object);
    }

    /// Begins a rotation of these CAs.
    pub fn begun(&self, names: &[&str]) -> Plan {
        self.begins(names.iter().map(|name| (*name, "0123456789abcdef".repeat(4))))
    }

    /// Begins a rotation of these CAs to new ones with these fingerprints.
    pub fn begins<'a>(&self, prints: impl IntoIterator<Item = (&'a str, String)>) -> Plan {
        let prints = prints.into_iter().map(|(name, print)| (name.to_owned(), print)).collect();
        let plan = Plan { id: "r1".into(), begun: 7, prints };
        self.annotate(INFO, ANNOTATION, &serde_json::to_string(&plan).unwrap());
        plan
    }

    /// Records a stage of a node.
    pub fn noted(&self, node: &str, plan: &Plan, stage: Stage, at: i64) {
        self.annotate(&format!("/api/v1/nodes/{node}"), ANNOTATION, &rotation::note(plan, stage, at));
    }
}

/// Runs one phase.
pub(in crate::phases) fn phase(action: &dyn Phase<Rotating>, cx: &mut Run<Rotating>) -> crate::base::fault::Result<()> {
    action.run(cx, &Target { path: "a test".into(), item: None })
}

/// The row of the cluster's CA.
pub(in crate::phases) fn ca() -> &'static catalog::CertSpec {
    catalog::cert("ca").unwrap()
}

/// Copies a directory recursively, with modes.
fn copy_all(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&path).unwrap(), &target).unwrap();
        } else if kind.is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_all(&path, &target);
            std::fs::set_permissions(&target, entry.metadata().unwrap().permissions()).unwrap();
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
