//! The API server of this host, where the address in a kubeconfig leads nowhere: that of a load balancer, or a virtual one.
//!
//! It is verified with the CA of the kubeconfig, as any other API server of the cluster.
//!
//! Reads: the manifest of the API server, the readiness at both addresses. Writes: nothing.

use crate::base::fault::{Failure, Fault};
use crate::base::gate::Gate;
use crate::config::model::ApiEndpoint;
use crate::context::Context;
use crate::context::access::access;
use crate::context::own_cluster::{own_server, server_at};
use crate::kube::KubeError;
use crate::kube::client::{Access, Api, Client};
use crate::kube::cluster::Cluster;
use std::path::Path;
use std::time::Duration;

/// How long each of the two may take to respond.
const LIMIT: Duration = Duration::from_secs(3);

/// Lets this run use the API server of this host, at `own`, if the address in the kubeconfig leads nowhere and that one is ready.
/// What is wrong with the kubeconfig is reported when the cluster is opened with it.
pub fn use_if_needed(cx: &mut Context, kubeconfig: &Path, own: &ApiEndpoint) {
    let Some(own) = server_at(cx, own).filter(|_| cx.host.files.exists(kubeconfig)) else { return };
    let Ok(access) = access(cx, kubeconfig) else { return };
    if access.server == own {
        return;
    }
    let Err(why) = readiness(access.clone()) else { return };
    if !why.retryable() || !matches!(readiness(Access { server: own.clone(), ..access.clone() }), Ok(200)) {
        return;
    }
    cx.events.warning(format!(
        "the address in {}, {}, leads nowhere ({why}); the API server of this host, {own}, responds and is used instead; look at the \
         load balancer, virtual IP address or DNS name of the control plane endpoint",
        kubeconfig.display(),
        access.server
    ));
    cx.use_own_server(own);
}

/// The API server of this host with its address, asked with the credentials of the kubeconfig, each request within `limit`. None if
/// there is none here, and if the kubeconfig leads to it anyway.
pub fn cluster(cx: &Context, kubeconfig: &Path, limit: Duration) -> Result<Option<(String, Cluster)>, Failure> {
    let access = access(cx, kubeconfig)?;
    let Some(server) = own_server(cx).filter(|own| *own != access.server) else { return Ok(None) };
    let client = Client::new(Access { server: server.clone(), ..access })?.within(limit);
    Ok(Some((server, Cluster::running(client, Gate::open(), cx.host.clock.clone(), Duration::ZERO))))
}

/// The HTTP status of the readiness check.
fn readiness(access: Access) -> Result<u16, KubeError> {
    Ok(Client::new(access)?.within(LIMIT).text("/readyz")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::events::{Events, Style};
    use crate::base::https::test_server::{TestCa, TestServer, dead_address};
    use crate::base::secret::Secret;
    use crate::config::kubeconfig::{Kubeconfig, SecretText, User};
    use crate::context::leaving::fixture;

    const ADMIN: &str = "/etc/kubernetes/admin.conf";

    struct Host {
        root: tempfile::TempDir,
        cx: Context,
        server: TestServer,
        own: ApiEndpoint,
    }

    /// A control plane whose API server answers `/readyz` with this status, and whose admin.conf has the address `shared`.
    fn host(shared: &str, trusted: &TestCa, status: u16) -> Host {
        let ca = TestCa::new("ca");
        let server = TestServer::start(&ca.local_leaf(), None, move |_| (status, "{}".into()));
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &[u8]| {
            let path = root.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("etc/kubernetes/manifests/kube-apiserver.yaml", b"spec: {containers: [{command: [kube-apiserver]}]}");
        let user = User { token: Some(SecretText(Secret::new("t".into()))), ..User::default() };
        let pem = [ca.pem(), trusted.pem()].concat();
        let config = Kubeconfig::new("k", shared.into(), String::from_utf8(pem).unwrap(), "u", user);
        put(ADMIN, config.to_yaml().unwrap().expose().as_bytes());
        let address: std::net::SocketAddr = server.url().trim_start_matches("https://").parse().unwrap();
        let own = ApiEndpoint { advertise_address: address.ip(), bind_port: address.port() };
        let mut cx = fixture(root.path()).cx;
        let said = root.path().join("said");
        cx.events = Events::to_writer(Box::new(std::fs::File::create(said).unwrap()), Style::Lines);
        Host { root, cx, server, own }
    }

    fn used(host: &mut Host) -> String {
        use_if_needed(&mut host.cx, Path::new(ADMIN), &host.own);
        access(&host.cx, Path::new(ADMIN)).unwrap().server
    }

    /// 'status' behind a load balancer that was down showed nothing of the cluster.
    #[test]
    fn the_api_server_of_this_host_is_asked_beside_the_shared_address() {
        let dead = format!("https://{}", dead_address());
        let mut here = host(&dead, &TestCa::new("other"), 200);
        here.cx.config.node.as_mut().unwrap().local_endpoint = here.own.clone();
        let (server, own) = cluster(&here.cx, Path::new(ADMIN), LIMIT).unwrap().unwrap();
        assert_eq!((server, own.text("/readyz").unwrap().0), (here.server.url(), 200));
        let mut same = host(&here.server.url(), &TestCa::new("other"), 200);
        same.cx.config.node.as_mut().unwrap().local_endpoint = here.own.clone();
        assert!(cluster(&same.cx, Path::new(ADMIN), LIMIT).unwrap().is_none(), "it leads there anyway");
    }

    /// 'token create' and 'reset' waited and failed behind a load balancer that was down.
    #[test]
    fn the_api_server_of_this_host_is_used_if_the_shared_address_leads_nowhere() {
        let dead = format!("https://{}", dead_address());
        let mut here = host(&dead, &TestCa::new("other"), 200);
        assert_eq!(used(&mut here), here.server.url());
        let warned = std::fs::read_to_string(here.root.path().join("said")).unwrap();
        assert!(warned.contains(&dead) && warned.contains("responds and is used instead"), "{warned}");
    }

    #[test]
    fn the_shared_address_stays_if_it_leads_somewhere_or_this_host_is_not_ready() {
        let ca = TestCa::new("other");
        let shared = TestServer::start(&ca.local_leaf(), None, |_| (500, "{}".into()));
        assert_eq!(used(&mut host(&shared.url(), &ca, 200)), shared.url(), "an answer is one, whatever it says");
        let dead = format!("https://{}", dead_address());
        assert_eq!(used(&mut host(&dead, &ca, 500)), dead);
        // Another cluster answers there: its certificate is the problem, and no reason to use another address.
        assert_eq!(used(&mut host(&shared.url(), &TestCa::new("third"), 200)), shared.url());
        let mut no_server = host(&dead, &ca, 200);
        no_server.cx.host.files.remove(Path::new("/etc/kubernetes/manifests/kube-apiserver.yaml")).unwrap();
        assert_eq!(used(&mut no_server), dead, "a worker has no API server");
    }
}
