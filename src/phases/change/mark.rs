//! The mark of a node that has to follow a change of the configuration: an annotation with what of its host is to change.
//!
//! All other nodes get it before the cluster stores the configuration, and each loses it when its host has it. So a change that
//! was interrupted anywhere is seen in the cluster, and nothing has to be kept elsewhere. A node that joins later has no mark:
//! it gets the stored configuration.
//!
//! Reads: the Nodes. Writes: their annotation.

use crate::base::fault::Result;
use crate::context::upgrading::Parts;
use crate::context::{Run, Upgrading};
use crate::kube::kind::{NODE, ObjectRef};
use crate::kube::node::is_control_plane;
use crate::kube::request::PatchKind;
use crate::pipeline::{Phase, Target};
use crate::state::host_facts::{PENDING, pending};
use serde_json::{Value, json};

/// Marks the other nodes.
pub struct Announce;

impl Phase<Upgrading> for Announce {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        let stores = cx.work.purpose.change.unwrap_or_default().stores;
        if !stores.any() {
            return Ok(());
        }
        let (cluster, own) = (cx.new_cluster()?, cx.node()?.name.clone());
        let mut marked = Vec::new();
        for node in cluster.list(&NODE, None, "")? {
            let name = node["metadata"]["name"].as_str().unwrap_or_default();
            let (before, after) = (pending(&node), pending(&node).or(wanted(&node, stores)));
            if name != own && after != before {
                cluster.patch(&ObjectRef::global(&NODE, name), PatchKind::Strategic, &patch(&json!(after.words())))?;
                marked.push(name.to_owned());
            }
        }
        if !marked.is_empty() {
            cx.events.message(format!("marked the nodes that have to follow: {}", marked.join(", ")));
        }
        Ok(())
    }
}

/// What of a node's host changes.
fn wanted(node: &Value, stores: Parts) -> Parts {
    Parts { components: stores.components && is_control_plane(node), kubelet: stores.kubelet }
}

fn patch(value: &Value) -> Value {
    json!({ "metadata": { "annotations": { PENDING: value } } })
}

/// Removes the mark of this node.
pub struct Done;

impl Phase<Upgrading> for Done {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        let (cluster, name) = (cx.new_cluster()?, ObjectRef::global(&NODE, &cx.node()?.name));
        if pending(&cluster.read(&name)?).any() {
            cluster.patch(&name, PatchKind::Strategic, &patch(&Value::Null))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_does_not_follow_a_change_of_static_pods() {
        let worker = json!({ "metadata": { "name": "w" } });
        let control_plane = json!({ "metadata": { "labels": { "node-role.kubernetes.io/control-plane": "" } } });
        assert!(!wanted(&worker, Parts { components: true, kubelet: false }).any());
        assert_eq!(wanted(&worker, Parts::ALL), Parts { components: false, kubelet: true });
        assert_eq!(wanted(&control_plane, Parts::ALL), Parts::ALL);
    }

    #[test]
    fn a_mark_is_read_back_and_an_edited_one_is_everything() {
        let marked = |text: &str| pending(&patch(&json!(text)));
        for parts in [Parts::default(), Parts::ALL, Parts { components: false, kubelet: true }] {
            assert_eq!(marked(&parts.words()), parts);
        }
        assert_eq!(marked("true"), Parts::ALL);
        assert_eq!(pending(&json!({})), Parts::default());
    }
}
