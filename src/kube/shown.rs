//! Changes of objects as plans show them: without secrets and without what the server manages.

use super::kind::ObjectRef;
use crate::base::gate::{Change, Exchange};
use crate::base::masked::{self, Format};
use crate::base::yaml;
use serde_json::{Value, json};

/// A request with its body, and the object before and after if it exists already.
pub(super) fn change(
    verb: &str,
    object: &ObjectRef,
    body: Option<&Value>,
    exchange: Option<(&Value, &Value)>,
) -> Change {
    named(verb, &object.to_string(), object.kind.name == "Secret", body, exchange)
}

/// The same for an object of any kind.
pub(super) fn titled(verb: &str, title: &str, is_secret: bool, body: &Value, live: Option<&Value>) -> Change {
    named(verb, title, is_secret, Some(body), live.map(|live| (live, body)))
}

fn named(
    verb: &str,
    object: &str,
    is_secret: bool,
    body: Option<&Value>,
    exchange: Option<(&Value, &Value)>,
) -> Change {
    let text = |value: &Value| yaml::to_string(value).unwrap_or_else(|_| value.to_string());
    let body = body.map(|body| {
        let mut body = body.clone();
        if is_secret {
            mask(&mut body);
        }
        if is_secret { text(&body) } else { masked::mask(&text(&body), Format::Yaml) }
    });
    let exchange = exchange.map(|(before, after)| {
        let with_status = before["status"] != after["status"];
        let shown = |object: &Value| masked::mask(&text(&essence(object, is_secret, with_status)), Format::Yaml);
        Exchange { before: shown(before), after: shown(after) }
    });
    Change::Request { api: "kubernetes".into(), verb: verb.into(), object: object.into(), body, exchange }
}

/// The object without the server's records about it.
fn essence(object: &Value, is_secret: bool, with_status: bool) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    if let Some(fields) = object.as_object_mut().filter(|_| !with_status) {
        fields.remove("status");
    }
    if is_secret {
        mask(&mut object);
    }
    object
}

/// Hides the values of a Secret, its annotations, which may repeat them, and all of a patch that is a list of operations.
fn mask(secret: &mut Value) {
    if let Some(operations) = secret.as_array_mut() {
        for operation in operations {
            operation["value"] = json!("***");
        }
    }
    for field in ["/data", "/stringData", "/metadata/annotations"] {
        if let Some(values) = secret.pointer_mut(field).and_then(Value::as_object_mut) {
            for value in values.values_mut() {
                *value = json!("***");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind::{CONFIG_MAP, SECRET};
    use super::*;

    fn exchange(change: Change) -> Exchange {
        match change {
            Change::Request { exchange: Some(exchange), .. } => exchange,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn neither_side_of_a_changed_secret_shows_its_values() {
        let secret = |value: &str| {
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": format!("{{\"data\":{{\"k\":\"{value}\"}}}}")}},
                "data": {"k": value}, "stringData": {"l": value}})
        };
        let object = ObjectRef::new(&SECRET, "n", "s");
        let (old, new) = (secret("aHVudGVyMjI="), secret("aHVudGVyMzM="));
        let change = change("update", &object, Some(&new), Some((&old, &new)));
        let shown = serde_json::to_string(&change).unwrap();
        assert!(!shown.contains("aHVudGVyM") && shown.contains("***"), "{shown}");
    }

    #[test]
    fn an_exchange_shows_the_object_without_the_servers_records() {
        let object = ObjectRef::new(&CONFIG_MAP, "kube-system", "a");
        let map = |value: &str| {
            json!({"kind": "ConfigMap", "metadata": {"name": "a", "managedFields": [{"manager": "x"}]},
                "data": {"k": value, "password": "hunter22"}, "status": {"x": 1}})
        };
        let shown = exchange(change("update", &object, None, Some((&map("1"), &map("2")))));
        assert_ne!(shown.before, shown.after);
        assert!(!shown.after.contains("managedFields") && !shown.after.contains("status"), "{}", shown.after);
        assert!(!shown.after.contains("hunter22"), "{}", shown.after);
    }
}
