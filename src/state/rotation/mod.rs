//! The state of a CA rotation: the rotation itself, and the progress of each node.
//!
//! Both are annotations. A kubelet may read and write only its own node, so control planes also record their common
//! progress where workers can read it.
//!
//! Reads: the ConfigMap `kube-public/cluster-info`, nodes. Writes: nothing.

pub mod error;
pub mod handover;
pub mod host;
pub mod reissued;
pub mod signer;

use crate::base::fault::Result;
use crate::context::rotation::{Plan, Stage};
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CONFIG_MAP, NODE, ObjectRef, SECRET};
use crate::kube::node::is_control_plane;
use crate::pki::moment;
use serde::Serialize;
use serde_json::Value;

/// The annotation of `cluster-info` (the rotation) and of nodes (their progress).
pub const ANNOTATION: &str = "kubewright.io/ca-rotation";
/// The annotation of `cluster-info` with the stage that every control plane has completed, for clients that cannot
/// list nodes.
pub const PROGRESS: &str = "kubewright.io/ca-rotation-control-planes";

/// The annotation of `cluster-info` with the time when tokens in Secrets were last signed again.
pub const TOKENS: &str = "kubewright.io/ca-rotation-tokens";

/// The state of the rotation in the cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RotationStatus {
    /// The current rotation.
    pub plan: Option<Plan>,
    /// The stage that every control plane has completed, as they have recorded it.
    pub control_planes: Option<Stage>,
    /// Since when the new CAs sign on every control plane, in seconds since the epoch.
    #[serde(skip)]
    pub reissued_at: Option<i64>,
    /// When tokens in Secrets were last signed again, in seconds since the epoch.
    #[serde(skip)]
    pub tokens_at: Option<i64>,
    /// The nodes that take part; for a worker, only itself.
    pub hosts: Vec<Host>,
}

/// The progress of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// Its name.
    pub name: String,
    /// False for a worker.
    pub control_plane: bool,
    /// The last stage that it has completed.
    pub done: Option<Stage>,
    /// The time of that, in seconds since the epoch.
    pub at: Option<i64>,
    /// It joined when the new CAs had signed everything that it got: nothing of it was signed by an old one.
    #[serde(skip)]
    pub joined_later: bool,
}

/// Where the new keys wait for the control planes, encrypted.
pub fn new_keys() -> ObjectRef {
    ObjectRef::new(&SECRET, "kube-system", "kubewright-next-ca")
}

/// The reference to `cluster-info`.
pub fn cluster_info() -> ObjectRef {
    ObjectRef::new(&CONFIG_MAP, "kube-public", "cluster-info")
}

/// From `info`, the object `cluster-info`, and the nodes of the cluster; with a kubelet's credentials, only its own
/// node.
pub fn read(info: &Value, cluster: &Cluster, own: Option<&str>) -> Result<RotationStatus> {
    let nodes = match own {
        Some(name) => vec![cluster.read(&ObjectRef::global(&NODE, name))?],
        None => cluster.list_metadata(&NODE)?,
    };
    // The first control plane creates the Secret before anything else, and may have come no further.
    let looks = own.is_none() && annotation(info, ANNOTATION).is_empty();
    let secret = if looks { cluster.find(&new_keys())? } else { None };
    let begun = secret.and_then(|secret| serde_json::from_str(annotation(&secret, ANNOTATION)).ok());
    Ok(RotationStatus::of(info, &nodes, begun))
}

/// The value of a node's annotation for a completed stage.
pub fn note(plan: &Plan, stage: Stage, now: i64) -> String {
    format!("{} {} {now}", plan.id, stage.name())
}

/// What `cluster-info` says of the stage that every control plane has done. `reissued_at`: since when the new CAs sign.
pub fn progress(plan: &Plan, stage: Stage, now: i64, reissued_at: i64) -> String {
    let text = note(plan, stage, now);
    if stage < Stage::Reissue { text } else { format!("{text} {reissued_at}") }
}

