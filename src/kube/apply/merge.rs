//! Compares and joins what is wanted of an object with what is there.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Maps whose keys are data, not fields: a key that we do not set must not be there.
const EXACT: [&str; 3] = ["limits", "nodeSelector", "requests"];

/// The object as the server stores it: `stringData` of a Secret becomes `data`, and what only the server
/// writes is left out.
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

/// True when every field of `desired` is in `live` with the same value. Fields that only `live` has do not
/// count: the server fills in defaults. An empty value equals none, as the server drops most of those.
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

/// Equal, or both empty. Numbers are equal by value: `1` and `1.0` are the same to the API.
fn is_same(a: &Value, b: &Value) -> bool {
    a == b || (is_empty(a) && is_empty(b)) || (a.is_number() && a.as_f64() == b.as_f64())
}

/// What Go's `omitempty` leaves out.
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

/// `live` with the fields of `desired` put into it. Lists are taken from `desired` as a whole; so are the
/// data of a Secret and the Pod template of a workload, where a field left over from an older version
/// would do harm.
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

/// `depth`: how many levels down the keys of `whole` still mean what they mean at the top.
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

/// A JSON merge patch (RFC 7396) put into `target`.
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
