//! Tests of restarts: a host whose components are made up, and fails on what was not announced.

use super::super::kubelet_service::Unfit;
use super::super::readers::READERS;
use super::super::tests::{MADE, host, renewing};
use super::*;
use crate::base::exit_code::ExitCode;
use crate::base::files::FileError;
use crate::host::cri::{Container, ContainerState};
use crate::pki::catalog;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Components whose new containers read what is on the disk, unless they are told to fail on it.
struct Imagined {
    root: std::path::PathBuf,
    components: RefCell<BTreeMap<String, Component>>,
    /// The contents of files that components cannot live with.
    dislikes: RefCell<Vec<Vec<u8>>>,
    /// The contents of admin.conf and of certificates with which the API server lets no administrator in.
    bars: RefCell<Vec<Vec<u8>>>,
    log: RefCell<Vec<String>>,
    started: RefCell<u32>,
    /// Nobody would start again what is ended.
    kubelet_is_down: RefCell<bool>,
}

struct Component {
    containers: Vec<Container>,
    /// The file that it reads.
    file: &'static str,
    /// What it has read.
    read: Vec<u8>,
}

/// This passes before the administrator is let in: what is written then is newer than every container.
const HOUR: Duration = Duration::from_secs(3600);

const API: &str = "etc/kubernetes/pki/apiserver.crt";
const SCHEDULER: &str = "etc/kubernetes/scheduler.conf";
const ETCD: &str = "etc/kubernetes/pki/etcd/server.crt";
const ADMIN: &str = "etc/kubernetes/admin.conf";

impl Imagined {
    fn new(root: &Path) -> Self {
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
            log: RefCell::default(),
            started: RefCell::new(0),
            kubelet_is_down: RefCell::new(false),
        }
    }

    fn file(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.root.join(path)).unwrap()
    }

    /// What is in the file now is of no use to who reads it.
    fn dislike(&self, path: &str) {
        let bytes = self.file(path);
        self.dislikes.borrow_mut().push(bytes);
    }

    fn shown_by(&self, component: &str) -> Cert {
        Cert::bundle_from_pem(&self.components.borrow()[component].read).unwrap().remove(0)
    }

    /// Files and containers are older by an hour.
    fn pass_an_hour(&self) {
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

    fn runs(&self, component: &str) -> bool {
        self.components.borrow()[component].containers.iter().any(|one| one.state == ContainerState::Running)
    }
}

