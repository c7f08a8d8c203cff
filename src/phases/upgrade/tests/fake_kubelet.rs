//! For tests: a host with static Pods whose kubelet replaces a container when its manifest changes.

use crate::base::fault::Result;
use crate::context::Context;
use crate::host::cri::{Container, ContainerState};
use crate::ops::running::Running;
use crate::pki::Cert;
use crate::state::ports::Port;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a component runs with.
#[derive(Default)]
struct Pod {
    manifest: String,
    certificates: BTreeMap<String, Vec<u8>>,
    containers: Vec<Container>,
}

#[derive(Default)]
pub struct FakeKubelet {
    root: PathBuf,
    pods: RefCell<BTreeMap<String, Pod>>,
    started: RefCell<u32>,
    /// Components whose containers exit with a manifest that contains this text.
    pub broken: RefCell<Option<(String, String)>>,
    /// Components that have exited without etcd.
    delayed: RefCell<BTreeSet<String>>,
    /// `start NAME` and `end NAME`.
    pub log: RefCell<Vec<String>>,
}

const FILES: [(&str, &str); 3] =
    [("apiserver", "pki/apiserver.crt"), ("etcd-server", "pki/etcd/server.crt"), ("etcd-peer", "pki/etcd/peer.crt")];

const HALF_AN_HOUR: i64 = 1800 * 1_000_000_000;

/// A moment later than all files.
pub fn now() -> i64 {
    let now = SystemTime::now() + Duration::from_secs(1);
    i64::try_from(now.duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

impl FakeKubelet {
    /// A host whose components run with the files below `root`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.join("etc/kubernetes"), ..Self::default() }
    }

    fn manifest(&self, name: &str) -> String {
        std::fs::read_to_string(self.root.join(format!("manifests/{name}.yaml"))).unwrap_or_default()
    }

    fn is_broken(&self, name: &str, manifest: &str) -> bool {
        self.broken.borrow().as_ref().is_some_and(|(which, text)| which == name && manifest.contains(text))
    }

    /// Starts a container with the files on disk.
    fn start(&self, name: &str, pod: &mut Pod, created: Option<i64>) {
        let mut started = self.started.borrow_mut();
        *started += 1;
        self.delayed.borrow_mut().remove(name);
        pod.manifest = self.manifest(name);
        for (certificate, path) in FILES {
            pod.certificates.insert(certificate.into(), std::fs::read(self.root.join(path)).unwrap_or_default());
        }
        let state = if self.is_broken(name, &pod.manifest) { ContainerState::Exited } else { ContainerState::Running };
        pod.containers.push(Container {
            id: format!("c{started}"),
            pod: "p".into(),
            name: name.into(),
            attempt: 0,
            state,
            created: created.unwrap_or_else(now),
            labels: BTreeMap::new(),
            grace: None,
        });
        if created.is_none() {
            self.log.borrow_mut().push(format!("start {name}"));
        }
    }

    /// A component exits, and is not started again before its container is removed: the kubelet waits for minutes in the end.
    fn exit(&self, pod: Option<&mut Pod>) {
        for container in pod.into_iter().flat_map(|pod| &mut pod.containers) {
            container.state = ContainerState::Exited;
            self.delayed.borrow_mut().insert(container.name.clone());
        }
    }

    /// A component exits, and the kubelet waits before it starts it again.
    pub fn crash(&self, name: &str) {
        self.exit(self.pods.borrow_mut().get_mut(name));
    }

    /// The image that a component runs.
    pub fn image(&self, name: &str) -> String {
        let image = |line: &str| line.trim().strip_prefix("image: ").map(str::to_owned);
        self.pods.borrow()[name].manifest.lines().find_map(image).unwrap_or_default()
    }

    /// All run, and with the manifests on disk.
    pub fn runs_what_is_on_disk(&self) -> bool {
        self.pods.borrow().iter().all(|(name, pod)| {
            pod.manifest == self.manifest(name)
                && pod.containers.last().is_some_and(|last| last.state == ContainerState::Running)
        })
    }
}

impl Running for FakeKubelet {
    fn containers(&self, name: &str) -> Result<Vec<Container>> {
        let mut pods = self.pods.borrow_mut();
        let is_new = !pods.contains_key(name);
        let pod = pods.entry(name.into()).or_default();
        if is_new {
            self.start(name, pod, Some(now() - HALF_AN_HOUR));
        } else if pod.manifest != self.manifest(name) {
            pod.containers.clear();
            self.start(name, pod, None);
        } else if pod.containers.last().is_some_and(|last| last.state == ContainerState::Exited)
            && !self.delayed.borrow().contains(name)
        {
            pod.containers.truncate(1);
            self.start(name, pod, None);
        }
        let containers = pod.containers.clone();
        if name == "etcd" && self.is_broken(name, &self.manifest(name)) {
            self.exit(pods.get_mut("kube-apiserver"));
        }
        Ok(containers)
    }

    fn end(&self, stopped: &Container) -> Result<()> {
        let mut pods = self.pods.borrow_mut();
        let pod = pods.get_mut(&stopped.name).unwrap();
        pod.containers.retain(|one| one.id != stopped.id);
        self.log.borrow_mut().push(format!("end {}", stopped.name));
        if pod.containers.is_empty() {
            self.start(&stopped.name, pod, None);
        }
        Ok(())
    }

    fn runs_image(&self, container: &Container, image: &str) -> Result<bool> {
        Ok(self.image(&container.name) == image)
    }

    fn require_kubelet(&self, _: &Context) -> Result<()> {
        for name in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            self.containers(name)?;
        }
        Ok(())
    }

    fn served_chain(&self, port: &Port) -> std::result::Result<Vec<Cert>, String> {
        let Some(name) = port.name else { return Ok(Vec::new()) };
        let pods = self.pods.borrow();
        let own = &pods[port.component].certificates[name];
        let (_, path) = FILES.iter().find(|(certificate, _)| *certificate == name).unwrap();
        // etcd reads its certificates for each connection.
        let bytes = if port.component == "etcd" { std::fs::read(self.root.join(path)).unwrap() } else { own.clone() };
        Ok(Cert::bundle_from_pem(&bytes).unwrap())
    }

    fn problem(&self, _: &str, _: &str) -> Result<Option<String>> {
        Ok(None)
    }

    fn verify_admin_access(&self, _: &mut Context) -> Result<()> {
        Ok(())
    }
}
