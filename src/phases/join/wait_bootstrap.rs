//! Waits until the kubelet runs, has its own certificate, and its node is in the cluster.
//!
//! Reads: the kubelet's health, `/etc/kubernetes/kubelet.conf`, the node, and, when it takes long, the requests for
//! certificates and the kubelet's journal. Writes: the kubelet's state (restarted once the API server that it asks is up),
//! the node's annotation with the runtime's socket, in minors that want it, and its mark that `reset` had closed it to
//! Pods; removes `bootstrap-kubelet.conf`, whose token has done its work.

use crate::base::fault::{Failure, Result};
use crate::base::wait::{Pace, Poll, TimedOut, Wait};
use crate::context::Context;
use crate::domain::paths::BOOTSTRAP_KUBELET_CONF;
use crate::domain::paths::KUBELET_CONF;
use crate::host::service::Services;
use crate::kube::kind::{CERTIFICATE_SIGNING_REQUEST, NODE, ObjectRef};
use crate::kube::ready::{Component, ailment};
use crate::kube::request::PatchKind;
use crate::ops::cordon;
use crate::phases::join::error::JoinError;
use crate::phases::join::kubelet_start::asks_its_own_host;
use crate::pipeline::{Action, Target};
use crate::render::objects::mark;
use crate::state::health;
use crate::state::kubelet_credentials::{self, Credentials};
use crate::state::kubelet_csr::{self, Fate};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// See the module's text.
pub struct WaitBootstrap;

impl Action for WaitBootstrap {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let limit = cx.timeouts().tls_bootstrap;
        let gate = cx.gate.clone();
        let waited = gate.effect(|| wait_for_kubelet(cx).and_then(|()| wait_for_certificate(cx, limit)));
        if waited.is_err() && cx.files.exists(Path::new(BOOTSTRAP_KUBELET_CONF)) {
            cx.events.message(format!(
                "{BOOTSTRAP_KUBELET_CONF} and the token in it stay, for the kubelet to go on with; 'kubewright reset' removes them"
            ));
        }
        let cluster = match waited? {
            Some(()) => cx.running_cluster(Path::new(KUBELET_CONF))?,
            // A plan has no kubelet that could have got credentials.
            None => cx.joining()?.api.clone(),
        };
        // Whatever comes of the node: with its own certificate the kubelet has no more use for the token.
        cx.files.remove(Path::new(BOOTSTRAP_KUBELET_CONF))?;
        let name = cx.node()?.name.clone();
        let node = cluster.wait_for_node(&name, limit, &cx.events).map_err(|failure| cx.explained(failure))?;
        if let Some(patch) = mark::cri_socket_patch(cx.facts()?, cx.cluster()?, &node, &cx.cri_socket()?) {
            cluster.patch(&ObjectRef::global(&NODE, &name), PatchKind::Strategic, &patch)?;
        }
        if let Some(patch) = cordon::opening_patch(&node) {
            cluster.patch(&ObjectRef::global(&NODE, &name), PatchKind::Strategic, &patch)?;
            cx.events.message(format!("opened node {name} to Pods again, which 'reset' had closed"));
        }
        cx.events.message(format!("node {name} is in the cluster"));
        Ok(())
    }
}

/// A kubelet that does not run asks for nothing. One that does not rotate its certificate tells how it is only when it
/// has one, so either will do.
fn wait_for_kubelet(cx: &Context) -> Result<()> {
    let Some(kubelet) = health::kubelet(&cx.files)? else { return Ok(()) };
    let wait = Wait::new("a healthy kubelet", cx.timeouts().kubelet_health_check);
    let done = wait.until(&cx.clock, &cx.events, || {
        let ailment = ailment(&kubelet)?;
        Ok(match ailment {
            Some(why) if !is_let_in(&own_credentials(cx)?) => Poll::Pending(why),
            _ => Poll::Ready(()),
        })
    });
    done.map_err(|failure| cx.explained(failure))
}