fn container(name: &str, id: &str, created: i64) -> Container {
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

fn disk(root: &Path) -> Cert {
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
        Ok(None)
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

fn component<'a>(host: &'a Imagined, name: &'static str) -> Proved<'a> {
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

fn api_server(host: &Imagined) -> Proved<'_> {
    component(host, "kube-apiserver")
}

fn take_up(host: &Imagined, cx: &mut Context) -> Result<()> {
    let components = ["etcd", "kube-apiserver", "kube-scheduler"].map(|name| component(host, name));
    take_up_all(cx, &components, host)
}

/// A host on which these were renewed, and nobody has read them yet.
fn with_renewed(names: &[&str]) -> (tempfile::TempDir, Imagined, Context) {
    let root = host();
    let imagined = Imagined::new(root.path());
    let mut cx = renewing(&root, None);
    for name in names {
        let done = match Row::named(name).unwrap() {
            Row::Cert(spec) => super::super::cert(&mut cx, spec).unwrap(),
            Row::Kubeconfig(spec) => super::super::kubeconfig(&mut cx, spec).unwrap(),
        };
        cx.note_renewed(done).unwrap();
    }
    (root, imagined, cx)
}

/// A host with a renewed API server certificate that nobody has read yet.
fn renewed() -> (tempfile::TempDir, Imagined, Context, Cert) {
    let root = host();
    let imagined = Imagined::new(root.path());
    let old = disk(root.path());
    let mut cx = renewing(&root, Some("apiserver"));
    let spec = catalog::cert("apiserver").unwrap();
    let done = super::super::cert(&mut cx, spec).unwrap();
    cx.note_renewed(done).unwrap();
    (root, imagined, cx, old)
}

#[test]
fn a_component_that_comes_up_keeps_its_new_certificate() {
    let (root, host, mut cx, old) = renewed();
    assert!(api_server(&host).is_due(&mut cx).unwrap());
    api_server(&host).take_up(&mut cx).unwrap();
    assert_eq!(host.log.take(), ["end kube-apiserver old"]);
    assert_ne!(disk(root.path()), old);
    assert_eq!(host.shown_by("kube-apiserver").der, disk(root.path()).der);
}

#[test]
fn a_component_that_fails_on_its_new_certificate_gets_the_old_one_back() {
    let (root, host, mut cx, old) = renewed();
    host.dislike(API);
    let failure = api_server(&host).take_up(&mut cx).unwrap_err();
    assert!(failure.to_string().contains("the old files are back in place and in use"), "{failure}");
    assert_eq!(failure.exit_code(), ExitCode::Unhealthy);
    assert_eq!(disk(root.path()), old);
    assert_eq!(host.shown_by("kube-apiserver").der, old.der);
    // The one that crashed is taken away, or the kubelet would wait before it starts the next.
    assert_eq!(host.log.take(), ["end kube-apiserver old", "end kube-apiserver new-1"]);
    let key = std::fs::read(root.path().join("etc/kubernetes/pki/apiserver.key")).unwrap();
    assert!(old.has_key(crate::pki::PrivateKey::from_pem(&key).unwrap().public_der()), "another key lies beside it");
}

#[test]
fn where_the_old_one_does_not_help_either_the_error_says_so() {
    let (_root, host, mut cx, old) = renewed();
    host.dislike(API);
    host.dislikes.borrow_mut().push(old.pem().into_bytes());
    let said = api_server(&host).take_up(&mut cx).unwrap_err().to_string();
    assert!(said.contains("the old files are back in place, but"), "{said}");
}

#[test]
fn a_certificate_that_has_ended_is_not_put_back() {
    let (root, host, mut cx, old) = renewed();
    if let crate::context::Task::Renew(task) = &mut cx.task {
        task.renewed[0].old.not_after = i64::try_from(MADE).unwrap();
    }
    let new = disk(root.path());
    host.dislike(API);
    let said = api_server(&host).take_up(&mut cx).unwrap_err().to_string();
    assert!(said.contains("the old files have expired, so the new ones stay"), "{said}");
    assert_eq!(disk(root.path()), new);
    assert_ne!(new, old);
}

#[test]
fn a_component_that_no_kubelet_would_start_again_is_not_ended() {
    let (root, host, mut cx, _) = renewed();
    let new = disk(root.path());
    *host.kubelet_is_down.borrow_mut() = true;
    let failure = api_server(&host).take_up(&mut cx).unwrap_err();
    assert_eq!(failure.exit_code(), ExitCode::Refused);
    assert!(host.log.take().is_empty(), "something was ended");
    // The next run takes it up.
    *host.kubelet_is_down.borrow_mut() = false;
    assert_eq!(disk(root.path()), new);
    let mut next = renewing(&root, None);
    assert!(api_server(&host).is_due(&mut next).unwrap());
}

#[test]
fn a_file_from_the_future_does_not_end_components_at_every_run() {
    let (root, host, mut cx, _) = renewed();
    // Beyond the clock of these tests.
    let file = std::fs::File::open(root.path().join("etc/kubernetes/pki/ca.crt")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_900_000_000)).unwrap();
    let at = |created: i64| vec![container("kube-apiserver", "c", created)];
    let reader = api_server(&host).reader;
    let present = cx.clock.nanos();
    assert!(!reader.is_stale(&mut cx, &at(present)).unwrap());
    assert!(reader.is_stale(&mut cx, &at(1)).unwrap());
    // One that is started now is known to be new.
    assert!(reader.read_since(&mut cx).unwrap() <= present + 1_000_000_000);
}

#[test]
fn what_a_killed_renewal_left_half_exchanged_is_finished_before_a_restart() {
    let (root, _, mut cx, _) = renewed();
    let pki = root.path().join("etc/kubernetes/pki");
    let pair = cx.pki().unwrap().pair(catalog::cert("etcd-server").unwrap()).unwrap().unwrap();
    // Killed after the key had taken its place: another pair's certificate is still there.
    std::fs::copy(pki.join("etcd/peer.crt"), pki.join("etcd/server.crt")).unwrap();
    std::fs::write(pki.join("etcd/server.renewing"), serde_json::to_vec(&pair).unwrap()).unwrap();
    RestartComponents
        .run(&mut renewing(&root, Some("apiserver")), &Target { path: "restart".into(), item: None })
        .unwrap();
    assert_eq!(std::fs::read(pki.join("etcd/server.crt")).unwrap(), pair.cert.0);
    assert!(!pki.join("etcd/server.renewing").exists());
}

#[test]
fn a_run_that_was_killed_before_the_restart_is_finished_by_the_next() {
    let (root, host, _, _) = renewed();
    let mut next = renewing(&root, None);
    assert!(api_server(&host).is_due(&mut next).unwrap());
    api_server(&host).take_up(&mut next).unwrap();
    assert!(!api_server(&host).is_due(&mut next).unwrap());
}

#[test]
fn who_asked_for_one_thing_gets_no_restart_for_another() {
    let (root, host, _, _) = renewed();
    assert!(!api_server(&host).is_due(&mut renewing(&root, Some("scheduler.conf"))).unwrap());
}

/// `put_back` of a kubeconfig wrote it anew, for root alone.
#[test]
fn a_scheduler_that_fails_on_its_new_kubeconfig_gets_the_old_one_back_byte_for_byte() {
    let root = host();
    let path = root.path().join(SCHEDULER);
    let text = [std::fs::read(&path).unwrap(), b"# a note\n".to_vec()].concat();
    std::fs::write(&path, &text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o440)).unwrap();
    // Only root may give files away.
    let given = chown(&path, Some(2000), Some(2001)).is_ok();
    let host = Imagined::new(root.path());
    let mut cx = renewing(&root, Some("scheduler.conf"));
    let done = super::super::kubeconfig(&mut cx, catalog::kubeconfig("scheduler").unwrap()).unwrap();
    cx.note_renewed(done).unwrap();
    assert_ne!(std::fs::read(&path).unwrap(), text);
    host.dislike(SCHEDULER);
    let failure = component(&host, "kube-scheduler").take_up(&mut cx).unwrap_err();
    assert!(failure.to_string().contains("the old files are back in place and in use"), "{failure}");
    assert_eq!(std::fs::read(&path).unwrap(), text);
    let there = std::fs::metadata(&path).unwrap();
    assert_eq!(there.mode() & 0o7777, 0o440);
    assert!(!given || (there.uid(), there.gid()) == (2000, 2001));
}

