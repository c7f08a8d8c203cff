//! Where a change of CA is: the change itself, and how far each node has come.
//!
//! Both are annotations, so that a worker can read the one and write the other with its kubelet's credentials.
//!
//! Reads: ConfigMap `kube-public/cluster-info`, nodes. Writes: nothing.

use crate::base::fault::Result;
use crate::context::rotation::{Plan, Stage};
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CONFIG_MAP, NODE, ObjectRef};
use serde::Serialize;
use serde_json::Value;

/// The annotation of `cluster-info` (the change) and of nodes (how far they are).
pub const ANNOTATION: &str = "kubewright.io/ca-rotation";
/// The label of control planes, and that of older minors.
const CONTROL_PLANE: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// What the cluster knows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct World {
    /// The change that is going on.
    pub plan: Option<Plan>,
    /// The nodes that have a part in it.
    pub hosts: Vec<Host>,
}

/// How far a node has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// Its name.
    pub name: String,
    /// False for a worker.
    pub control_plane: bool,
    /// The last stage that it has done.
    pub done: Option<Stage>,
    /// When, in seconds since the epoch.
    pub at: Option<i64>,
}

/// Where `cluster-info` is.
pub fn cluster_info() -> ObjectRef {
    ObjectRef::new(&CONFIG_MAP, "kube-public", "cluster-info")
}

/// What `info`, the object `cluster-info`, and the cluster's nodes say.
///
/// # Errors
/// When the cluster cannot be reached or refuses.
pub fn read(info: &Value, cluster: &Cluster) -> Result<World> {
    let plan = annotation(info).and_then(|text| serde_json::from_str::<Plan>(text).ok());
    let nodes = cluster.list(&NODE, None, "")?;
    Ok(World::of(plan, &nodes))
}

/// What a node's annotation says of a stage that was done.
pub fn note(plan: &Plan, stage: Stage, now: i64) -> String {
    format!("{} {} {now}", plan.id, stage.name())
}

fn annotation(object: &Value) -> Option<&str> {
    object["metadata"]["annotations"][ANNOTATION].as_str()
}

impl World {
    fn of(plan: Option<Plan>, nodes: &[Value]) -> Self {
        let mut hosts: Vec<Host> = nodes.iter().map(|node| Host::of(node, plan.as_ref())).collect();
        // Workers know nothing but the cluster's CA.
        if plan.as_ref().is_some_and(|plan| !plan.prints.contains_key("ca")) {
            hosts.retain(|host| host.control_plane);
        }
        hosts.sort_by(|a, b| b.control_plane.cmp(&a.control_plane).then(a.name.cmp(&b.name)));
        Self { plan, hosts }
    }

    /// The hosts that have not done a stage.
    pub fn left(&self, stage: Stage) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |host| host.done.is_none_or(|done| done < stage))
    }

    /// The stage that comes next: the first that some host has not done.
    pub fn next(&self) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| self.left(*stage).next().is_some())
    }
}

impl Host {
    fn of(node: &Value, plan: Option<&Plan>) -> Self {
        let labels = &node["metadata"]["labels"];
        let mut host = Self {
            name: node["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            control_plane: CONTROL_PLANE.iter().any(|label| labels.get(label).is_some()),
            done: None,
            at: None,
        };
        let mut words = annotation(node).unwrap_or_default().split(' ');
        // What an earlier change has left says nothing of this one.
        if plan.is_some_and(|plan| words.next() == Some(plan.id.as_str())) {
            host.done = words.next().and_then(Stage::named);
            host.at = words.next().and_then(|text| text.parse().ok());
        }
        host
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn plan(names: &[&str]) -> Plan {
        let prints = names.iter().map(|name| ((*name).to_owned(), "p".to_owned())).collect::<BTreeMap<_, _>>();
        Plan { id: "r2".into(), begun: 1, prints }
    }

    fn node(name: &str, leads: bool, text: &str) -> Value {
        let labels = if leads { json!({"node-role.kubernetes.io/master": ""}) } else { json!({}) };
        json!({"metadata": {"name": name, "labels": labels, "annotations": {ANNOTATION: text}}})
    }

    #[test]
    fn a_stage_is_left_where_no_node_says_otherwise_and_an_earlier_change_counts_for_nothing() {
        let done = note(&plan(&["ca"]), Stage::Trust, 7);
        let nodes =
            [node("w", false, &done), node("b", true, "r1 drop 3"), node("a", true, &done), node("c", true, "")];
        let world = World::of(Some(plan(&["ca"])), &nodes);
        let left = |stage| world.left(stage).map(|host| host.name.as_str()).collect::<Vec<_>>();
        assert_eq!(left(Stage::Trust), ["b", "c"]);
        assert_eq!(left(Stage::Reissue), ["a", "b", "c", "w"]);
        assert_eq!(world.next(), Some(Stage::Trust));
        assert_eq!(world.hosts.iter().find(|host| host.name == "a").unwrap().at, Some(7));
    }

    #[test]
    fn workers_have_no_part_in_a_change_that_leaves_the_cluster_ca_alone() {
        let nodes = [node("w", false, ""), node("a", true, "")];
        let world = World::of(Some(plan(&["etcd-ca", "sa"])), &nodes);
        assert_eq!(world.hosts.len(), 1);
    }

    #[test]
    fn stages_come_in_their_order() {
        assert_eq!(Stage::Reissue.before(), Some(Stage::Trust));
        assert_eq!((Stage::Trust.before(), Stage::Drop.before()), (None, Some(Stage::Reissue)));
        assert_eq!(Stage::ALL.map(|stage| Stage::named(stage.name())), Stage::ALL.map(Some));
    }
}
