//! Takes the leaving node's object out of the cluster, with the requests by which it got its certificates.
//!
//! Reads: the node, the requests for certificates. Writes: removes them, and notes that the cluster was told.

use crate::base::fault::Result;
use crate::context::Context;
use crate::domain::paths::KUBELET_CONF;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CERTIFICATE_SIGNING_REQUEST, NODE, ObjectRef};
use crate::ops::etcd_member::{self, Place};
use crate::ops::reset_progress;
use crate::pipeline::{Action, Target};
use crate::pki::subject::Subject;
use crate::state::local_etcd;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// The label of control planes, and that of older minors.
const CONTROL_PLANE: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// See the module's text.
pub struct DeleteNode;

impl Action for DeleteNode {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let Some(cluster) = registered(cx)? else { return Ok(()) };
        if matches!(place(cx)?, Place::Last) {
            return Ok(());
        }
        count_others(cx, &cluster)?;
        tell(cx, &cluster)?;
        // From here on it does not matter whether the API server answers, and soon it may not.
        if cx.leaving()?.is_here() {
            reset_progress::add(cx, |note| note.told = true)?;
        }
        Ok(())
    }
}

/// Data in an etcd that others run outlives the last control plane, about which the user is told.
fn count_others(cx: &mut Context, cluster: &Cluster) -> Result<()> {
    if local_etcd::external(cx)?.is_none() {
        return Ok(());
    }
    let name = cx.leaving()?.name.clone();
    // Who may not list nodes does not know, which is not worth an error.
    if let Ok(nodes) = cluster.list_metadata(&NODE) {
        let leads = |node: &&Value| CONTROL_PLANE.iter().any(|label| node["metadata"]["labels"].get(label).is_some());
        let others = nodes.iter().filter(leads).filter(|node| node["metadata"]["name"] != name.as_str());
        cx.leaving_mut()?.other_control_planes = Some(others.count());
    }
    Ok(())
}

fn tell(cx: &mut Context, cluster: &Cluster) -> Result<()> {
    let name = cx.leaving()?.name.clone();
    // The API server never lets a kubelet do that, not even of its own node.
    if cx.leaving()?.kubeconfig.as_deref() == Some(Path::new(KUBELET_CONF)) {
        return still_listed(cx, cluster, &name);
    }
    match cluster.delete(&ObjectRef::global(&NODE, &name)) {
        Ok(true) => cx.events.message(format!("took node {name} out of the cluster")),
        Ok(false) => cx.events.message(format!("the cluster has no node {name} any more")),
        Err(error) if error.is_forbidden() => return still_listed(cx, cluster, &name),
        Err(error) => return Err(error.into()),
    }
    forget_requests(cx, cluster, &name)
}

fn still_listed(cx: &mut Context, cluster: &Cluster, name: &str) -> Result<()> {
    if cluster.find(&ObjectRef::global(&NODE, name))?.is_some() {
        let what = format!("the node {name} in the cluster, which only an administrator may remove");
        cx.events.message(format!("left {what}"));
        cx.leaving_mut()?.notes.push(format!("{what}; run 'kubectl delete node {name}' on a control plane"));
    }
    Ok(())
}

/// The cluster, if it answers and may have a node of this host: a host whose kubelet was never let in has none, and
/// one of its name belongs to another host.
///
/// # Errors
/// When the cluster does not answer, without `--force`.
pub fn registered(cx: &mut Context) -> Result<Option<Arc<Cluster>>> {
    let here = cx.leaving()?.is_here();
    if here && !cx.files.exists(Path::new(KUBELET_CONF)) {
        cx.events.message("this host is no node of a cluster: nothing to do");
        return Ok(None);
    }
    crate::state::api_health::api(cx)
}

/// The node's place in etcd. Where nobody can tell, the phase of etcd says so.
pub fn place(cx: &mut Context) -> Result<Place> {
    etcd_member::place(cx)
}

fn forget_requests(cx: &Context, cluster: &Cluster, node: &str) -> Result<()> {
    let requests = match cluster.list(&CERTIFICATE_SIGNING_REQUEST, None, "") {
        Ok(requests) => requests,
        // They go by themselves within a day.
        Err(error) if error.is_forbidden() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for request in requests.iter().filter(|request| is_of(request, node)) {
        if let Some(object) = ObjectRef::of(request)
            && cluster.delete(&object)?
        {
            cx.events.message(format!("removed its request for a certificate, {}", object.name));
        }
    }
    Ok(())
}

/// True for what the node itself asked for, and for its first request, which a token made.
fn is_of(request: &Value, node: &str) -> bool {
    let user = format!("system:node:{node}");
    let asks_for = request["spec"]["request"].as_str().and_then(Subject::of_request);
    request["spec"]["username"] == user.as_str() || asks_for.is_some_and(|subject| subject.common_name == user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_of_the_node_are_told_from_others() {
        let by = |user: &str| json!({"spec": {"username": user, "request": "bm90IGEgcmVxdWVzdA=="}});
        assert!(is_of(&by("system:node:n1"), "n1"));
        assert!(!is_of(&by("system:node:n10"), "n1"));
        assert!(!is_of(&by("system:bootstrap:abcdef"), "n1"));
    }
}
