//! ConfigMaps.

use super::templates;
use super::{Object, ObjectError};
use serde_json::{Map, Value, json};

/// A ConfigMap; labels and annotations may be empty.
pub(super) struct ConfigMap<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) labels: Map<String, Value>,
    pub(super) annotations: Map<String, Value>,
    pub(super) data: Map<String, Value>,
}

impl<'a> ConfigMap<'a> {
    /// A ConfigMap with a single key.
    pub(super) fn with_text(namespace: &'a str, name: &'a str, key: &str, text: &str) -> Self {
        let data = Map::from_iter([(key.to_owned(), Value::from(text))]);
        Self { namespace, name, labels: Map::new(), annotations: Map::new(), data }
    }

    pub(super) fn render(&self) -> Result<Vec<Object>, ObjectError> {
        templates::objects(
            "config/config-map.yaml.tera",
            &json!({
                "namespace": self.namespace,
                "name": self.name,
                "labels": self.labels,
                "annotations": self.annotations,
                "data": self.data,
            }),
        )
    }
}
