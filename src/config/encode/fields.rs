//! A document under construction: fields that kubeadm leaves out when empty, and those that it always writes.

use crate::base::go_duration;
use crate::config::model::{ApiEndpoint, Arg, ImageOverride};
use crate::versions::ApiVersion;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The fields of an object. Their order does not matter: the text has them sorted.
#[derive(Default)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// A whole document of kubeadm's API.
    pub fn document(kind: &str, api: ApiVersion) -> Self {
        Self::default().put("apiVersion", api.to_string()).put("kind", kind)
    }

    /// A field that is always there.
    pub fn put(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.into(), value.into());
        self
    }

    /// A field that is there when it has a value.
    pub fn put_some(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }

    /// A field that is left out when empty.
    pub fn text(self, key: &str, value: &str) -> Self {
        self.put_some(key, (!value.is_empty()).then_some(value))
    }

    /// A field that is left out when empty.
    pub fn list<T: Into<Value> + Clone>(self, key: &str, items: &[T]) -> Self {
        self.put_some(key, (!items.is_empty()).then(|| items.to_vec()))
    }

    /// A field that is left out when false.
    pub fn flag(self, key: &str, value: bool) -> Self {
        self.put_some(key, value.then_some(true))
    }

    /// Flags of a component: a map until v1beta3, where the last of several values wins; then a list.
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

    /// Where an image comes from and its tag, each left out when it is the default.
    pub fn image(self, image: &ImageOverride) -> Self {
        self.text("imageRepository", &image.repository).text("imageTag", &image.tag)
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Object(fields.0)
    }
}

/// A duration as Go writes it: `4m0s`. What Go cannot hold (292 years) is cut to what it can.
pub fn duration(duration: Duration) -> String {
    go_duration::format(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}

/// Where an API server listens.
pub fn api_endpoint(endpoint: &ApiEndpoint) -> Value {
    json!({ "advertiseAddress": endpoint.advertise_address.to_string(), "bindPort": endpoint.bind_port })
}