/// What an object's annotation says; empty without one.
pub fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    object["metadata"]["annotations"][name].as_str().unwrap_or_default()
}

/// The stage and the time in an annotation of this rotation. Annotations of an earlier rotation are ignored.
fn parse_annotation(text: &str, plan: Option<&Plan>) -> (Option<Stage>, Option<i64>) {
    let mut words = text.split(' ');
    if plan.is_none_or(|plan| words.next() != Some(plan.id.as_str())) {
        return (None, None);
    }
    (words.next().and_then(Stage::named), words.next().and_then(|text| text.parse().ok()))
}

/// Since when the new CAs sign everywhere; an earlier release noted only when the last stage was done.
fn reissued_at(text: &str, plan: Option<&Plan>) -> Option<i64> {
    let (stage, at) = parse_annotation(text, plan);
    stage.filter(|stage| *stage >= Stage::Reissue)?;
    text.split(' ').nth(3).and_then(|word| word.parse().ok()).or(at)
}

impl RotationStatus {
    fn of(info: &Value, nodes: &[Value], begun: Option<Plan>) -> Self {
        let plan: Option<Plan> = serde_json::from_str(annotation(info, ANNOTATION)).ok().or(begun);
        let control_planes = parse_annotation(annotation(info, PROGRESS), plan.as_ref()).0;
        let reissued_at = reissued_at(annotation(info, PROGRESS), plan.as_ref());
        let tokens_at = parse_annotation(annotation(info, TOKENS), plan.as_ref()).1;
        let mut hosts: Vec<Host> = nodes.iter().map(|node| Host::of(node, plan.as_ref(), reissued_at)).collect();
        // Workers know nothing but the cluster's CA.
        if plan.as_ref().is_some_and(|plan| !plan.prints.contains_key("ca")) {
            hosts.retain(|host| host.control_plane);
        }
        hosts.sort_by(|a, b| b.control_plane.cmp(&a.control_plane).then(a.name.cmp(&b.name)));
        Self { plan, control_planes, reissued_at, tokens_at, hosts }
    }

    /// The hosts that have not completed a stage.
    pub fn left(&self, stage: Stage) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |host| host.done.is_none_or(|done| done < stage))
    }

    /// The stage that every control plane has done, by their own notes, where these nodes are not waited for. One that
    /// joined with what the new CAs sign takes nothing back.
    pub fn control_planes_done(&self, without: &[String]) -> Option<Stage> {
        let counts = |host: &Host| host.control_plane && !host.joined_later && !without.contains(&host.name);
        let waits = |stage| self.left(stage).any(counts);
        Stage::ALL.into_iter().rev().find(|stage| !waits(*stage))
    }

    /// The next stage: the first that some host has not completed.
    pub fn next(&self) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| self.left(*stage).next().is_some())
    }
}

