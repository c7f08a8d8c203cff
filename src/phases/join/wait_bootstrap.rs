//! Waits until the kubelet runs, has its own certificate, and its node exists in the cluster.
//!
//! Reads: the kubelet's health, `/etc/kubernetes/kubelet.conf`, the node, and, if it takes long, the certificate
//! signing requests and the kubelet's journal. Writes: the kubelet's state (restarted once the API server that it uses
//! is up), the node's annotation with the runtime's socket in minor versions that need it, and uncordons a node that
//! `reset` had cordoned; removes `bootstrap-kubelet.conf`, whose token is no longer needed.

use crate::base::fault::{Failure, Result};
use crate::base::wait::{Pace, Poll, TimedOut, Wait};
use crate::context::{Joining, Run};
use crate::domain::paths::BOOTSTRAP_KUBELET_CONF;
use crate::domain::paths::KUBELET_CONF;
use crate::host::service::Services;
use crate::kube::kind::{CERTIFICATE_SIGNING_REQUEST, NODE, ObjectRef};
use crate::kube::ready::{Component, problem_of};
use crate::kube::request::PatchKind;
use crate::ops::cordon;
use crate::phases::join::error::JoinError;
use crate::phases::join::kubelet_start::uses_own_api_server;
use crate::pipeline::{Phase, Target};
use crate::render::objects::mark;
use crate::state::health;
use crate::state::kubelet_credentials::{self, Credentials};
use crate::state::kubelet_csr::{self, RequestState};
use crate::state::quorum::QuorumWatch;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

pub struct WaitBootstrap;

impl Phase<Joining> for WaitBootstrap {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Joining>, _: &Target) -> Result<()> {
        let limit = cx.timeouts().tls_bootstrap;
        let gate = cx.host.gate.clone();
        let waited = gate.effect(|| wait_for_kubelet(cx).and_then(|()| wait_for_certificate(cx, limit)));
        if waited.is_err() && cx.host.files.exists(Path::new(BOOTSTRAP_KUBELET_CONF)) {
            cx.events.message(format!(
                "{BOOTSTRAP_KUBELET_CONF} and its token are kept, so that the kubelet can continue; \
                 'kubewright reset' removes them"
            ));
        }
        let cluster = match waited? {
            Some(()) => cx.running_cluster(Path::new(KUBELET_CONF))?,
            // A plan has no kubelet that could have credentials.
            None => cx.work.api.clone(),
        };
        // Whatever happens to the node: with its own certificate the kubelet no longer needs the token.
        cx.host.files.remove(Path::new(BOOTSTRAP_KUBELET_CONF))?;
        let name = cx.node()?.name.clone();
        let mut quorum = QuorumWatch::new(cx);
        let node = cluster
            .wait_for_node(&name, limit, &cx.events, || quorum.look(cx))
            .map_err(|failure| cx.explained(failure))?;
        if let Some(patch) = mark::cri_socket_patch(cx.facts()?, cx.cluster()?, &node, &cx.cri_socket()?) {
            cluster.patch(&ObjectRef::global(&NODE, &name), PatchKind::Strategic, &patch)?;
        }
        if let Some(patch) = cordon::uncordon_patch(&node) {
            cluster.patch(&ObjectRef::global(&NODE, &name), PatchKind::Strategic, &patch)?;
            cx.events.message(format!("uncordoned the node {name}, which 'reset' had cordoned"));
        }
        cx.events.message(format!("node {name} has joined the cluster"));
        Ok(())
    }
}

/// A stopped kubelet requests no certificate. One that does not rotate its certificate serves its health check only
/// after it has one, so either is sufficient.
fn wait_for_kubelet(cx: &Run<Joining>) -> Result<()> {
    let Some(kubelet) = health::kubelet(&cx.host.files)? else { return Ok(()) };
    let wait = Wait::new("a healthy kubelet", cx.timeouts().kubelet_health_check);
    let done = wait.until(&cx.host.clock, &cx.events, || {
        let problem = problem_of(&kubelet)?;
        Ok(match problem {
            Some(why) if !has_joined(&own_credentials(cx)?) => Poll::Pending(why),
            _ => Poll::Ready(()),
        })
    });
    done.map_err(|failure| cx.explained(failure))
}

