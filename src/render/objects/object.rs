//! An API object, and several as a manifest.

use super::ObjectError;
use crate::base::yaml;
use serde_json::Value;
use std::fmt;

/// An API object to create or update.
#[derive(Clone, PartialEq)]
pub struct Object {
    /// `ConfigMap`, `ClusterRoleBinding`, …
    pub kind: String,
    /// None for cluster-scoped objects.
    pub namespace: Option<String>,
    pub name: String,
    /// The whole object, with `apiVersion` and `kind`.
    pub value: Value,
}

impl Object {
    /// The object in `value`, which must have a kind and a name.
    pub fn from_value(value: Value) -> Result<Self, ObjectError> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
        let kind = text("/kind").ok_or(ObjectError::Nameless("kind"))?;
        let name = text("/metadata/name").ok_or(ObjectError::Nameless("name"))?;
        let namespace = text("/metadata/namespace");
        Ok(Self { kind, namespace, name, value })
    }

    /// The object for display in plans and logs: the data of a Secret is masked.
    pub fn shown(&self) -> Value {
        let mut value = self.value.clone();
        if self.kind == "Secret" {
            for key in ["data", "stringData"] {
                let entries = value.get_mut(key).and_then(Value::as_object_mut);
                entries.into_iter().flatten().for_each(|(_, entry)| *entry = Value::from("***"));
            }
        }
        value
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

impl fmt::Debug for Object {
    /// Like Display, because the value may contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The objects as a YAML stream for `kubectl apply -f -`. Secrets are not masked.
pub fn manifest(objects: &[Object]) -> Result<String, ObjectError> {
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        text.push_str(&yaml::to_string(&object.value)?);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_is_never_displayed() {
        let value = json!({"kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "data": {"k": "aHVzaA=="}});
        let object = Object::from_value(value).unwrap();
        assert!(!format!("{object:?}{}", object.shown()).contains("aHVzaA=="));
        assert_eq!(object.shown()["data"], json!({"k": "***"}));
        assert_eq!(object.to_string(), "Secret n/s");
    }

    #[test]
    fn an_object_without_a_name_is_refused() {
        assert!(Object::from_value(json!({"kind": "Secret", "metadata": {}})).is_err());
        assert!(Object::from_value(json!({"metadata": {"name": "x"}})).is_err());
    }

    #[test]
    fn a_manifest_is_a_stream_of_documents() {
        let node = |name| Object::from_value(json!({"kind": "Node", "metadata": {"name": name}})).unwrap();
        let text = manifest(&[node("a"), node("b")]).unwrap();
        assert_eq!(text, "---\nkind: Node\nmetadata:\n  name: a\n---\nkind: Node\nmetadata:\n  name: b\n");
    }
}
