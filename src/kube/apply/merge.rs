//! Compares and merges a desired object with the existing one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Maps whose keys are data, not fields: keys that we do not set must not exist.
const EXACT: [&str; 3] = ["limits", "nodeSelector", "requests"];

/// The object as the server stores it: `stringData` of a Secret becomes `data`, and fields that only the server sets
/// are removed.
pub fn canonical(object: &Value) -> Value {
    let mut object = object.clone();
    let Some(fields) = object.as_object_mut() else { return object };
    fields.remove("status");
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("creationTimestamp");
    }
    if let Some(Value::Object(plain)) = fields.remove("stringData") {
        let data = fields.entry("data").or_insert_with(|| json!({}));
        for (key, value) in plain {
            data[key] = json!(STANDARD.encode(value.as_str().unwrap_or_default()));
        }
    }
    object
}

/// True if every field of `desired` is in `live` with the same value. Fields that only `live` has are ignored: the
/// server fills in defaults. An empty value equals a missing one, as the server drops most of those.
pub fn covers(live: &Value, desired: &Value) -> bool {
    covers_below(live, desired, is_secret(desired))
}

fn covers_below(live: &Value, desired: &Value, exact_data: bool) -> bool {
    match (live, desired) {
        (Value::Object(live), Value::Object(desired)) => desired.iter().all(|(key, wanted)| {
            let found = live.get(key).unwrap_or(&Value::Null);
            if EXACT.contains(&key.as_str()) || (exact_data && key == "data") {
                return is_same(found, wanted);
            }
            is_same(found, wanted) || covers_below(found, wanted, false)
        }),
        (Value::Array(live), Value::Array(desired)) => {
            live.len() == desired.len()
                && live.iter().zip(desired).all(|(live, desired)| covers_below(live, desired, false))
        }
        _ => is_same(live, desired),
    }
}

/// Equal, or both empty. Numbers are compared by value: `1` and `1.0` are the same in the API.
fn is_same(a: &Value, b: &Value) -> bool {
    a == b || (is_empty(a) && is_empty(b)) || (a.is_number() && a.as_f64() == b.as_f64())
}

/// Values that Go's `omitempty` omits.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// `live` with the fields of `desired`. Lists are taken from `desired` as a whole; so are the data of a Secret and the
/// Pod template of a workload, where a leftover field of an older version would cause errors.
pub fn merged(live: &Value, desired: &Value) -> Value {
    let whole: &[&str] = match desired["kind"].as_str() {
        Some("Secret") => &["data"],
        Some("Deployment" | "DaemonSet") => &["template"],
        _ => &[],
    };
    let mut result = live.clone();
    put(&mut result, desired, whole, 2);
    result
}

/// `depth`: the number of levels on which the keys of `whole` have the same meaning as at the top.
fn put(live: &mut Value, desired: &Value, whole: &[&str], depth: usize) {
    let (Value::Object(live), Value::Object(desired)) = (&mut *live, desired) else {
        *live = desired.clone();
        return;
    };
    for (key, wanted) in desired {
        let replace = EXACT.contains(&key.as_str()) || (depth > 0 && whole.contains(&key.as_str()));
        match live.get_mut(key).filter(|_| !replace) {
            Some(found) => put(found, wanted, whole, depth.saturating_sub(1)),
            None => drop(live.insert(key.clone(), wanted.clone())),
        }
    }
}

fn is_secret(object: &Value) -> bool {
    object["kind"] == "Secret"
}

/// Applies a JSON merge patch (RFC 7396) to `target`.
pub(in crate::kube) fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(fields) = target.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(key);
        } else {
            merge_patch(fields.entry(key).or_insert(Value::Null), value);
        }
    }
}
