//! Whether two manifests are the same Pod: a kubelet does not restart it for the order of keys or for empty fields.
//!
//! Reads and writes nothing.

use crate::config::untrusted;
use serde_json::{Map, Value};

/// The flags with which a member joins etcd; they have no effect later.
pub const OF_A_JOIN: [&str; 2] = ["--initial-cluster", "--initial-cluster-state"];
const ETCD: &str = "etcd";

/// True if both texts are the same Pod. What cannot be parsed is the same only as an equal text.
pub fn same_pod(component: &str, one: &[u8], other: &[u8]) -> bool {
    if one == other {
        return true;
    }
    match (untrusted::value(one), untrusted::value(other)) {
        (Ok(one), Ok(other)) => essential(component, one) == essential(component, other),
        _ => false,
    }
}

/// The Pod without empty fields, and without flags that have no effect any more.
fn essential(component: &str, mut pod: Value) -> Value {
    if component == ETCD {
        for container in pod["spec"]["containers"].as_array_mut().into_iter().flatten() {
            for key in ["command", "args"] {
                if let Some(words) = container[key].as_array_mut() {
                    words.retain(|word| !is_of_a_join(word.as_str().unwrap_or_default()));
                }
            }
        }
    }
    without_empty(pod).unwrap_or(Value::Null)
}

fn is_of_a_join(word: &str) -> bool {
    let flag = word.split('=').next().unwrap_or_default();
    OF_A_JOIN.contains(&flag)
}

fn without_empty(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(fields) => {
            let kept: Map<String, Value> =
                fields.into_iter().filter_map(|(key, value)| Some((key, without_empty(value)?))).collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        // The position in a list has a meaning, so its items stay.
        Value::Array(items) => {
            let items: Vec<Value> = items.into_iter().map(|item| without_empty(item).unwrap_or(Value::Null)).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(words: &str, more: &str) -> String {
        format!("spec:\n  containers:\n  - name: etcd\n    command: [{words}]\n{more}")
    }

    #[test]
    fn order_and_empty_fields_are_no_difference() {
        let one = "a: 1\nspec:\n  containers: [{name: x, image: y, resources: {}}]\nstatus: {}\n";
        let other = "spec:\n  containers:\n  - image: y\n    name: x\na: 1\nmetadata:\n  creationTimestamp: null\n";
        assert!(same_pod("kube-scheduler", one.as_bytes(), other.as_bytes()));
        assert!(!same_pod("kube-scheduler", one.as_bytes(), other.replace("image: y", "image: z").as_bytes()));
    }

    #[test]
    fn the_order_of_a_list_is_a_difference() {
        let (one, other) = (pod("etcd, --a, --b", ""), pod("etcd, --b, --a", ""));
        assert!(!same_pod("etcd", one.as_bytes(), other.as_bytes()));
    }

    /// Each member that has joined would be restarted by the first upgrade, for flags that etcd ignores.
    #[test]
    fn the_flags_of_a_join_are_no_difference_for_etcd_only() {
        let joined = pod(
            "etcd, --name=n2, '--initial-cluster=n1=https://a:2380,n2=https://b:2380', --initial-cluster-state=existing",
            "",
        );
        let rendered = pod("etcd, --name=n2, '--initial-cluster=n2=https://b:2380'", "");
        assert!(same_pod("etcd", joined.as_bytes(), rendered.as_bytes()));
        assert!(!same_pod("kube-apiserver", joined.as_bytes(), rendered.as_bytes()));
        assert!(!same_pod("etcd", joined.as_bytes(), rendered.replace("n2,", "n3,").as_bytes()));
    }

    #[test]
    fn what_is_not_yaml_is_another_pod() {
        assert!(!same_pod("etcd", b"a: [b", b"a: b"));
        assert!(same_pod("etcd", b"a: [b", b"a: [b"));
    }
}