impl Host {
    fn of(node: &Value, plan: Option<&Plan>, reissued_at: Option<i64>) -> Self {
        let (done, at) = parse_annotation(annotation(node, ANNOTATION), plan);
        let created = node["metadata"]["creationTimestamp"].as_str().and_then(moment::parse);
        let joined_later =
            done.is_none() && created.zip(reissued_at).is_some_and(|(created, signing)| created > signing);
        // Whatever it got was signed by the new CAs; whom it trusts, only 'drop' makes sure of.
        let done = if joined_later { Some(Stage::Reissue) } else { done };
        Self {
            name: node["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            control_plane: is_control_plane(node),
            done,
            at,
            joined_later,
        }
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

    fn info(plan: &Plan, progress: &str) -> Value {
        let text = serde_json::to_string(plan).unwrap();
        json!({"metadata": {"annotations": {ANNOTATION: text, PROGRESS: progress}}})
    }

    fn node(name: &str, leads: bool, text: &str) -> Value {
        let labels = if leads { json!({"node-role.kubernetes.io/master": ""}) } else { json!({}) };
        json!({"metadata": {"name": name, "labels": labels, "annotations": {ANNOTATION: text}}})
    }

    #[test]
    fn a_stage_is_left_on_nodes_without_its_annotation_and_earlier_rotations_are_ignored() {
        let done = note(&plan(&["ca"]), Stage::Trust, 7);
        let nodes =
            [node("w", false, &done), node("b", true, "r1 drop 3"), node("a", true, &done), node("c", true, "")];
        let world = RotationStatus::of(&info(&plan(&["ca"]), ""), &nodes, None);
        let left = |stage| world.left(stage).map(|host| host.name.as_str()).collect::<Vec<_>>();
        assert_eq!(left(Stage::Trust), ["b", "c"]);
        assert_eq!(left(Stage::Reissue), ["a", "b", "c", "w"]);
        assert_eq!(world.next(), Some(Stage::Trust));
        assert_eq!(world.hosts.iter().find(|host| host.name == "a").unwrap().at, Some(7));
    }

    #[test]
    fn the_progress_of_the_control_planes_is_that_of_the_slowest() {
        let plan = plan(&["ca"]);
        let (trust, reissue) = (note(&plan, Stage::Trust, 7), note(&plan, Stage::Reissue, 8));
        let nodes = [node("a", true, &reissue), node("b", true, &trust), node("w", false, "")];
        let world = RotationStatus::of(&info(&plan, &note(&plan, Stage::Trust, 9)), &nodes, None);
        assert_eq!((world.control_planes, world.control_planes_done(&[])), (Some(Stage::Trust), Some(Stage::Trust)));
        assert_eq!(world.control_planes_done(&["b".into()]), Some(Stage::Reissue));
        assert_eq!(RotationStatus::of(&info(&plan, "r1 drop 3"), &nodes, None).control_planes, None);
    }

    #[test]
    fn workers_take_no_part_in_a_rotation_without_the_cluster_ca() {
        let nodes = [node("w", false, ""), node("a", true, "")];
        let world = RotationStatus::of(&info(&plan(&["etcd-ca", "sa"]), ""), &nodes, None);
        assert_eq!(world.hosts.len(), 1);
    }

    #[test]
    fn stages_are_ordered() {
        assert_eq!(Stage::Reissue.before(), Some(Stage::Trust));
        assert_eq!((Stage::Trust.before(), Stage::Drop.before()), (None, Some(Stage::Reissue)));
        assert_eq!(Stage::ALL.map(|stage| Stage::named(stage.name())), Stage::ALL.map(Some));
    }

    /// A node that joined after every control plane had dropped the old CA was asked to do all three stages.
    #[test]
    fn a_node_that_joined_with_what_the_new_ca_signs_has_only_the_last_stage_left() {
        let plan = plan(&["ca"]);
        let joined = |name: &str, leads: bool, at: &str| {
            let mut node = node(name, leads, "");
            node["metadata"]["creationTimestamp"] = json!(at);
            node
        };
        let dropped = note(&plan, Stage::Drop, 200);
        let nodes = [
            node("a", true, &dropped),
            node("w1", false, &dropped),
            joined("b", true, "1970-01-01T00:02:30Z"),
            joined("w2", false, "1970-01-01T00:02:30Z"),
            joined("w3", false, "1970-01-01T00:00:30Z"),
        ];
        let text = progress(&plan, Stage::Drop, 200, 100);
        let world = RotationStatus::of(&info(&plan, &text), &nodes, None);
        let left = |stage| world.left(stage).map(|host| host.name.as_str()).collect::<Vec<_>>();
        assert_eq!(left(Stage::Drop), ["b", "w2", "w3"]);
        assert_eq!(left(Stage::Reissue), ["w3"], "it was there before the new CA signed everywhere");
        assert_eq!(world.control_planes_done(&[]), Some(Stage::Drop), "one that joined takes nothing back");
        assert_eq!((world.control_planes, world.reissued_at), (Some(Stage::Drop), Some(100)));
        let old = RotationStatus::of(&info(&plan, &note(&plan, Stage::Reissue, 90)), &nodes, None);
        assert_eq!(old.reissued_at, Some(90), "as an earlier release noted it");
    }
}
