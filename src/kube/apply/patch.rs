//! Applies patches locally: a patch that changes nothing is not sent, and a dry run reads back the patched object.

use super::super::request::PatchKind;
use super::merge::merge_patch;
use serde_json::Value;

/// Lists that a strategic merge patch merges by a key. Other lists are replaced. From the `patchMergeKey` markers of
/// the API's types, for the kinds that we use.
const MERGE_KEYS: &[(&str, &str)] = &[
    ("conditions", "type"),
    ("containers", "name"),
    ("env", "name"),
    ("hostAliases", "ip"),
    ("imagePullSecrets", "name"),
    ("initContainers", "name"),
    ("ownerReferences", "uid"),
    ("secrets", "name"),
    ("volumeMounts", "mountPath"),
    ("volumes", "name"),
];

/// `object` after the patch, or the problem.
pub(in super::super) fn patched(object: &Value, kind: PatchKind, patch: &Value) -> Result<Value, String> {
    let mut result = object.clone();
    match kind {
        PatchKind::Merge => merge_patch(&mut result, patch),
        PatchKind::Strategic => strategic(&mut result, patch),
        PatchKind::Json => {
            let operations = patch.as_array().ok_or("a JSON patch must be a list of operations")?;
            for operation in operations {
                operate(&mut result, operation)?;
            }
        }
    }
    Ok(result)
}

fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(own) = target.as_object_mut() else { return };
    if fields.get("$patch").is_some_and(|directive| directive == "replace") {
        own.clear();
    }
    for (key, value) in fields.iter().filter(|(key, _)| !key.starts_with('$')) {
        if value.is_null() {
            own.remove(key);
            continue;
        }
        let place = own.entry(key).or_insert(Value::Null);
        match (MERGE_KEYS.iter().find(|(list, _)| list == key), value) {
            (Some((_, by)), Value::Array(items)) => merge_list(place, items, by),
            _ => strategic(place, value),
        }
    }
}

fn merge_list(target: &mut Value, items: &[Value], by: &str) {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Some(own) = target.as_array_mut() else { return };
    for item in items {
        let at = own.iter().position(|candidate| candidate[by] == item[by]);
        if item["$patch"] == "delete" {
            own.retain(|candidate| candidate[by] != item[by]);
        } else if let Some(found) = at.and_then(|at| own.get_mut(at)) {
            strategic(found, item);
        } else {
            own.push(item.clone());
        }
    }
}

/// Applies one operation of a JSON patch (RFC 6902).
fn operate(target: &mut Value, operation: &Value) -> Result<(), String> {
    let path = operation["path"].as_str().ok_or("an operation has no path")?;
    let from = operation["from"].as_str().unwrap_or_default();
    let value = operation.get("value").cloned().unwrap_or_default();
    match operation["op"].as_str().unwrap_or_default() {
        "add" => add(target, path, value),
        "remove" => remove(target, path).map(drop),
        "replace" => {
            *target.pointer_mut(path).ok_or_else(|| missing(path))? = value;
            Ok(())
        }
        "test" if target.pointer(path) == Some(&value) => Ok(()),
        "test" => Err(format!("{path} is not {value}")),
        "copy" => {
            let value = target.pointer(from).cloned().ok_or_else(|| missing(from))?;
            add(target, path, value)
        }
        "move" => {
            let value = remove(target, from)?;
            add(target, path, value)
        }
        other => Err(format!("{other:?} is not an operation of a JSON patch")),
    }
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    let (parent, key) = parent_of(target, path)?;
    match parent {
        Value::Object(fields) => drop(fields.insert(key, value)),
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let at = key.parse().ok().filter(|at| *at <= items.len()).ok_or_else(|| missing(path))?;
            items.insert(at, value);
        }
        _ => return Err(missing(path)),
    }
    Ok(())
}

fn remove(target: &mut Value, path: &str) -> Result<Value, String> {
    let (parent, key) = parent_of(target, path)?;
    let removed = match parent {
        Value::Object(fields) => fields.shift_remove(&key),
        Value::Array(items) => key.parse().ok().filter(|at| *at < items.len()).map(|at: usize| items.remove(at)),
        _ => None,
    };
    removed.ok_or_else(|| missing(path))
}

fn parent_of<'a>(target: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), String> {
    let (parent, key) = path.rsplit_once('/').ok_or_else(|| format!("{path:?} is not a JSON pointer"))?;
    let found = target.pointer_mut(parent).ok_or_else(|| missing(path))?;
    Ok((found, key.replace("~1", "/").replace("~0", "~")))
}

fn missing(path: &str) -> String {
    format!("{path} does not exist")
}
