//! The hash with which kubeadm marks the ConfigMap of a component configuration as generated.
//!
//! A ConfigMap with a matching hash was generated and may be regenerated; one without a hash, or with one that does not
//! match, was edited by a user.

use super::Object;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The annotation with the hash, as named by kubeadm.
pub const ANNOTATION: &str = "kubeadm.kubernetes.io/component-config.hash";

/// `sha256:` and the hash of all values of `data`, in the order of their keys.
///
/// Text only: kubeadm never writes `binaryData` into these ConfigMaps.
pub fn of_data(data: &Map<String, Value>) -> String {
    let mut entries: Vec<_> = data.iter().collect();
    entries.sort_by_key(|(key, _)| key.as_str());
    let mut hash = Sha256::new();
    for (_, value) in entries {
        hash.update(value.as_str().unwrap_or_default());
    }
    format!("sha256:{}", hex::encode(hash.finalize()))
}

/// True if the ConfigMap is unchanged since it was generated.
pub fn is_generated(config_map: &Value) -> bool {
    let hash = config_map.pointer("/metadata/annotations").and_then(|a| a.get(ANNOTATION)).and_then(Value::as_str);
    let data = config_map.get("data").and_then(Value::as_object);
    matches!((hash, data), (Some(hash), Some(data)) if of_data(data) == hash)
}

/// Adds the hash of its data to the object.
pub(super) fn sign(mut object: Object) -> Object {
    let hash = object.value.get("data").and_then(Value::as_object).map(of_data);
    let metadata = object.value.get_mut("metadata").and_then(Value::as_object_mut);
    if let (Some(hash), Some(metadata)) = (hash, metadata) {
        let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(ANNOTATION.into(), hash.into());
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_changed_config_map_does_not_count_as_generated() {
        let object = Object::from_value(json!({
            "kind": "ConfigMap", "metadata": {"name": "kube-proxy"}, "data": {"b": "2", "a": "1"},
        }))
        .unwrap();
        assert!(!is_generated(&object.value));
        let mut signed = sign(object).value;
        // The hash of "12": keys are sorted.
        assert_eq!(
            signed["metadata"]["annotations"][ANNOTATION],
            "sha256:6b51d431df5d7f141cbececcf79edf3dd861c3b4069f0b11661a3eefacbba918"
        );
        assert!(is_generated(&signed));
        signed["data"]["a"] = json!("x");
        assert!(!is_generated(&signed));
    }
}
