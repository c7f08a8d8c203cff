//! A host with fake components: they load the files of the host when they start, and fail with rejected ones.

use super::super::*;
use crate::base::files::FileError;
use crate::host::cri::{Container, ContainerState};
use crate::ops::kubelet_service::KubeletUnavailable;
use crate::ops::renewal;
use crate::pki::catalog;
use crate::state::consumers::CONSUMERS;
use crate::state::renewal_fixture::{host, renewing};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Components whose new containers load the current files, unless these are rejected.
pub struct FakeComponents {
    pub root: std::path::PathBuf,
    pub components: RefCell<BTreeMap<String, Component>>,
    /// The contents of files that components cannot run with.
    pub rejected: RefCell<Vec<Vec<u8>>>,
    /// The contents of admin.conf and of certificates with which the API server does not accept the administrator.
    pub refused_by_api_server: RefCell<Vec<Vec<u8>>>,
    /// The problems that components report.
    pub problems: RefCell<BTreeMap<String, String>>,
    pub log: RefCell<Vec<String>>,
    pub started: RefCell<u32>,
    /// How many more times no port answers.
    pub silent: RefCell<u32>,
    /// No kubelet would restart a stopped container.
    pub kubelet_is_down: RefCell<bool>,
    /// What happens when the first container is ended.
    pub when_ended: RefCell<Option<Box<dyn FnOnce()>>>,
}

pub struct Component {
    pub containers: Vec<Container>,
    /// The file that it loads.
    pub file: &'static str,
    /// The loaded content.
    pub read: Vec<u8>,
}

/// Passes before admin.conf is verified: files that are written later are newer than every container.
pub const HOUR: Duration = Duration::from_hours(1);

pub const API: &str = "etc/kubernetes/pki/apiserver.crt";
pub const SCHEDULER: &str = "etc/kubernetes/scheduler.conf";
pub const ETCD: &str = "etc/kubernetes/pki/etcd/server.crt";
pub const ADMIN: &str = "etc/kubernetes/admin.conf";

impl FakeComponents {
    pub fn new(root: &Path) -> Self {
        let mut components = BTreeMap::new();
        for (name, file) in [("etcd", ETCD), ("kube-apiserver", API), ("kube-scheduler", SCHEDULER)] {
            let read = std::fs::read(root.join(file)).unwrap();
            components.insert(name.to_owned(), Component { containers: vec![container(name, "old", 1)], file, read });
        }
        Self {
            root: root.to_path_buf(),
            components: RefCell::new(components),
            rejected: RefCell::default(),
            refused_by_api_server: RefCell::default(),
            problems: RefCell::default(),
            silent: RefCell::default(),
            log: RefCell::default(),
            started: RefCell::new(0),
            kubelet_is_down: RefCell::new(false),
            when_ended: RefCell::default(),
        }
    }

    pub fn file(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.root.join(path)).unwrap()
    }

    /// Components cannot run with the current content of this file.
    pub fn reject(&self, path: &str) {
        let bytes = self.file(path);
        self.rejected.borrow_mut().push(bytes);
    }

    pub fn served_by(&self, component: &str) -> Cert {
        Cert::bundle_from_pem(&self.components.borrow()[component].read).unwrap().remove(0)
    }

    /// Makes files and containers older by an hour.
    pub fn pass_an_hour(&self) {
        for component in self.components.borrow_mut().values_mut() {
            for container in &mut component.containers {
                container.created -= i64::try_from(HOUR.as_nanos()).unwrap();
            }
        }
        for directory in ["etc/kubernetes", "etc/kubernetes/pki", "etc/kubernetes/pki/etcd"] {
            for entry in std::fs::read_dir(self.root.join(directory)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let file = std::fs::File::options().write(true).open(path).unwrap();
                    file.set_modified(file.metadata().unwrap().modified().unwrap() - HOUR).unwrap();
                }
            }
        }
    }

    pub fn runs(&self, component: &str) -> bool {
        self.components.borrow()[component].containers.iter().any(|one| one.state == ContainerState::Running)
    }
}

pub fn container(name: &str, id: &str, created: i64) -> Container {
    Container {
        id: id.into(),
        pod: "p".into(),
        name: name.into(),
        attempt: 0,
        state: ContainerState::Running,
        created,
        labels: BTreeMap::new(),
        grace: None,
    }
}

pub fn disk(root: &Path) -> Cert {
    Cert::bundle_from_pem(&std::fs::read(root.join(API)).unwrap()).unwrap().remove(0)
}

impl Running for FakeComponents {
    fn containers(&self, component: &str) -> Result<Vec<Container>> {
        Ok(self.components.borrow()[component].containers.clone())
    }

