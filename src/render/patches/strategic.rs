//! Strategic merge patches: Kubernetes' own way of merging documents, in which lists of keyed items are merged by key.
//!
//! Supported: null deletes; `$patch: replace`, `delete` and `merge` in maps and list items; `$retainKeys`;
//! `$deleteFromPrimitiveList/FIELD`; `$setElementOrder/FIELD`.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

mod order;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ELEMENT_ORDER: &str = "$setElementOrder/";

/// The lists that are merged instead of replaced, as the field that contains them and their own, and the key of their
/// items; an empty key marks lists of plain values. Source: the `patchMergeKey` tags in `core/v1/types.go` and
/// `meta/v1/types.go`; `KubeletConfiguration` has none.
const MERGED_LISTS: &[(&str, &str, &str)] = &[
    ("metadata", "finalizers", ""),
    ("metadata", "ownerReferences", "uid"),
    ("spec", "containers", "name"),
    ("spec", "ephemeralContainers", "name"),
    ("spec", "hostAliases", "ip"),
    ("spec", "imagePullSecrets", "name"),
    ("spec", "initContainers", "name"),
    ("spec", "resourceClaims", "name"),
    ("spec", "schedulingGates", "name"),
    ("spec", "topologySpreadConstraints", "topologyKey"),
    ("spec", "volumes", "name"),
    ("containers", "env", "name"),
    ("containers", "ports", "containerPort"),
    ("containers", "volumeDevices", "devicePath"),
    ("containers", "volumeMounts", "mountPath"),
    ("ephemeralContainers", "env", "name"),
    ("ephemeralContainers", "ports", "containerPort"),
    ("ephemeralContainers", "volumeDevices", "devicePath"),
    ("ephemeralContainers", "volumeMounts", "mountPath"),
    ("initContainers", "env", "name"),
    ("initContainers", "ports", "containerPort"),
    ("initContainers", "volumeDevices", "devicePath"),
    ("initContainers", "volumeMounts", "mountPath"),
];

/// Merges `patch` into `object`. An error names the path of the invalid part.
pub(super) fn merge(object: &mut Value, patch: &Value) -> Result<(), String> {
    let (Value::Object(object), Value::Object(patch)) = (object, patch) else {
        return Err("a strategic patch is a map".into());
    };
    match merge_map(object, patch, &Place(Vec::new()))? {
        Kept::Yes => Ok(()),
        Kept::No => Err("'$patch: delete' would remove the whole object".into()),
    }
}

/// Whether the value still exists after its patch.
enum Kept {
    Yes,
    No,
}

/// The path from the root, for errors and for finding merge keys.
struct Place(Vec<String>);

impl Place {
    fn below(&self, step: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(step.to_owned());
        Self(steps)
    }

    fn error(&self, problem: &str) -> String {
        if self.0.is_empty() { problem.to_owned() } else { format!("{}: {problem}", self.0.join(".")) }
    }

    /// The merge key of the list at `field`; None for lists that are replaced.
    fn merge_key(&self, field: &str) -> Option<&'static str> {
        // The step of a list item is `containers[NAME]`.
        let around = self.0.last()?.split('[').next()?;
        MERGED_LISTS.iter().find(|(a, f, _)| *a == around && *f == field).map(|(.., key)| *key)
    }
}

fn merge_map(object: &mut Map<String, Value>, patch: &Map<String, Value>, at: &Place) -> Result<Kept, String> {
    match patch.get(DIRECTIVE).map(|d| d.as_str().unwrap_or_default()) {
        None | Some("merge") => {}
        Some("delete") => return Ok(Kept::No),
        Some("replace") => {
            *object = without_directives(patch);
            return Ok(Kept::Yes);
        }
        Some(other) => return Err(at.error(&format!("unknown directive '$patch: {other}'"))),
    }
    retain_keys(object, patch, at)?;
    for (field, value) in patch {
        if let Some(list) = field.strip_prefix(DELETE_FROM) {
            delete_from_list(object, list, value, &at.below(field))?;
        } else if !field.starts_with('$') {
            merge_field(object, field, value, at)?;
        } else if !field.starts_with(ELEMENT_ORDER) && field != DIRECTIVE && field != RETAIN_KEYS {
            return Err(at.error(&format!("unknown directive '{field}'")));
        }
    }
    order::apply_element_orders(object, patch, at)?;
    Ok(Kept::Yes)
}

