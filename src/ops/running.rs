//! The running components: their containers, and the certificates that they serve.
//!
//! Reads: the container runtime, ports. Writes: stops containers, through the gate.

use crate::base::fault::Result;
use crate::context::Context;
use crate::domain::paths::ADMIN_CONF;
use crate::host::cri::{self, Container, ContainerState, Cri};
use crate::kube::cluster::Cluster;
use crate::kube::ready::{self, Component};
use crate::ops::kubelet_service;
use crate::pki::Cert;
use crate::state::own_api;
use crate::state::ports::{self, Port};
use crate::state::quorum;
use crate::state::static_pod::StaticPod;
use std::path::Path;
use std::time::Duration;

/// How long the address in admin.conf may take before the API server of this host is asked instead.
const ENDPOINT: Duration = Duration::from_secs(20);
/// How long that one may take to respond.
const OWN: Duration = Duration::from_secs(3);

/// What a restart needs from a host.
pub trait Running {
    /// Every container of a component, including exited ones.
    fn containers(&self, component: &str) -> Result<Vec<Container>>;
    /// Stops a container if it runs, and removes it. The kubelet then starts the next one of a static Pod immediately;
    /// with exited containers in the list it would treat this as a crash and wait up to five minutes.
    fn end(&self, container: &Container) -> Result<()>;
    /// True if the container was made from the image with this name.
    fn runs_image(&self, container: &Container, image: &str) -> Result<bool>;
    /// Fails unless a healthy kubelet will restart stopped components.
    fn require_kubelet(&self, cx: &Context) -> Result<()>;
    /// The certificate that a port serves, followed by its intermediates, or the reason why there is none.
    fn served_chain(&self, port: &Port) -> std::result::Result<Vec<Cert>, String>;
    /// The problem of a component as it reports it.
    fn problem(&self, component: &str, url: &str) -> Result<Option<String>>;
    /// Verifies that the API server is ready and accepts the current admin.conf.
    fn verify_admin_access(&self, cx: &mut Context) -> Result<()>;
}

/// The components of this host.
pub struct ThisHost(Cri);

impl ThisHost {
    /// Finds the runtime.
    pub fn find(cx: &Context) -> Result<Self> {
        Ok(Self(cri::find(&cx.host, cx.node()?.cri_socket.as_deref())?))
    }
}

impl Running for ThisHost {
    fn containers(&self, component: &str) -> Result<Vec<Container>> {
        let mut all = self.0.containers()?;
        all.retain(|one| one.name == component && one.is_of_system());
        Ok(all)
    }

    fn end(&self, container: &Container) -> Result<()> {
        if container.state == ContainerState::Running {
            self.0.stop_container(container)?;
        }
        Ok(self.0.remove_container(container)?)
    }

    fn runs_image(&self, container: &Container, image: &str) -> Result<bool> {
        Ok(self.0.runs_image(container, image)?)
    }

    fn require_kubelet(&self, cx: &Context) -> Result<()> {
        kubelet_service::require_healthy(cx)
    }

    fn served_chain(&self, port: &Port) -> std::result::Result<Vec<Cert>, String> {
        ports::fetch_chain(port)
    }

    fn problem(&self, component: &str, url: &str) -> Result<Option<String>> {
        Ok(ready::problem_of(&Component { name: component.into(), url: url.into() })?)
    }

    fn verify_admin_access(&self, cx: &mut Context) -> Result<()> {
        verify_admin_access(cx)
    }
}

