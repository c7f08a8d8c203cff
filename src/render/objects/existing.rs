//! Decides whether an object in the cluster may be replaced.
//!
//! Users change the Corefile, and scale, patch and pin the addons. Their changes are not overwritten silently. An
//! object that some known minor version would have created as it is was not changed.

mod server_defaults;

use super::{Object, checksum};
use crate::config::images::repository;
use serde_json::Value;
use server_defaults::{is_default, is_kept_by_the_server};

/// What to do with an existing object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is up to date.
    Keep,
    /// It was created by some minor version and may be replaced.
    Update,
    /// A user changed the fields with these paths.
    UserChanged(Vec<String>),
}

/// Compares `existing`, as returned by an API server, with `ours`, the object to send, and `known`, the objects that
/// any minor version would have sent, of any kind and name. The replicas of a Deployment are always left to the user.
pub fn decide(existing: &Value, ours: &Object, known: &[Object]) -> Decision {
    if differences(existing, &ours.value, Images::SameTag).is_empty() {
        return Decision::Keep;
    }
    if checksum::is_generated(existing) {
        return Decision::Update;
    }
    let nearest = known
        .iter()
        .filter(|object| object.to_string() == ours.to_string())
        .chain([ours])
        .map(|object| differences(existing, &object.value, Images::AnyTag))
        .min_by_key(Vec::len)
        .unwrap_or_default();
    if nearest.is_empty() { Decision::Update } else { Decision::UserChanged(nearest) }
}

/// How images are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Images {
    SameTag,
    /// Each patch release has its own tag, which does not show who changed what.
    AnyTag,
}

/// The paths at which `existing` differs from what an API server makes of `sent`.
fn differences(existing: &Value, sent: &Value, images: Images) -> Vec<String> {
    let mut paths = Vec::new();
    compare("", existing, sent, images, &mut paths);
    paths
}

fn compare(path: &str, existing: &Value, sent: &Value, images: Images, paths: &mut Vec<String>) {
    let is_same = match (existing, sent) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let keys = theirs.keys().chain(ours.keys().filter(|key| !theirs.contains_key(*key)));
            for key in keys {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (theirs.get(key), ours.get(key)) {
                    _ if is_kept_by_the_server(&below) => {}
                    (Some(theirs), Some(ours)) => compare(&below, theirs, ours, images, paths),
                    (Some(extra), None) if is_default(&below, extra) => {}
                    (None, Some(missing)) if is_empty(missing) => {}
                    _ => paths.push(below),
                }
            }
            true
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            let (theirs, ours) = (without_proxy_variables(theirs), without_proxy_variables(ours));
            let same_length = theirs.len() == ours.len();
            if same_length {
                for (nth, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
                    compare(&format!("{path}[{nth}]"), theirs, ours, images, paths);
                }
            }
            same_length
        }
        (Value::String(theirs), Value::String(ours))
            if path.rsplit('.').next() == Some("image") && images == Images::AnyTag =>
        {
            repository(theirs) == repository(ours)
        }
        (Value::String(theirs), Value::String(ours)) => {
            theirs.lines().map(str::trim_end).eq(ours.lines().map(str::trim_end))
        }
        _ => existing == sent || (is_empty(existing) && is_empty(sent)),
    };
    if !is_same {
        paths.push(path.to_owned());
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Variables such as `https_proxy` come from the shell in which the addon was installed.
fn without_proxy_variables(items: &[Value]) -> Vec<&Value> {
    let is_proxy_variable = |item: &&Value| {
        let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
        item.get("value").is_some() && name.to_ascii_lowercase().ends_with("_proxy")
    };
    items.iter().filter(|item| !is_proxy_variable(item)).collect()
}

#[cfg(test)]
mod tests;