#[test]
fn an_etcd_that_fails_on_its_new_certificate_gets_the_old_pair_back_and_nobody_else_is_restarted() {
    let (root, host, mut cx) = with_renewed(&["etcd-server", "apiserver"]);
    let old = host.components.borrow()["etcd"].read.clone();
    host.dislike(ETCD);
    let failure = take_up(&host, &mut cx).unwrap_err();
    assert!(failure.to_string().starts_with("etcd did not load"), "{failure}");
    assert!(failure.to_string().contains("the old files are back in place and in use"), "{failure}");
    assert_eq!(host.file(ETCD), old);
    assert!(cx.pki().unwrap().belong_together(catalog::cert("etcd-server").unwrap()));
    assert!(host.runs("etcd"));
    assert!(host.log.take().iter().all(|line| line.starts_with("end etcd")));
    assert!(!root.path().join("etc/kubernetes/pki/etcd/server.renewing").exists());
}

/// The API server came up with certificates that no client accepts, and kept them.
#[test]
fn an_api_server_that_lets_no_administrator_in_gets_everything_of_this_run_back() {
    let files = [API, "etc/kubernetes/pki/apiserver.key", ADMIN, SCHEDULER, ETCD];
    for barred in [API, ADMIN] {
        let (_root, host, mut cx) = with_renewed(&[]);
        let before = files.map(|file| host.file(file));
        for name in ["etcd-server", "apiserver"] {
            let done = super::super::cert(&mut cx, catalog::cert(name).unwrap()).unwrap();
            cx.note_renewed(done).unwrap();
        }
        for name in ["admin", "scheduler"] {
            let done = super::super::kubeconfig(&mut cx, catalog::kubeconfig(name).unwrap()).unwrap();
            cx.note_renewed(done).unwrap();
        }
        host.bars.borrow_mut().push(host.file(barred));
        let failure = take_up(&host, &mut cx).unwrap_err();
        assert_eq!(failure.exit_code(), ExitCode::Unhealthy);
        assert!(failure.to_string().contains("does not accept admin.conf"), "{failure}");
        assert!(failure.to_string().contains("the old files are back in place and in use"), "{failure}");
        assert_eq!(files.map(|file| host.file(file)), before, "{barred}");
        // Each of them runs with what is on the disk.
        for (name, component) in host.components.borrow().iter() {
            assert!(component.read == host.file(component.file), "{name}");
        }
    }
}