fn wait_for_certificate(cx: &Context, limit: Duration) -> Result<()> {
    let wait = Wait::new("the kubelet's own certificate", limit);
    let mut awaited = own_api_server(cx)?;
    let mut request = Watched { text: None, pace: Pace::new(&cx.clock, FIRST_LOOK, LOOK_EVERY) };
    let done = wait.until(&cx.clock, &cx.events, || {
        let own = own_credentials(cx)?;
        if is_let_in(&own) {
            return Ok(Poll::Ready(()));
        }
        if let Some(server) = &awaited
            && ailment(server)?.is_none()
        {
            awaited = None;
            Services::of(&cx.host).restart("kubelet")?;
            cx.events.message("restarted the kubelet, so that it asks the API server of this host now that it is up");
        }
        let request = request.look(cx);
        Ok(Poll::Pending(request.unwrap_or_else(|| format!("{KUBELET_CONF}: {}", own.shown()))))
    });
    done.map_err(|failure| match failure.downcast_ref::<TimedOut>() {
        Some(_) => explain(cx, limit).unwrap_or(failure),
        None => failure,
    })
}

/// Most requests are granted sooner than this.
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// Often enough for whoever watches, and seldom enough for a cluster that hundreds of hosts join at once.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What is known of the kubelet's request while it is waited for.
struct Watched {
    text: Option<String>,
    pace: Pace,
}

impl Watched {
    /// What became of the request by now, once that was looked for.
    fn look(&mut self, cx: &Context) -> Option<String> {
        if self.pace.is_due(&cx.clock) {
            self.text = fate_of_ours(cx).map(|fate| fate.text);
        }
        self.text.clone()
    }
}

/// The API server of this host, when it is the one that the kubelet asks and is not up yet. By the time it is, the kubelet
/// has asked in vain some times, and waits up to half a minute before it asks again.
fn own_api_server(cx: &Context) -> Result<Option<Component>> {
    if cx.control_plane_join().is_none() || !asks_its_own_host(cx.cluster()?, cx.node()?, cx.facts()?) {
        return Ok(None);
    }
    let endpoint = &cx.node()?.local_endpoint;
    let address = SocketAddr::new(endpoint.advertise_address, endpoint.bind_port);
    let server = Component { name: "kube-apiserver".into(), url: format!("https://{address}/readyz") };
    Ok(ailment(&server)?.is_some().then_some(server))
}

fn own_credentials(cx: &Context) -> Result<Credentials> {
    kubelet_credentials::of_kubelet(cx, &cx.joining()?.found.ca_pem)
}

/// True when the kubelet need not ask any more. A CA that is not in the cluster's bundle may sign for kubelets
/// nevertheless, and what others had left was removed before the kubelet was started.
fn is_let_in(own: &Credentials) -> bool {
    matches!(own, Credentials::Ours | Credentials::OtherCa)
}

/// Says what became of the kubelet's request; where that does not tell why it got no certificate, this host may.
fn explain(cx: &Context, limit: Duration) -> Option<Failure> {
    let fate = fate_of_ours(cx)?;
    let here = || cx.diagnosed(&format!("the kubelet's own certificate ({})", fate.text), limit, None);
    let cause = if fate.says_why { None } else { here() };
    Some(cause.unwrap_or_else(|| JoinError::NotBootstrapped { limit, why: fate.text }.into()))
}

/// Looks for the request that the kubelet made.
fn fate_of_ours(cx: &Context) -> Option<Fate> {
    let requests = cx.joining().ok()?.api.list(&CERTIFICATE_SIGNING_REQUEST, None, "").ok();
    let node = &cx.node().ok()?.name;
    Some(match requests {
        Some(requests) => kubelet_csr::fate(&requests, node),
        None => Fate::open("the requests for certificates cannot be read".into()),
    })
}

#[cfg(test)]
mod tests;
