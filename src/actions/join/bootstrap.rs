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
use crate::pki::subject::Subject;
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
        Some(requests) => fate(&requests, &node),
        None => format!("the requests for certificates cannot be read, so the kubelet of {node} tells more"),
    };
    Some(JoinError::NotBootstrapped { limit, why }.into())
}

/// What became of this node's request; of several, of the one made last.
fn fate(requests: &[Value], node: &str) -> String {
    let user = format!("system:node:{node}");
    let is_ours = |request: &&Value| {
        let asked_by = request["spec"]["username"].as_str().unwrap_or_default();
        asked_by.starts_with(BOOTSTRAP_USERS) && asks_for(request).is_some_and(|name| name == user)
    };
    let made = |request: &&Value| request["metadata"]["creationTimestamp"].as_str().map(str::to_owned);
    let Some(request) = requests.iter().filter(is_ours).max_by_key(made) else {
        return "it has not asked for one".into();
    };
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

/// Whose certificate a request is for.
fn asks_for(request: &Value) -> Option<String> {
    Subject::of_request(request["spec"]["request"].as_str()?).map(|subject| subject.common_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::issue;
    use crate::pki::sans::Sans;
    use crate::pki::{Generator, KeySource};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    fn request(name: &str, node: &str, status: &Value) -> Value {
        let key = Generator.take(crate::config::model::KeyAlgorithm::EcdsaP256).unwrap();
        let subject = Subject::new(format!("system:node:{node}"), &["system:nodes"]);
        let pem = issue::request(&subject, &Sans::default(), &key).unwrap();
        json!({
            "metadata": {"name": name, "creationTimestamp": format!("2026-01-01T00:00:0{}Z", name.len())},
            "spec": {"username": "system:bootstrap:abcdef", "request": STANDARD.encode(pem)},
            "status": status
        })
    }

    #[test]
    fn the_request_of_another_node_is_not_taken_for_ours() {
        let denied = json!({"conditions": [{"type": "Denied", "message": "no"}]});
        let requests =
            [request("later", "n1", &denied), request("last-of-all", "n2", &json!({})), request("x", "n1", &json!({}))];
        assert!(fate(&requests, "n1").contains("later was denied"), "{}", fate(&requests, "n1"));
        assert_eq!(fate(&requests, "n3"), "it has not asked for one");
    }

    #[test]
    fn every_state_of_a_request_is_told() {
        let told = |status: &Value| fate(&[request("csr-1", "n1", status)], "n1");
        assert!(told(&json!({})).contains("waits for approval"));
        let approved = json!([{"type": "Approved"}]);
        assert!(told(&json!({"conditions": approved})).contains("has not signed it"));
        assert!(told(&json!({"conditions": approved, "certificate": "x"})).contains("not fetched"));
        assert!(told(&json!({"conditions": [{"type": "Denied", "message": "no"}]})).ends_with("was denied: no"));
        let others = json!({"metadata": {"name": "x"}, "spec": {"username": "system:node:n1"}});
        assert_eq!(fate(&[others], "n1"), "it has not asked for one");
    }
}