    fn end(&self, stopped: &Container) -> Result<()> {
        if let Some(event) = self.when_ended.take() {
            event();
        }
        let mut components = self.components.borrow_mut();
        let component = components.get_mut(&stopped.name).unwrap();
        component.containers.retain(|one| one.id != stopped.id);
        self.log.borrow_mut().push(format!("end {} {}", stopped.name, stopped.id));
        if component.containers.is_empty() {
            // The kubelet starts the next one.
            let mut started = self.started.borrow_mut();
            *started += 1;
            let now = SystemTime::now() + Duration::from_secs(1);
            let now = i64::try_from(now.duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap();
            let mut next = container(&stopped.name, &format!("new-{started}"), now);
            component.read = self.file(component.file);
            if self.rejected.borrow().contains(&component.read) {
                next.state = ContainerState::Exited;
            }
            component.containers.push(next);
        }
        Ok(())
    }

    fn runs_image(&self, _: &Container, _: &str) -> Result<bool> {
        Ok(true)
    }

    fn require_kubelet(&self, _: &Context) -> Result<()> {
        if *self.kubelet_is_down.borrow() { Err(KubeletUnavailable::Down("inactive".into()).into()) } else { Ok(()) }
    }

    fn served_chain(&self, port: &Port) -> std::result::Result<Vec<Cert>, String> {
        if !self.runs(port.component) {
            return Err("connection refused".into());
        }
        let mut silent = self.silent.borrow_mut();
        if *silent > 0 {
            *silent -= 1;
            return Err("no certificate within 3s".into());
        }
        Ok(Cert::bundle_from_pem(&self.components.borrow()[port.component].read).unwrap())
    }

    fn problem(&self, component: &str, url: &str) -> Result<Option<String>> {
        assert!(component != "kube-apiserver" || url == "https://127.0.0.1:6443/livez");
        Ok(self.problems.borrow().get(component).cloned())
    }

    fn verify_admin_access(&self, _: &mut Context) -> Result<()> {
        self.pass_an_hour();
        let refused_by_api_server = self.refused_by_api_server.borrow();
        let refused = refused_by_api_server.contains(&self.file(ADMIN))
            || refused_by_api_server.contains(&self.components.borrow()["kube-apiserver"].read);
        let refusal = std::io::Error::other("x509: certificate signed by unknown authority");
        let path = self.root.join(ADMIN);
        if refused { Err(FileError { verb: "use", path, source: refusal }.into()) } else { Ok(()) }
    }
}

pub fn component<'a>(host: &'a FakeComponents, name: &'static str) -> RunningComponent<'a> {
    let consumer = CONSUMERS.iter().find(|consumer| consumer.component == name).unwrap();
    let certificate = BTreeMap::from([("kube-apiserver", "apiserver"), ("etcd", "etcd-server")]);
    let port = Port {
        component: name,
        name: certificate.get(name).copied(),
        address: "127.0.0.1:6443".parse().unwrap(),
        foreign: false,
    };
    let ports = if port.name.is_some() { vec![port] } else { Vec::new() };
    RunningComponent { consumer, ports, host }
}

pub fn api_server(host: &FakeComponents) -> RunningComponent<'_> {
    component(host, "kube-apiserver")
}

pub fn load(host: &FakeComponents, cx: &mut Run<Renewal>) -> Result<()> {
    let components = ["etcd", "kube-apiserver", "kube-scheduler"].map(|name| component(host, name));
    load_all(cx, &components, host)
}

/// A host on which these were renewed and are not loaded yet.
pub fn with_renewed(names: &[&str]) -> (tempfile::TempDir, FakeComponents, Run<Renewal>) {
    let root = host();
    let fakes = FakeComponents::new(root.path());
    let mut cx = renewing(&root, None);
    for name in names {
        let done = match Row::named(name).unwrap() {
            Row::Cert(spec) => renewal::cert(&mut cx, spec).unwrap(),
            Row::Kubeconfig(spec) => renewal::kubeconfig(&mut cx, spec).unwrap(),
        };
        cx.work.renewed.push(done);
    }
    (root, fakes, cx)
}

/// A host with a renewed API server certificate that is not loaded yet.
pub fn renewed() -> (tempfile::TempDir, FakeComponents, Run<Renewal>, Cert) {
    let root = host();
    let fakes = FakeComponents::new(root.path());
    let old = disk(root.path());
    let mut cx = renewing(&root, Some("apiserver"));
    let spec = catalog::cert("apiserver").unwrap();
    let done = crate::ops::renewal::cert(&mut cx, spec).unwrap();
    cx.work.renewed.push(done);
    (root, fakes, cx, old)
}
