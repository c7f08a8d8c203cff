//! Tests of restarts: a host whose components are made up, and fails on what was not announced.

use super::*;
use crate::base::exit_code::ExitCode;
use crate::host::cri::{Container, ContainerState};
use crate::ops::kubelet_service::Unfit;
use crate::pki::catalog;
use crate::state::consumers::READERS;
use crate::state::renewal_fixture::{MADE, host, renewing};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A component whose new container reads what is on the disk, unless it is told to fail on it.
struct Imagined {
    root: std::path::PathBuf,
    containers: RefCell<Vec<Container>>,
    /// What the port shows: the DER of the certificate that was read last.
    shown: RefCell<Cert>,
    /// The serial numbers that it cannot live with.
    dislikes: RefCell<Vec<String>>,
    log: RefCell<Vec<String>>,
    started: RefCell<u32>,
    /// Nobody would start again what is ended.
    kubelet_is_down: RefCell<bool>,
}

const LATER: i64 = i64::MAX - 1_000_000;

impl Imagined {
    fn new(root: &Path) -> Self {
        let this = Self {
            root: root.to_path_buf(),
            containers: RefCell::default(),
            shown: RefCell::new(disk(root)),
            dislikes: RefCell::default(),
            log: RefCell::default(),
            started: RefCell::new(0),
            kubelet_is_down: RefCell::new(false),
        };
        this.containers.borrow_mut().push(container("old", 1));
        this
    }
}

fn container(id: &str, created: i64) -> Container {
    Container {
        id: id.into(),
        pod: "p".into(),
        name: "kube-apiserver".into(),
        attempt: 0,
        state: ContainerState::Running,
        created,
        labels: BTreeMap::new(),
        grace: None,
    }
}

fn disk(root: &Path) -> Cert {
    let bytes = std::fs::read(root.join("etc/kubernetes/pki/apiserver.crt")).unwrap();
    Cert::bundle_from_pem(&bytes).unwrap().remove(0)
}

impl Running for Imagined {
    fn containers(&self, component: &str) -> Result<Vec<Container>> {
        assert_eq!(component, "kube-apiserver");
        Ok(self.containers.borrow().clone())
    }

    fn end(&self, ended: &Container) -> Result<()> {
        self.log.borrow_mut().push(format!("end {}", ended.id));
        let mut containers = self.containers.borrow_mut();
        containers.retain(|one| one.id != ended.id);
        if containers.is_empty() {
            // The kubelet starts the next one.
            let mut started = self.started.borrow_mut();
            *started += 1;
            let mut next = container(&format!("new-{started}"), LATER);
            *self.shown.borrow_mut() = disk(&self.root);
            if self.dislikes.borrow().contains(&self.shown.borrow().serial) {
                next.state = ContainerState::Exited;
            }
            containers.push(next);
        }
        Ok(())
    }

    fn kubelet_is_well(&self, _: &Context) -> Result<()> {
        if *self.kubelet_is_down.borrow() { Err(Unfit::Down("inactive".into()).into()) } else { Ok(()) }
    }

    fn shown(&self, _: &Port) -> std::result::Result<Cert, String> {
        let runs = self.containers.borrow().iter().any(|one| one.state == ContainerState::Running);
        if runs { Ok(self.shown.borrow().clone()) } else { Err("nobody listens".into()) }
    }

    fn ailment(&self, _: &str, url: &str) -> Result<Option<String>> {
        assert_eq!(url, "https://127.0.0.1:6443/livez");
        Ok(None)
    }
}

fn api_server(host: &Imagined) -> Proved<'_> {
    let reader = READERS.iter().find(|reader| reader.component == "kube-apiserver").unwrap();
    let port = Port {
        component: "kube-apiserver",
        name: Some("apiserver"),
        address: "127.0.0.1:6443".parse().unwrap(),
        foreign: false,
    };
    Proved { reader, ports: vec![port], host }
}

/// A host with a renewed API server certificate that nobody has read yet.
fn renewed() -> (tempfile::TempDir, Imagined, Context, Cert) {
    let root = host();
    let imagined = Imagined::new(root.path());
    let old = disk(root.path());
    let mut cx = renewing(&root, Some("apiserver"));
    let spec = catalog::cert("apiserver").unwrap();
    let done = crate::ops::renewal::cert(&mut cx, spec).unwrap();
    cx.note_renewed(done).unwrap();
    (root, imagined, cx, old)
}

#[test]
fn a_component_that_comes_up_keeps_its_new_certificate() {
    let (root, host, mut cx, old) = renewed();
    assert!(api_server(&host).is_due(&mut cx).unwrap());
    api_server(&host).take_up(&mut cx).unwrap();
    assert_eq!(host.log.take(), ["end old"]);
    assert_ne!(disk(root.path()), old);
    assert_eq!(host.shown.borrow().der, disk(root.path()).der);
}

#[test]
fn a_component_that_fails_on_its_new_certificate_gets_the_old_one_back() {
    let (root, host, mut cx, old) = renewed();
    host.dislikes.borrow_mut().push(disk(root.path()).serial);
    let failure = api_server(&host).take_up(&mut cx).unwrap_err();
    assert!(failure.to_string().contains("the old one is back in place and in use"), "{failure}");
    assert_eq!(failure.exit_code(), ExitCode::Unhealthy);
    assert_eq!(disk(root.path()), old);
    assert_eq!(host.shown.borrow().der, old.der);
    // The one that crashed is taken away, or the kubelet would wait before it starts the next.
    assert_eq!(host.log.take(), ["end old", "end new-1"]);
    let key = std::fs::read(root.path().join("etc/kubernetes/pki/apiserver.key")).unwrap();
    assert!(old.has_key(crate::pki::PrivateKey::from_pem(&key).unwrap().public_der()), "another key lies beside it");
}

#[test]
fn where_the_old_one_does_not_help_either_the_error_says_so() {
    let (root, host, mut cx, old) = renewed();
    host.dislikes.borrow_mut().extend([disk(root.path()).serial, old.serial]);
    let said = api_server(&host).take_up(&mut cx).unwrap_err().to_string();
    assert!(said.contains("the old one is back in place, but"), "{said}");
}

#[test]
fn a_certificate_that_has_ended_is_not_put_back() {
    let (root, host, mut cx, old) = renewed();
    if let crate::context::Task::Renew(task) = &mut cx.task {
        task.renewed[0].old.not_after = i64::try_from(MADE).unwrap();
    }
    let new = disk(root.path());
    host.dislikes.borrow_mut().push(new.serial.clone());
    let said = api_server(&host).take_up(&mut cx).unwrap_err().to_string();
    assert!(said.contains("the old one has ended, so the new one stays"), "{said}");
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
    let at = |created: i64| vec![container("c", created)];
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
