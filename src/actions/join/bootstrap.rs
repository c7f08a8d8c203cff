//! Waits until the kubelet has its own certificate and its node is in the cluster.
//!
//! Reads: `/etc/kubernetes/kubelet.conf`, the node, and, when time runs out, the requests for
//! certificates. Writes: the node's annotation with the runtime's socket, in minors that want it; removes
//! `bootstrap-kubelet.conf`, whose token has done its work.

use super::discover::KUBELET_CONF;
use super::error::JoinError;
use super::kubelet_start::BOOTSTRAP_CONF;
use crate::base::fault::{Failure, Result};
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::context::Context;
use crate::context::access::access;
use crate::kube::kind::{CERTIFICATE_SIGNING_REQUEST, NODE, ObjectRef};
use crate::kube::request::PatchKind;
use crate::pipeline::{Action, Target};
use crate::render::objects::mark;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// Who asks for a certificate with a bootstrap token.
const BOOTSTRAP_USERS: &str = "system:bootstrap:";

/// See the module's text.
pub struct WaitBootstrap;

impl Action for WaitBootstrap {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let limit = cx.timeouts().tls_bootstrap;
        let gate = cx.gate.clone();
        if gate.effect(|| wait_for_certificate(cx, limit))?.is_none() {
            return Ok(());
        }
        let cluster = cx.running_cluster(Path::new(KUBELET_CONF))?;
        let name = cx.node()?.name.clone();
        let node = cluster.wait_for_node(&name, limit, &cx.events)?;
        if let Some(patch) = mark::cri_socket_patch(cx.facts()?, cx.cluster()?, &node, &cx.cri_socket()?) {
            cluster.patch(&ObjectRef::global(&NODE, &name), PatchKind::Strategic, &patch)?;
        }
        cx.files.remove(Path::new(BOOTSTRAP_CONF))?;
        cx.events.message(format!("node {name} is in the cluster"));
        Ok(())
    }
}

fn wait_for_certificate(cx: &Context, limit: Duration) -> Result<()> {
    let wait = Wait::new("the kubelet's own certificate", limit);
    let done = wait.until(&cx.clock, &cx.events, || {
        // Only a kubeconfig whose certificate is there, too, is one.
        Ok(match access(cx, Path::new(KUBELET_CONF)) {
            Ok(_) => Poll::Ready(()),
            Err(_) => Poll::Pending(format!("{KUBELET_CONF} is not complete yet")),
        })
    });
    done.map_err(|failure| match failure.downcast_ref::<TimedOut>() {
        Some(_) => explain(cx, limit).unwrap_or(failure),
        None => failure,
    })
}

/// Looks for the request that the kubelet made, and says what became of it.
fn explain(cx: &Context, limit: Duration) -> Option<Failure> {
    let requests = cx.joining().ok()?.api.list(&CERTIFICATE_SIGNING_REQUEST, None, "").ok();
    let node = cx.node().ok()?.name.clone();
    let why = match requests {
        Some(requests) => fate(&requests),
        None => format!("the requests for certificates cannot be read, so the kubelet of {node} tells more"),
    };
    Some(JoinError::NotBootstrapped { limit, why }.into())
}

fn fate(requests: &[Value]) -> String {
    let ours = requests
        .iter()
        .rev()
        .find(|request| request["spec"]["username"].as_str().is_some_and(|user| user.starts_with(BOOTSTRAP_USERS)));
    let Some(request) = ours else { return "it has not asked for one".into() };
    let name = request["metadata"]["name"].as_str().unwrap_or_default();
    let conditions = request["status"]["conditions"].as_array();
    let has = |kind: &str| conditions.into_iter().flatten().find(|condition| condition["type"] == kind);
    if let Some(denied) = has("Denied") {
        return format!("its request {name} was denied: {}", denied["message"].as_str().unwrap_or("no reason given"));
    }
    match (has("Approved"), request["status"]["certificate"].as_str()) {
        (None, _) => format!("its request {name} waits for approval ('kubectl certificate approve {name}')"),
        (Some(_), None) => format!("its request {name} is approved, but kube-controller-manager has not signed it"),
        (Some(_), Some(_)) => format!("its request {name} was granted, but it has not fetched the certificate"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(status: &Value) -> Value {
        json!({"metadata": {"name": "csr-1"}, "spec": {"username": "system:bootstrap:abcdef"}, "status": status})
    }

    #[test]
    fn every_state_of_a_request_is_told() {
        let told = |status: &Value| fate(&[request(status)]);
        assert!(told(&json!({})).contains("waits for approval"));
        let approved = json!([{"type": "Approved"}]);
        assert!(told(&json!({"conditions": approved})).contains("has not signed it"));
        assert!(told(&json!({"conditions": approved, "certificate": "x"})).contains("not fetched"));
        assert!(told(&json!({"conditions": [{"type": "Denied", "message": "no"}]})).ends_with("was denied: no"));
        let others = json!({"metadata": {"name": "x"}, "spec": {"username": "system:node:n1"}});
        assert_eq!(fate(&[others]), "it has not asked for one");
    }
}
