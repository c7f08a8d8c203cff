//! The static Pods of this host as its manifests give them. The cluster shows them later: a kubelet creates their mirror Pods up
//! to a minute after it has started, and replaces them as late after a manifest has changed while the API server was away.
//!
//! Reads: `/etc/kubernetes/manifests/*.yaml`, this host's name as a node. Writes: nothing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::state::static_pod::StaticPod;
use crate::state::{current_config, manifests};

/// A static Pod of a control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodReading {
    /// `kube-apiserver`.
    pub component: String,
    pub node: String,
    /// The tag of its image; empty if it has none.
    pub tag: String,
    /// The client URLs of an etcd member.
    pub client_urls: Vec<String>,
}

/// Adds the Pods of this host's manifests to `pods`, in place of what the cluster shows of them.
pub fn add(cx: &Context, pods: &mut Vec<PodReading>) -> Result<()> {
    let mut own = Vec::new();
    for component in manifests::pod_names() {
        if let Some(pod) = StaticPod::read_or_empty(&cx.host.files, component)? {
            own.push((component, pod));
        }
    }
    if own.is_empty() {
        return Ok(());
    }
    let name = current_config::from_host(cx)?.1.name;
    for (component, pod) in own {
        pods.retain(|shown| shown.component != component || shown.node != name);
        pods.push(PodReading {
            component: component.into(),
            node: name.clone(),
            tag: pod.tag().unwrap_or_default().into(),
            client_urls: pod.list("advertise-client-urls").into_iter().map(str::to_owned).collect(),
        });
    }
    Ok(())
}
