//! Builds documents from fields that kubeadm omits when empty and fields that it always writes.

use crate::base::go_duration;
use crate::config::model::{ApiEndpoint, Arg, ImageOverride};
use crate::versions::ApiVersion;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The fields of an object. Their order does not matter: the output is sorted.
#[derive(Default)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// A document of kubeadm's API.
    pub fn document(kind: &str, api: ApiVersion) -> Self {
        Self::default().put("apiVersion", api.to_string()).put("kind", kind)
    }

    /// Adds a field unconditionally.
    pub fn put(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.into(), value.into());
        self
    }

    /// Adds a field if it has a value.
    pub fn put_some(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }

    /// Adds a field unless it is empty.
    pub fn text(self, key: &str, value: &str) -> Self {
        self.put_some(key, (!value.is_empty()).then_some(value))
    }

    /// Adds a field unless it is empty.
    pub fn list<T: Into<Value> + Clone>(self, key: &str, items: &[T]) -> Self {
        self.put_some(key, (!items.is_empty()).then(|| items.to_vec()))
    }

    /// Adds a field if it is true.
    pub fn flag(self, key: &str, value: bool) -> Self {
        self.put_some(key, value.then_some(true))
    }

    /// Adds the flags of a component: a map until v1beta3, where the last of several values wins; then a list.
    pub fn args(self, key: &str, args: &[Arg], api: ApiVersion) -> Self {
        if args.is_empty() {
            self
        } else if api < ApiVersion::V1Beta4 {
            let map: Map<_, _> = args.iter().map(|arg| (arg.name.clone(), json!(arg.value))).collect();
            self.put(key, map)
        } else {
            let list: Vec<_> = args.iter().map(|arg| json!({ "name": arg.name, "value": arg.value })).collect();
            self.put(key, list)
        }
    }

    /// Adds the repository and tag of an image, each unless it is the default.
    pub fn image(self, image: &ImageOverride) -> Self {
        self.text("imageRepository", &image.repository).text("imageTag", &image.tag)
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Object(fields.0)
    }
}

/// A duration in Go's format (`4m0s`), limited to the 292 years that Go can represent.
pub fn duration(duration: Duration) -> String {
    go_duration::format(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}

/// Adds the endpoint of an API server.
pub fn api_endpoint(endpoint: &ApiEndpoint) -> Value {
    json!({ "advertiseAddress": endpoint.advertise_address.to_string(), "bindPort": endpoint.bind_port })
}
