//! A host whose components are fakes: they read the files of the host when they start, and fail on those they are told to.

use super::super::*;
use crate::base::files::FileError;
use crate::host::cri::{Container, ContainerState};
use crate::ops::kubelet_service::Unfit;
use crate::ops::renewal;
use crate::pki::catalog;
use crate::state::consumers::READERS;
use crate::state::renewal_fixture::{host, renewing};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Components whose new containers read what is on the disk, unless they are told to fail on it.
pub struct Imagined {
    pub root: std::path::PathBuf,
    pub components: RefCell<BTreeMap<String, Component>>,
    /// The contents of files that components cannot live with.
    pub dislikes: RefCell<Vec<Vec<u8>>>,
    /// The contents of admin.conf and of certificates with which the API server lets no administrator in.
    pub bars: RefCell<Vec<Vec<u8>>>,
    /// What components say is wrong with them.
    pub ailments: RefCell<BTreeMap<String, String>>,
    pub log: RefCell<Vec<String>>,
    pub started: RefCell<u32>,
    /// Nobody would start again what is ended.
    pub kubelet_is_down: RefCell<bool>,
}

pub struct Component {
    pub containers: Vec<Container>,
    /// The file that it reads.
    pub file: &'static str,
    /// What it has read.
    pub read: Vec<u8>,
}

/// This passes before the administrator is let in: what is written then is newer than every container.
pub const HOUR: Duration = Duration::from_hours(1);

pub const API: &str = "etc/kubernetes/pki/apiserver.crt";
pub const SCHEDULER: &str = "etc/kubernetes/scheduler.conf";
pub const ETCD: &str = "etc/kubernetes/pki/etcd/server.crt";
pub const ADMIN: &str = "etc/kubernetes/admin.conf";

impl Imagined {
    pub fn new(root: &Path) -> Self {
        let mut components = BTreeMap::new();
        for (name, file) in [("etcd", ETCD), ("kube-apiserver", API), ("kube-scheduler", SCHEDULER)] {
            let read = std::fs::read(root.join(file)).unwrap();
            components.insert(name.to_owned(), Component { containers: vec![container(name, "old", 1)], file, read });
        }
        Self {
            root: root.to_path_buf(),
            components: RefCell::new(components),
            dislikes: RefCell::default(),
            bars: RefCell::default(),
            ailments: RefCell::default(),
            log: RefCell::default(),
            started: RefCell::new(0),
            kubelet_is_down: RefCell::new(false),
        }
    }

    pub fn file(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.root.join(path)).unwrap()
    }

    /// What is in the file now is of no use to who reads it.
    pub fn dislike(&self, path: &str) {
        let bytes = self.file(path);
        self.dislikes.borrow_mut().push(bytes);
    }

    pub fn shown_by(&self, component: &str) -> Cert {
        Cert::bundle_from_pem(&self.components.borrow()[component].read).unwrap().remove(0)
    }

    /// Files and containers are older by an hour.
    pub fn pass_an_hour(&self) {
        for component in self.components.borrow_mut().values_mut() {
            for container in &mut component.containers {
                container.created -= i64::try_from(HOUR.as_nanos()).unwrap();
            }
        }
        for folder in ["etc/kubernetes", "etc/kubernetes/pki", "etc/kubernetes/pki/etcd"] {
            for entry in std::fs::read_dir(self.root.join(folder)).unwrap() {
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

impl Running for Imagined {
    fn containers(&self, component: &str) -> Result<Vec<Container>> {
        Ok(self.components.borrow()[component].containers.clone())
    }

    fn end(&self, ended: &Container) -> Result<()> {
        let mut components = self.components.borrow_mut();
        let component = components.get_mut(&ended.name).unwrap();
        component.containers.retain(|one| one.id != ended.id);
        self.log.borrow_mut().push(format!("end {} {}", ended.name, ended.id));
        if component.containers.is_empty() {
            // The kubelet starts the next one.
            let mut started = self.started.borrow_mut();
            *started += 1;
            let now = SystemTime::now() + Duration::from_secs(1);
            let now = i64::try_from(now.duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap();
            let mut next = container(&ended.name, &format!("new-{started}"), now);
            component.read = self.file(component.file);
            if self.dislikes.borrow().contains(&component.read) {
                next.state = ContainerState::Exited;
            }
            component.containers.push(next);
        }
        Ok(())
    }

    fn kubelet_is_well(&self, _: &Context) -> Result<()> {
        if *self.kubelet_is_down.borrow() { Err(Unfit::Down("inactive".into()).into()) } else { Ok(()) }
    }

    fn shown(&self, port: &Port) -> std::result::Result<Cert, String> {
        if self.runs(port.component) { Ok(self.shown_by(port.component)) } else { Err("nobody listens".into()) }
    }

    fn ailment(&self, component: &str, url: &str) -> Result<Option<String>> {
        assert!(component != "kube-apiserver" || url == "https://127.0.0.1:6443/livez");
        Ok(self.ailments.borrow().get(component).cloned())
    }

    fn admin_enters(&self, _: &mut Context) -> Result<()> {
        self.pass_an_hour();
        let bars = self.bars.borrow();
        let barred =
            bars.contains(&self.file(ADMIN)) || bars.contains(&self.components.borrow()["kube-apiserver"].read);
        let refusal = std::io::Error::other("x509: certificate signed by unknown authority");
        let path = self.root.join(ADMIN);
        if barred { Err(FileError { verb: "use", path, source: refusal }.into()) } else { Ok(()) }
    }
}

pub fn component<'a>(host: &'a Imagined, name: &'static str) -> Proved<'a> {
    let reader = READERS.iter().find(|reader| reader.component == name).unwrap();
    let certificate = BTreeMap::from([("kube-apiserver", "apiserver"), ("etcd", "etcd-server")]);
    let port = Port {
        component: name,
        name: certificate.get(name).copied(),
        address: "127.0.0.1:6443".parse().unwrap(),
        foreign: false,
    };
    let ports = if port.name.is_some() { vec![port] } else { Vec::new() };
    Proved { reader, ports, host }
}

pub fn api_server(host: &Imagined) -> Proved<'_> {
    component(host, "kube-apiserver")
}

pub fn take_up(host: &Imagined, cx: &mut Context) -> Result<()> {
    let components = ["etcd", "kube-apiserver", "kube-scheduler"].map(|name| component(host, name));
    take_up_all(cx, &components, host)
}

/// A host on which these were renewed, and nobody has read them yet.
pub fn with_renewed(names: &[&str]) -> (tempfile::TempDir, Imagined, Context) {
    let root = host();
    let imagined = Imagined::new(root.path());
    let mut cx = renewing(&root, None);
    for name in names {
        let done = match Row::named(name).unwrap() {
            Row::Cert(spec) => renewal::cert(&mut cx, spec).unwrap(),
            Row::Kubeconfig(spec) => renewal::kubeconfig(&mut cx, spec).unwrap(),
        };
        cx.note_renewed(done).unwrap();
    }
    (root, imagined, cx)
}

/// A host with a renewed API server certificate that nobody has read yet.
pub fn renewed() -> (tempfile::TempDir, Imagined, Context, Cert) {
    let root = host();
    let imagined = Imagined::new(root.path());
    let old = disk(root.path());
    let mut cx = renewing(&root, Some("apiserver"));
    let spec = catalog::cert("apiserver").unwrap();
    let done = crate::ops::renewal::cert(&mut cx, spec).unwrap();
    cx.note_renewed(done).unwrap();
    (root, imagined, cx, old)
}