fn verify_admin_access(cx: &mut Context) -> Result<()> {
    if !cx.host.files.exists(Path::new(ADMIN_CONF)) || StaticPod::read(&cx.host.files, "kube-apiserver")?.is_none() {
        return Ok(());
    }
    // An existing connection would use the earlier admin.conf.
    let opened = cx.host.gate.clone().effect(|| {
        cx.close_cluster();
        cx.running_cluster(Path::new(ADMIN_CONF))
    })?;
    let Some(cluster) = opened else { return Ok(()) };
    let limit = cx.timeouts().control_plane_component_health_check;
    let ready = |limit| cluster.wait_until_ready("/readyz", "a ready API server", limit, &cx.events);
    if let Err(failure) = ready(limit.min(ENDPOINT)) {
        if let Some((own, _)) = own_api::cluster(cx, Path::new(ADMIN_CONF), OWN)?.filter(|(_, own)| is_ready(own)) {
            cx.events.warning(format!(
                "the API server of this host, {own}, is ready and accepts the credentials in admin.conf, but the address in it does not lead there: \
                 {failure}; look at the load balancer, virtual IP address or DNS name of the control plane endpoint"
            ));
            return Ok(());
        }
        quorum::require(cx)?;
        ready(limit.saturating_sub(ENDPOINT))?;
    }
    cx.events.message("the API server is ready and accepts the credentials in admin.conf");
    Ok(())
}

fn is_ready(own: &Cluster) -> bool {
    matches!(own.text("/readyz"), Ok((200, _)))
}

/// A container that has exited so often does not recover.
pub const TOO_MANY_EXITS: usize = 3;

/// How often the container that exited last has exited, with those of the same Pod before it.
pub fn exits(containers: &[Container]) -> usize {
    let exited = containers.iter().filter(|one| one.state == ContainerState::Exited);
    exited
        .max_by_key(|one| one.created)
        .map_or(0, |one| usize::try_from(one.attempt).unwrap_or(usize::MAX).saturating_add(1))
}

/// Removes the containers of a component that have exited, unless one runs. The kubelet then starts the next one at once.
/// True if none runs.
pub fn end_exited(component: &str, host: &dyn Running) -> Result<bool> {
    let all = host.containers(component)?;
    let is_down = only_running(&all).is_empty();
    if is_down {
        all.iter().filter(|one| one.state == ContainerState::Exited).try_for_each(|one| host.end(one))?;
    }
    Ok(is_down)
}

/// The running ones of the containers.
pub fn only_running(containers: &[Container]) -> Vec<Container> {
    containers.iter().filter(|one| one.state == ContainerState::Running).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::https::test_server::{TestCa, TestServer};
    use crate::base::secret::Secret;
    use crate::config::kubeconfig::{Kubeconfig, SecretText, User};
    use crate::context::leaving::fixture;
    use crate::etcd::EtcdError;
    use crate::state::quorum_fixture::Voters;

    /// A renewal waited for the API server for four minutes after etcd had lost its majority.
    #[test]
    fn an_api_server_that_is_not_ready_because_of_a_lost_majority_is_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let mut cx = fixture(root.path()).cx;
        let voters = Voters::start(root.path());
        Voters::attach(&mut cx);
        let ca = TestCa::new("ca");
        let server = TestServer::start(&ca.local_leaf(), None, |_| (500, "[-]etcd failed".into()));
        let user = User { token: Some(SecretText(Secret::new("t".into()))), ..User::default() };
        let config = Kubeconfig::new("k", server.url(), String::from_utf8(ca.pem()).unwrap(), "u", user);
        std::fs::write(root.path().join("etc/kubernetes/admin.conf"), config.to_yaml().unwrap().expose()).unwrap();
        let manifest = root.path().join("etc/kubernetes/manifests/kube-apiserver.yaml");
        std::fs::write(manifest, "spec: {containers: [{command: [kube-apiserver]}]}").unwrap();
        let mut outcome = || {
            let begun = cx.host.clock.monotonic();
            let failure = verify_admin_access(&mut cx).unwrap_err();
            (
                matches!(failure.downcast_ref(), Some(EtcdError::QuorumLost { .. })),
                cx.host.clock.monotonic().saturating_sub(begun),
            )
        };
        let (is_named, waited) = outcome();
        assert!(!is_named && waited > ENDPOINT * 2, "{waited:?}");
        voters.lose_majority();
        let (is_named, waited) = outcome();
        assert!(is_named && waited < ENDPOINT * 2, "{waited:?}");
    }
}