#[test]
fn where_the_administrator_could_not_enter_before_either_the_error_says_so() {
    let (_root, host, mut cx) = with_renewed(&["apiserver"]);
    host.bars.borrow_mut().push(host.file(ADMIN));
    let said = take_up(&host, &mut cx).unwrap_err().to_string();
    assert!(said.contains("the old files are back in place, but"), "{said}");
}

#[test]
fn nobody_is_restarted_into_a_key_that_does_not_fit_its_certificate() {
    let (root, host, mut cx) = with_renewed(&["apiserver"]);
    let pki = root.path().join("etc/kubernetes/pki");
    std::fs::copy(pki.join("front-proxy-client.key"), pki.join("apiserver.key")).unwrap();
    let failure = take_up(&host, &mut cx).unwrap_err();
    assert!(failure.to_string().contains("apiserver.crt"), "{failure}");
    assert!(!host.log.take().iter().any(|line| line.contains("kube-apiserver")));
}

/// A rotation noted nothing that could be put back.
#[test]
fn a_component_that_fails_on_a_changed_ca_file_gets_the_old_one_back() {
    let (root, host, mut cx) = with_renewed(&[]);
    let ca = root.path().join("etc/kubernetes/pki/ca.crt");
    let old = std::fs::read(&ca).unwrap();
    super::super::back_up(&mut cx, Path::new("/etc/kubernetes/pki/ca.crt")).unwrap();
    std::fs::write(&ca, [old.clone(), old.clone()].concat()).unwrap();
    host.dislike(API);
    host.components.borrow_mut().get_mut("kube-apiserver").unwrap().file = "etc/kubernetes/pki/ca.crt";
    host.dislike("etc/kubernetes/pki/ca.crt");
    let mut api = api_server(&host);
    api.ports.clear();
    let failure = api.take_up(&mut cx).unwrap_err();
    assert!(failure.to_string().contains("the old files are back in place and in use"), "{failure}");
    assert_eq!(std::fs::read(&ca).unwrap(), old);
}

/// `certs import` of kubelet.conf overwrote the file with certificate and key, and never went back.
#[test]
fn a_kubelet_that_is_not_well_with_what_was_imported_gets_the_old_files_back() {
    let root = host();
    super::super::tests::point_at_rotated(&root);
    let pem = root.path().join("var/lib/kubelet/pki/kubelet-client-current.pem");
    std::fs::create_dir_all(pem.parent().unwrap()).unwrap();
    std::fs::write(&pem, "old certificate and key").unwrap();
    std::fs::set_permissions(&pem, std::fs::Permissions::from_mode(0o640)).unwrap();
    let conf = root.path().join("etc/kubernetes/kubelet.conf");
    let before = std::fs::read(&conf).unwrap();
    let mut cx = renewing(&root, None);
    for path in ["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/pki/kubelet-client-current.pem"] {
        super::super::back_up(&mut cx, Path::new(path)).unwrap();
    }
    std::fs::write(&pem, "new").unwrap();
    std::fs::write(&conf, "new").unwrap();
    let is_old = || std::fs::read(&conf).unwrap() == before;
    let restart = |_: &Context| match is_old() {
        true => Ok(()),
        false => Err(Unfit::Down("failed".into()).into()),
    };
    let failure = kubelet_service::restart_or_go_back(&mut cx, &[], &restart).unwrap_err();
    assert!(failure.to_string().contains("the old files are back in place and in use"), "{failure}");
    assert!(is_old());
    assert_eq!(std::fs::read_to_string(&pem).unwrap(), "old certificate and key");
    assert_eq!(std::fs::metadata(&pem).unwrap().mode() & 0o7777, 0o640);
}