fn wait_for_certificate(cx: &Run<Joining>, limit: Duration) -> Result<()> {
    let wait = Wait::new("the kubelet's own certificate", limit);
    let mut awaited = own_api_server(cx)?;
    let mut quorum = QuorumWatch::new(cx);
    let mut request = RequestWatch { text: None, pace: Pace::new(&cx.host.clock, FIRST_CHECK, CHECK_INTERVAL) };
    let done = wait.until(&cx.host.clock, &cx.events, || {
        let own = own_credentials(cx)?;
        if has_joined(&own) {
            return Ok(Poll::Ready(()));
        }
        if let Some(server) = &awaited
            && problem_of(server)?.is_none()
        {
            awaited = None;
            Services::of(&cx.host).restart("kubelet")?;
            cx.events
                .message("restarted the kubelet, so that it retries with the API server of this host, which is now up");
        }
        quorum.look(cx)?;
        let request = request.look(cx);
        Ok(Poll::Pending(request.unwrap_or_else(|| format!("{KUBELET_CONF}: {}", own.shown()))))
    });
    done.map_err(|failure| match failure.downcast_ref::<TimedOut>() {
        Some(_) => explain(cx, limit).unwrap_or(failure),
        None => failure,
    })
}

/// Most requests are approved and signed sooner than this.
const FIRST_CHECK: Duration = Duration::from_secs(2);
/// Often enough for the user, and rarely enough for a cluster that hundreds of hosts join at once.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// The last known state of the kubelet's request.
struct RequestWatch {
    text: Option<String>,
    pace: Pace,
}

impl RequestWatch {
    /// The state of the request, once it was read.
    fn look(&mut self, cx: &Run<Joining>) -> Option<String> {
        if self.pace.is_due(&cx.host.clock) {
            self.text = own_request(cx).map(|request| request.text);
        }
        self.text.clone()
    }
}

/// The API server of this host, if the kubelet uses it and it is not up yet. By the time it is, the kubelet has failed
/// several times, and waits up to half a minute before it retries.
fn own_api_server(cx: &Run<Joining>) -> Result<Option<Component>> {
    if cx.work.control_plane.is_none() || !uses_own_api_server(cx.cluster()?, cx.node()?, cx.facts()?) {
        return Ok(None);
    }
    let endpoint = &cx.node()?.local_endpoint;
    let address = SocketAddr::new(endpoint.advertise_address, endpoint.bind_port);
    let server = Component { name: "kube-apiserver".into(), url: format!("https://{address}/readyz") };
    Ok(problem_of(&server)?.is_some().then_some(server))
}

fn own_credentials(cx: &Run<Joining>) -> Result<Credentials> {
    kubelet_credentials::of_kubelet(cx, &cx.work.found.ca_pem)
}

/// True if the kubelet need not request a certificate any more. A CA that is not in the cluster's bundle may sign for
/// kubelets nevertheless, and leftovers of other clusters were removed before the kubelet was started.
fn has_joined(own: &Credentials) -> bool {
    matches!(own, Credentials::Ours | Credentials::OtherCa)
}

/// Reports the state of the kubelet's request; if that does not explain the missing certificate, diagnoses this host.
fn explain(cx: &Run<Joining>, limit: Duration) -> Option<Failure> {
    let request = own_request(cx)?;
    let here = || cx.diagnosed(None, &format!("the kubelet's own certificate ({})", request.text), limit, None);
    let cause = if request.explains { None } else { here() };
    Some(cause.unwrap_or_else(|| JoinError::NotBootstrapped { limit, why: request.text }.into()))
}

/// Finds the request of the kubelet.
fn own_request(cx: &Run<Joining>) -> Option<RequestState> {
    let requests = cx.work.api.list(&CERTIFICATE_SIGNING_REQUEST, None, "").ok();
    let node = &cx.node().ok()?.name;
    Some(match requests {
        Some(requests) => kubelet_csr::state_of(&requests, node),
        None => RequestState::open("the certificate signing requests cannot be read".into()),
    })
}

#[cfg(test)]
mod tests;
