//! The components as they run: their containers, and what they show to others.
//!
//! Reads: the container runtime, ports. Writes: ends containers, through the gate.

use crate::base::fault::Result;
use crate::context::Context;
use crate::domain::paths::ADMIN_CONF;
use crate::host::cri::{self, Container, ContainerState, Cri};
use crate::kube::ready::{self, Component};
use crate::ops::kubelet_service;
use crate::pki::Cert;
use crate::state::ports::{self, Port};
use crate::state::static_pod::StaticPod;
use std::path::Path;

/// What a restart asks of a host and does to it.
pub trait Running {
    /// Every container of a component, also those that ended.
    ///
    /// # Errors
    /// When the runtime does not answer.
    fn containers(&self, component: &str) -> Result<Vec<Container>>;
    /// Stops a container if it runs, and removes it. The kubelet starts the next one of a static Pod. It would wait,
    /// up to five minutes, if it found one that has ended shortly after another: a container that is gone is no crash.
    ///
    /// # Errors
    /// When the runtime cannot do it.
    fn end(&self, container: &Container) -> Result<()>;
    /// A kubelet is there that starts again what is ended.
    ///
    /// # Errors
    /// When there is none, or it is not well.
    fn kubelet_is_well(&self, cx: &Context) -> Result<()>;
    /// The certificate that a port shows, or why it shows none.
    ///
    /// # Errors
    /// In words.
    fn shown(&self, port: &Port) -> std::result::Result<Cert, String>;
    /// What is wrong with a component in its own words.
    ///
    /// # Errors
    /// When it cannot be asked by any means.
    fn ailment(&self, component: &str, url: &str) -> Result<Option<String>>;
    /// The API server is ready for the administrator with what is in admin.conf now.
    ///
    /// # Errors
    /// When it is not, or does not accept admin.conf.
    fn admin_enters(&self, cx: &mut Context) -> Result<()>;
}

/// The components of this host.
pub struct ThisHost(Cri);

impl ThisHost {
    /// Finds the runtime.
    ///
    /// # Errors
    /// When there is none that answers.
    pub fn find(cx: &Context) -> Result<Self> {
        Ok(Self(cri::find(&cx.host, cx.node()?.cri_socket.as_deref())?))
    }
}

impl Running for ThisHost {
    fn containers(&self, component: &str) -> Result<Vec<Container>> {
        let mut all = self.0.containers()?;
        let system =
            |one: &Container| one.labels.get("io.kubernetes.pod.namespace").is_some_and(|n| n == "kube-system");
        all.retain(|one| one.name == component && system(one));
        Ok(all)
    }

    fn end(&self, container: &Container) -> Result<()> {
        if container.state == ContainerState::Running {
            self.0.stop_container(container)?;
        }
        Ok(self.0.remove_container(container)?)
    }

    fn kubelet_is_well(&self, cx: &Context) -> Result<()> {
        kubelet_service::require_healthy(cx)
    }

    fn shown(&self, port: &Port) -> std::result::Result<Cert, String> {
        ports::look(port)
    }

    fn ailment(&self, component: &str, url: &str) -> Result<Option<String>> {
        Ok(ready::ailment(&Component { name: component.into(), url: url.into() })?)
    }

    fn admin_enters(&self, cx: &mut Context) -> Result<()> {
        if !cx.files.exists(Path::new(ADMIN_CONF)) || StaticPod::read(&cx.files, "kube-apiserver")?.is_none() {
            return Ok(());
        }
        // A connection from before would prove what was in admin.conf then.
        let opened = cx.gate.clone().effect(|| {
            cx.close_cluster();
            cx.running_cluster(Path::new(ADMIN_CONF))
        })?;
        let Some(cluster) = opened else { return Ok(()) };
        let limit = cx.timeouts().control_plane_component_health_check;
        cluster.wait_until_ready("/readyz", "a ready API server", limit, &cx.events)?;
        cx.events.message("the API server is ready, and admin.conf opens it");
        Ok(())
    }
}

/// Those of the containers that run.
pub fn that_run(containers: &[Container]) -> Vec<Container> {
    containers.iter().filter(|one| one.state == ContainerState::Running).cloned().collect()
}
