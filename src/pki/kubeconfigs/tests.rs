//! Tests of kubeconfigs: created, kept, verified.

use super::*;
use crate::base::env::{Clock, Random};
use crate::base::fault::Fault;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::pki::fixture;
use crate::pki::keys::Generator;

const NOW: u64 = 1_795_238_460;
const DIRECTORY: &str = "/etc/kubernetes";

struct Host {
    root: tempfile::TempDir,
    cluster: ClusterConfig,
    node: NodeConfig,
}

impl Host {
    fn new(minor: u16) -> Self {
        let host = Self { root: tempfile::tempdir().unwrap(), cluster: fixture::cluster(minor), node: fixture::node() };
        host.store(NOW).ensure(catalog::cert(CA).unwrap(), &host.cluster, &host.node, &Generator).unwrap();
        host
    }

    fn store(&self, now: u64) -> PkiStore {
        let files = HostFiles::new(self.root.path(), Gate::open());
        PkiStore::new(files, "/etc/kubernetes/pki", &Clock::fixed(now), &Random::system())
    }

    fn ensure(&self, name: &str) -> Result<Outcome, PkiError> {
        let spec = catalog::kubeconfig(name).unwrap();
        self.store(NOW).ensure_kubeconfig(spec, Path::new(DIRECTORY), &self.cluster, &self.node, &Generator)
    }

    fn load(&self, file: &str) -> Kubeconfig {
        self.store(NOW).load_kubeconfig(&Path::new(DIRECTORY).join(file)).unwrap().unwrap()
    }

    fn save(&self, file: &str, config: &Kubeconfig) {
        std::fs::write(self.root.path().join("etc/kubernetes").join(file), config.to_yaml().unwrap().expose()).unwrap();
    }
}

#[test]
fn each_kubeconfig_names_its_user_and_is_kept_on_the_second_run() {
    let host = Host::new(36);
    for spec in catalog::KUBECONFIGS {
        assert_eq!(host.ensure(spec.name).unwrap().made, Made::Created);
        let config = host.load(spec.file);
        let cert =
            host.store(NOW).client_certs(Path::new("x"), config.current_user().unwrap()).unwrap().unwrap().remove(0);
        assert_eq!(config.current_context, format!("{}@kubernetes", cert.subject.common_name));
        let again = host.ensure(spec.name).unwrap();
        assert_eq!((again.made, again.warnings.len()), (Made::Kept, 0));
        assert_eq!(host.load(spec.file), config);
    }
}

#[test]
fn local_components_use_the_local_api_server_and_administrators_the_endpoint() {
    let shared = HostPort { host: "lb.example.com".into(), port: None };
    let server = |minor, server, gate: Option<bool>| {
        let mut cluster = fixture::cluster(minor);
        cluster.control_plane_endpoint = Some(shared.clone());
        cluster.feature_gates.extend(gate.map(|on| (LOCAL_MODE.to_owned(), on)));
        server_url(server, &cluster, &fixture::node(), crate::versions::facts(minor).unwrap())
    };
    let (lb, own) = ("https://lb.example.com:6443", "https://192.168.0.36:6443");
    assert_eq!(server(36, Server::Shared, None), lb);
    assert_eq!(server(36, Server::Local, None), own);
    assert_eq!(server(36, Server::Kubelet, None), own);
    assert_eq!(server(36, Server::Kubelet, Some(false)), own, "the gate is gone and cannot be turned off");
    assert_eq!(server(34, Server::Kubelet, None), own);
    assert_eq!(server(34, Server::Kubelet, Some(false)), lb);
    assert_eq!(server(31, Server::Kubelet, None), lb);
    assert_eq!(server(31, Server::Kubelet, Some(true)), own);
    assert_eq!(server(20, Server::Kubelet, None), lb);
    assert_eq!(server(20, Server::Kubelet, Some(true)), lb, "the gate is unknown");
}

#[test]
fn an_unexpected_server_is_a_warning() {
    let host = Host::new(36);
    host.ensure("admin").unwrap();
    let mut config = host.load("admin.conf");
    config.current_cluster_mut().unwrap().server = "https://lb:443".into();
    host.save("admin.conf", &config);
    let outcome = host.ensure("admin").unwrap();
    assert_eq!(outcome.made, Made::Kept);
    assert!(outcome.warnings[0].contains("https://lb:443"), "{:?}", outcome.warnings);
}

#[test]
fn an_incorrect_kubeconfig_is_refused() {
    let (host, other) = (Host::new(36), Host::new(36));
    host.ensure("admin").unwrap();
    other.ensure("admin").unwrap();
    let right = host.load("admin.conf");
    let refused = |change: &dyn Fn(&mut Kubeconfig)| {
        let mut config = right.clone();
        change(&mut config);
        host.save("admin.conf", &config);
        let error = host.ensure("admin").unwrap_err();
        assert!(error.hint().is_some());
        assert_eq!(host.load("admin.conf"), config, "a refusal changed something");
        error.to_string()
    };
    let theirs = other.load("admin.conf");
    assert!(refused(&|c| *c = theirs.clone()).contains("it trusts another CA"));
    assert!(refused(&|c| c.current_context = "x".into()).contains("no cluster for its current context"));
    assert!(
        refused(&|c| c.users[0].user.client_key_data = theirs.users[0].user.client_key_data.clone())
            .contains("does not match")
    );
    assert!(refused(&|c| c.users[0].user.client_key_data = None).contains("no client key"));
    assert!(refused(&|c| c.users[0].user = User::default()).contains("no credentials"));
    assert!(
        refused(&|c| c.users[0].user.client_certificate_data = Some(Base64(b"x".to_vec())))
            .contains("no usable certificate")
    );
    host.save("admin.conf", &right);
    let spec = catalog::kubeconfig("admin").unwrap();
    let error = host
        .store(NOW + 400 * 24 * 3600)
        .ensure_kubeconfig(spec, Path::new(DIRECTORY), &host.cluster, &host.node, &Generator)
        .unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");
    assert_eq!(error.hint().unwrap(), "run 'kubewright certs renew admin.conf'");
}

#[test]
fn the_certificate_file_that_a_kubelet_rotates_is_verified() {
    let host = Host::new(36);
    host.ensure("kubelet").unwrap();
    let mut config = host.load("kubelet.conf");
    let user = config.current_user_mut().unwrap();
    let both =
        [user.client_certificate_data.take().unwrap().0, user.client_key_data.take().unwrap().0.expose().clone()]
            .concat();
    user.client_certificate = Some("/var/lib/kubelet/pki/current.pem".into());
    user.client_key = Some("/var/lib/kubelet/pki/current.pem".into());
    host.save("kubelet.conf", &config);
    let error = host.ensure("kubelet").unwrap_err();
    assert!(error.to_string().contains("no client certificate where it says"), "{error}");
    let directory = host.root.path().join("var/lib/kubelet/pki");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("current.pem"), both).unwrap();
    assert_eq!(host.ensure("kubelet").unwrap().made, Made::Kept);
}

#[test]
fn with_an_external_ca_the_kubeconfig_must_exist() {
    let host = Host::new(36);
    host.ensure("admin").unwrap();
    std::fs::remove_file(host.root.path().join("etc/kubernetes/pki/ca.key")).unwrap();
    assert_eq!(host.ensure("admin").unwrap().made, Made::Provided);
    let error = host.ensure("scheduler").unwrap_err();
    assert!(error.to_string().ends_with("are missing: /etc/kubernetes/scheduler.conf"), "{error}");
}