fn merge_field(object: &mut Map<String, Value>, field: &str, value: &Value, at: &Place) -> Result<(), String> {
    let here = at.below(field);
    match (object.get_mut(field), value) {
        (_, Value::Null) => {
            object.remove(field);
        }
        (Some(Value::Object(below)), Value::Object(above)) => {
            if let Kept::No = merge_map(below, above, &here)? {
                object.remove(field);
            }
        }
        (Some(Value::Array(below)), Value::Array(above)) => match at.merge_key(field) {
            None => above.clone_into(below),
            Some("") => *below = order::merge_plain(below, above),
            Some(key) => merge_list(below, above, key, &here)?,
        },
        (_, value) => match clean(value) {
            Some(value) => {
                object.insert(field.to_owned(), value);
            }
            None => {
                object.remove(field);
            }
        },
    }
    Ok(())
}

fn merge_list(list: &mut Vec<Value>, patch: &[Value], key: &str, at: &Place) -> Result<(), String> {
    let mut items = Vec::new();
    let mut replace = false;
    for item in patch {
        let Value::Object(map) = item else {
            return Err(at.error(&format!("an item is not a map with the key '{key}'")));
        };
        match map.get(DIRECTIVE).map(|d| d.as_str().unwrap_or_default()) {
            // Not a directive about the list: the item's own map is merged, replaced or kept.
            None | Some("merge") => items.push(map),
            Some("replace") if map.contains_key(key) => items.push(map),
            Some("replace") => replace = true,
            Some("delete") => {
                let value = key_of(map, key, at)?;
                list.retain(|old| old.get(key) != Some(value));
            }
            Some(other) => return Err(at.error(&format!("unknown directive '$patch: {other}'"))),
        }
    }
    if replace {
        *list = items.iter().map(|item| Value::Object(without_directives(item))).collect();
        return Ok(());
    }
    let before = list.clone();
    for item in &items {
        let value = key_of(item, key, at)?;
        let step = format!("{}[{}]", at.0.last().map_or("", String::as_str), plain(value));
        let mut here = Place(at.0.clone());
        here.0.pop();
        here.0.push(step);
        match list.iter_mut().find(|old| old.get(key) == Some(value)) {
            Some(Value::Object(old)) => {
                merge_map(old, item, &here)?;
            }
            _ => list.push(Value::Object(without_directives(item))),
        }
    }
    order::arrange(list, &before, patch.iter(), key);
    Ok(())
}

fn key_of<'a>(item: &'a Map<String, Value>, key: &str, at: &Place) -> Result<&'a Value, String> {
    item.get(key).ok_or_else(|| at.error(&format!("an item has no '{key}', by which this list is merged")))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// `$retainKeys` lists the only fields that are kept, such as the one type of a volume.
fn retain_keys(object: &mut Map<String, Value>, patch: &Map<String, Value>, at: &Place) -> Result<(), String> {
    let Some(retained) = patch.get(RETAIN_KEYS) else { return Ok(()) };
    let Some(keys) = retained.as_array() else { return Err(at.error("'$retainKeys' is not a list")) };
    let keys: BTreeSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    if let Some((extra, _)) =
        patch.iter().find(|(k, v)| !k.starts_with('$') && !v.is_null() && !keys.contains(k.as_str()))
    {
        return Err(at.error(&format!("'{extra}' is set, and '$retainKeys' leaves it out")));
    }
    object.retain(|field, _| keys.contains(field.as_str()));
    Ok(())
}

fn delete_from_list(object: &mut Map<String, Value>, field: &str, values: &Value, at: &Place) -> Result<(), String> {
    let Some(values) = values.as_array() else { return Err(at.error("not a list of values to delete")) };
    if let Some(list) = object.get_mut(field).and_then(Value::as_array_mut) {
        list.retain(|item| !values.contains(item));
    }
    Ok(())
}

fn without_directives(map: &Map<String, Value>) -> Map<String, Value> {
    let kept = map.iter().filter(|(field, _)| !field.starts_with('$'));
    kept.filter_map(|(field, value)| Some((field.clone(), clean(value)?))).collect()
}

/// A value where there was none before: without directives and nulls, and None if it is to be deleted.
fn clean(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(map) if map.get(DIRECTIVE).is_some_and(|d| d == "delete") => None,
        Value::Object(map) => Some(Value::Object(without_directives(map))),
        Value::Array(items) => Some(Value::Array(items.iter().filter_map(clean).collect())),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value.clone()),
    }
}

#[cfg(test)]
mod tests;
