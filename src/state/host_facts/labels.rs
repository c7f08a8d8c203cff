//! The labels and taints that a file lists for a node, compared with those that it has.
//!
//! Only what came from a file goes when it leaves the file; what people and controllers set stays.

use super::{Managed, NodeObject};
use crate::config::cluster::Taint;
use crate::kube::node::CONTROL_PLANE;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The labels and taints of a node as a file lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    pub name: String,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// None: those that the node has by its role, or that others set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taints: Option<Vec<Taint>>,
}

/// What a node gets and loses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub set_labels: BTreeMap<String, String>,
    pub remove_labels: BTreeSet<String>,
    pub set_taints: Vec<Taint>,
    /// Taints with these keys.
    pub remove_taints: BTreeSet<String>,
    /// What the file has set from now on, if that changes.
    pub managed: Option<Managed>,
}

impl Difference {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each change as a short text.
    pub fn shown(&self) -> Vec<String> {
        let mut shown: Vec<String> =
            self.set_labels.iter().map(|(key, value)| format!("label {key}={value}")).collect();
        shown.extend(self.remove_labels.iter().map(|key| format!("remove label {key}")));
        shown.extend(self.set_taints.iter().map(|taint| format!("taint {taint}")));
        shown.extend(self.remove_taints.iter().map(|key| format!("remove taint {key}")));
        if shown.is_empty() && self.managed.is_some() {
            shown.push("note the labels and taints that are in the file".into());
        }
        shown
    }
}

/// Compares a node with what is wanted.
pub fn difference(node: &NodeObject, wanted: &Wanted) -> Difference {
    let taints = wanted.taints.as_deref().unwrap_or_default();
    let mut found = Difference {
        set_labels: wanted
            .labels
            .iter()
            .filter(|(key, value)| node.labels.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        remove_labels: node
            .managed
            .labels
            .iter()
            .filter(|key| !wanted.labels.contains_key(*key) && node.labels.contains_key(*key))
            .cloned()
            .collect(),
        set_taints: taints.iter().filter(|taint| !node.taints.contains(taint)).cloned().collect(),
        ..Difference::default()
    };
    let is_listed = |key: &str| taints.iter().any(|taint| taint.key == key);
    let of_role = |key: &str| wanted.taints.is_some() && CONTROL_PLANE.contains(&key);
    found.remove_taints = node
        .taints
        .iter()
        .map(|taint| taint.key.clone())
        .filter(|key| !is_listed(key) && (of_role(key) || node.managed.taints.contains(key)))
        .collect();
    let keys: BTreeSet<String> = taints.iter().map(|taint| taint.key.clone()).collect();
    let managed = Managed { labels: wanted.labels.keys().cloned().collect(), taints: keys.into_iter().collect() };
    if managed != node.managed {
        found.managed = Some(managed);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(key: &str) -> Taint {
        Taint { key: key.into(), value: String::new(), effect: "NoSchedule".into() }
    }

    fn wanted(labels: &[(&str, &str)], taints: Option<&[&str]>) -> Wanted {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Wanted { name: "n".into(), labels, taints: taints.map(|keys| keys.iter().map(|key| taint(key)).collect()) }
    }

    #[test]
    fn only_what_came_from_a_file_goes_with_it() {
        let node = NodeObject {
            labels: [("a", "1"), ("old", "1"), ("theirs", "1")].map(|(key, value)| (key.into(), value.into())).into(),
            taints: vec![taint("old"), taint("theirs")],
            managed: Managed { labels: vec!["old".into(), "gone".into()], taints: vec!["old".into()] },
            ..NodeObject::default()
        };
        let shown = difference(&node, &wanted(&[("a", "2"), ("b", "")], Some(&["new"]))).shown();
        assert_eq!(shown, ["label a=2", "label b=", "remove label old", "taint new:NoSchedule", "remove taint old"]);
    }

    #[test]
    fn a_node_without_a_list_is_left_alone() {
        let node = NodeObject { taints: vec![taint(CONTROL_PLANE[0])], ..NodeObject::default() };
        assert!(difference(&node, &wanted(&[], None)).is_empty());
        assert_eq!(difference(&node, &wanted(&[], Some(&[]))).remove_taints, [CONTROL_PLANE[0].to_owned()].into());
    }
}
