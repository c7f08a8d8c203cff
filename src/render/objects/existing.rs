//! Judges an object that is in the cluster already: may ours take its place?
//!
//! People change the Corefile, and scale, patch and pin the addons. What they changed is theirs and is not
//! overwritten silently. An object that some known minor would have made just so was not touched by anybody.

mod server_defaults;

use super::{Object, checksum};
use serde_json::Value;
use server_defaults::{is_default, is_kept_by_the_server};

/// What to do with an existing object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is as ours already.
    Keep,
    /// It is as some minor made it; ours may take its place.
    Update,
    /// A user changed it, in the fields with these paths.
    UserChanged(Vec<String>),
}

/// Judges `existing`, as an API server returned it. `ours` is what would be sent now; `known` are the objects that
/// any minor would have sent, of any kind and name. A Deployment's number of replicas is the user's in any case and
/// not looked at.
pub fn judge(existing: &Value, ours: &Object, known: &[Object]) -> Judgement {
    if differences(existing, &ours.value, Images::SameTag).is_empty() {
        return Judgement::Keep;
    }
    if checksum::is_generated(existing) {
        return Judgement::Update;
    }
    let nearest = known
        .iter()
        .filter(|object| object.to_string() == ours.to_string())
        .chain([ours])
        .map(|object| differences(existing, &object.value, Images::AnyTag))
        .min_by_key(Vec::len)
        .unwrap_or_default();
    if nearest.is_empty() { Judgement::Update } else { Judgement::UserChanged(nearest) }
}

/// How images are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Images {
    SameTag,
    /// Each patch release has a tag of its own, which says nothing about who changed what.
    AnyTag,
}

/// The paths at which `existing` is not what an API server makes of `sent`.
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

/// Variables such as `https_proxy` come from the shell of whoever installed the addon.
fn without_proxy_variables(items: &[Value]) -> Vec<&Value> {
    let is_proxy_variable = |item: &&Value| {
        let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
        item.get("value").is_some() && name.to_ascii_lowercase().ends_with("_proxy")
    };
    items.iter().filter(|item| !is_proxy_variable(item)).collect()
}

/// The image's name without its tag and digest.
fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        // Behind the colon of a registry's port there is a slash.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

#[cfg(test)]
mod tests;
