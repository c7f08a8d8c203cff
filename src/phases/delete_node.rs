//! Deletes the Node object from the cluster, and the requests for its certificates.
//!
//! Reads: the node, the certificate signing requests. Writes: deletes them, and records that the cluster was informed.

use crate::base::fault::Result;
use crate::context::{Context, Leaving, Place, Run};
use crate::domain::paths::KUBELET_CONF;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CERTIFICATE_SIGNING_REQUEST, NODE, ObjectRef};
use crate::kube::node::is_control_plane;
use crate::ops::etcd_member::{self, EtcdMembership};
use crate::ops::reset_progress;
use crate::pipeline::{Phase, Target};
use crate::pki::subject::Subject;
use crate::state::local_etcd;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

pub struct DeleteNode;

impl<H: Place> Phase<Leaving<H>> for DeleteNode {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Leaving<H>>, _: &Target) -> Result<()> {
        let Some(cluster) = registered(cx)? else { return Ok(()) };
        if matches!(etcd_membership(cx)?, EtcdMembership::Last) {
            return Ok(());
        }
        count_control_planes(cx, &cluster)?;
        delete(cx, &cluster)?;
        // From here on the API server is no longer needed, and soon it may not respond.
        if cx.work.is_here() {
            reset_progress::add(cx, |progress| progress.cluster_informed = true)?;
        }
        Ok(())
    }
}

/// Data in an external etcd remain after the last control plane, which is reported to the user.
fn count_control_planes<H: Place>(cx: &mut Run<Leaving<H>>, cluster: &Cluster) -> Result<()> {
    if local_etcd::external(cx)?.is_none() {
        return Ok(());
    }
    let name = cx.work.name.clone();
    // Without permission to list nodes the number is unknown, which is not an error.
    if let Ok(nodes) = cluster.list_metadata(&NODE) {
        let others =
            nodes.iter().filter(|node| is_control_plane(node)).filter(|node| node["metadata"]["name"] != name.as_str());
        cx.work.other_control_planes = Some(others.count());
    }
    Ok(())
}

fn delete<H: Place>(cx: &mut Run<Leaving<H>>, cluster: &Cluster) -> Result<()> {
    let name = cx.work.name.clone();
    // The API server never allows a kubelet to do that, not even for its own node.
    if cx.work.kubeconfig.as_deref() == Some(Path::new(KUBELET_CONF)) {
        return report_still_listed(cx, cluster, &name);
    }
    match cluster.delete(&ObjectRef::global(&NODE, &name)) {
        Ok(true) => cx.events.message(format!("deleted the node {name} from the cluster")),
        Ok(false) => cx.events.message(format!("the cluster no longer has a node {name}")),
        Err(error) if error.is_forbidden() => return report_still_listed(cx, cluster, &name),
        Err(error) => return Err(error.into()),
    }
    delete_requests(cx, cluster, &name)
}

fn report_still_listed<H: Place>(cx: &mut Run<Leaving<H>>, cluster: &Cluster, name: &str) -> Result<()> {
    if cluster.find(&ObjectRef::global(&NODE, name))?.is_some() {
        let what = format!("the node {name} in the cluster, which only an administrator may delete");
        cx.events.message(format!("kept {what}"));
        cx.work.notes.push(format!("{what}; run 'kubectl delete node {name}' on a control plane"));
    }
    Ok(())
}

/// The cluster, if it responds and may have a node of this host: a host whose kubelet never joined has none, and a
/// node with its name belongs to another host.
pub fn registered<H: Place>(cx: &mut Run<Leaving<H>>) -> Result<Option<Arc<Cluster>>> {
    let here = cx.work.is_here();
    if here && !cx.host.files.exists(Path::new(KUBELET_CONF)) {
        cx.events.message("this host is not a node of a cluster: nothing to do");
        return Ok(None);
    }
    crate::state::api_health::api(cx)
}

/// The etcd membership of the node. If it cannot be determined, the etcd phase reports that.
pub fn etcd_membership<H: Place>(cx: &mut Run<Leaving<H>>) -> Result<EtcdMembership> {
    etcd_member::etcd_membership(cx)
}

fn delete_requests(cx: &Context, cluster: &Cluster, node: &str) -> Result<()> {
    let requests = match cluster.list(&CERTIFICATE_SIGNING_REQUEST, None, "") {
        Ok(requests) => requests,
        // They are deleted automatically within a day.
        Err(error) if error.is_forbidden() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for request in requests.iter().filter(|request| is_of(request, node)) {
        if let Some(object) = ObjectRef::of(request)
            && cluster.delete(&object)?
        {
            cx.events.message(format!("deleted its certificate signing request {}", object.name));
        }
    }
    Ok(())
}

/// True for requests of the node itself, and for its first request, which a token created.
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
    fn requests_of_the_node_are_distinguished_from_others() {
        let by = |user: &str| json!({"spec": {"username": user, "request": "bm90IGEgcmVxdWVzdA=="}});
        assert!(is_of(&by("system:node:n1"), "n1"));
        assert!(!is_of(&by("system:node:n10"), "n1"));
        assert!(!is_of(&by("system:bootstrap:abcdef"), "n1"));
    }
}
