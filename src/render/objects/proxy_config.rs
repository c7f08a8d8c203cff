//! The KubeProxyConfiguration document: the user's fields, kubeadm's defaults, and the zero values of all other fields,
//! as written by the types of that minor version.

use super::ObjectError;
use crate::base::{go_duration, suggest};
use crate::versions::proxy_fields::{FieldKind, ProxyField, proxy_fields};
use serde_json::{Map, Value, json};

const API_VERSION: &str = "kubeproxy.config.k8s.io/v1alpha1";

/// The document for v1.`minor`. `user` takes precedence over `defaults`, which are given by path. An error lists every
/// field that the minor version does not have or whose type is wrong.
pub fn document(minor: u16, user: &Map<String, Value>, defaults: &Map<String, Value>) -> Result<Value, ObjectError> {
    let mut problems = unknown_fields(minor, user);
    let mut document = json!({"apiVersion": API_VERSION, "kind": "KubeProxyConfiguration"});
    for field in proxy_fields(minor) {
        let given = lookup(user, field.path).filter(|value| !is_unset(value));
        match given.map(|value| normalise(field, value)) {
            Some(Ok(value)) => insert(&mut document, field.path, value),
            Some(Err(problem)) => problems.push(problem),
            None => {
                if let Some(value) = defaults.get(field.path).cloned().or_else(|| zero(field.kind)) {
                    insert(&mut document, field.path, value);
                }
            }
        }
    }
    if problems.is_empty() { Ok(document) } else { Err(ObjectError::ProxyConfig { minor, problems }) }
}

/// An empty value is replaced by the default, as in kubeadm.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn lookup<'a>(user: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut keys = path.split('.');
    let first = user.get(keys.next()?)?;
    keys.try_fold(first, |value, key| value.get(key))
}

fn insert(document: &mut Value, path: &str, value: Value) {
    let mut at = document;
    for key in path.split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[key];
    }
    *at = value;
}

/// The zero value of the field; None if the field is omitted when unset.
fn zero(kind: FieldKind) -> Option<Value> {
    match kind {
        FieldKind::Text => Some("".into()),
        FieldKind::Bool => Some(false.into()),
        FieldKind::Integer | FieldKind::Float | FieldKind::DurationOrNanoseconds => Some(0.into()),
        FieldKind::Duration => Some("0s".into()),
        FieldKind::Quantity => Some("0".into()),
        FieldKind::OptionalBool | FieldKind::OptionalInteger | FieldKind::OptionalDuration | FieldKind::TextList => {
            Some(Value::Null)
        }
        FieldKind::OmittedText | FieldKind::OmittedBool | FieldKind::OmittedList | FieldKind::OmittedBoolMap => None,
    }
}

/// The value as written by the minor version's type.
fn normalise(field: &ProxyField, value: &Value) -> Result<Value, String> {
    let duration = || value.as_str().and_then(go_duration::parse).map(|ns| Value::from(go_duration::format(ns)));
    let (good, wanted) = match field.kind {
        FieldKind::Text | FieldKind::OmittedText => (value.is_string().then(|| value.clone()), "a string"),
        FieldKind::Bool | FieldKind::OptionalBool | FieldKind::OmittedBool => {
            (value.is_boolean().then(|| value.clone()), "true or false")
        }
        FieldKind::Integer | FieldKind::OptionalInteger => (value.as_i64().map(Value::from), "a whole number"),
        FieldKind::Float => (value.is_number().then(|| value.clone()), "a number"),
        FieldKind::Duration | FieldKind::OptionalDuration => (duration(), "a duration such as 1m30s"),
        FieldKind::DurationOrNanoseconds => {
            (value.as_i64().map(Value::from).or_else(duration), "a duration such as 5s, or nanoseconds")
        }
        FieldKind::Quantity => (quantity(value), "a quantity such as 64Mi"),
        FieldKind::TextList => {
            let is_list = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
            (is_list.then(|| value.clone()), "a list of strings")
        }
        FieldKind::OmittedList => (value.is_array().then(|| value.clone()), "a list"),
        FieldKind::OmittedBoolMap => {
            let is_map = value.as_object().is_some_and(|map| map.values().all(Value::is_boolean));
            (is_map.then(|| value.clone()), "a map of names to true or false")
        }
    };
    good.ok_or_else(|| format!("'{}' must be {wanted}", field.path))
}

/// Quantities may be given as numbers and are always written as text.
fn quantity(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => {
            text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)).then(|| value.clone())
        }
        Value::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}

fn unknown_fields(minor: u16, user: &Map<String, Value>) -> Vec<String> {
    let paths: Vec<&str> = proxy_fields(minor).map(|field| field.path).collect();
    let mut problems = Vec::new();
    collect_unknown(&paths, "", user, &mut problems);
    problems
}

fn collect_unknown(paths: &[&str], parent: &str, map: &Map<String, Value>, problems: &mut Vec<String>) {
    for (key, value) in map {
        let path = format!("{parent}{key}");
        let group = format!("{path}.");
        let is_group = paths.iter().any(|known| known.starts_with(&group));
        match value {
            Value::Object(inner) if is_group => collect_unknown(paths, &group, inner, problems),
            Value::Null if is_group => {}
            _ if is_group => problems.push(format!("'{path}' must be a map")),
            _ if paths.contains(&path.as_str()) => {}
            _ => {
                let siblings = paths.iter().filter_map(|known| known.strip_prefix(parent)?.split('.').next());
                let meant = suggest::similar(key, siblings);
                let hint = meant.map(|name| format!(" (did you mean '{parent}{name}'?)")).unwrap_or_default();
                problems.push(format!("unknown field '{path}'{hint}"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
