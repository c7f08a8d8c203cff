//! The templates of the objects, built into the binary. Those of an addon are with that addon.

use super::{Object, ObjectError};
use crate::render::engine::Templates;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::LazyLock;

macro_rules! table {
    ($($name:literal),* $(,)?) => {
        /// Every template's name and text.
        pub(super) const TABLE: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../templates/objects/", $name)))),*];
    };
}

table![
    "config/cluster-info.kubeconfig.tera",
    "config/config-map.yaml.tera",
    "network/flannel.yaml.tera",
    "rbac/cluster-binding.yaml.tera",
    "rbac/get-nodes.yaml.tera",
    "rbac/reader.yaml.tera",
    "tokens/bootstrap-token.yaml.tera",
    "tokens/kubeadm-certs.yaml.tera",
];

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| Templates::new(TABLE));

/// Renders the template.
pub(super) fn text(name: &'static str, values: &impl Serialize) -> Result<String, ObjectError> {
    Ok(TEMPLATES.render(name, values)?)
}

/// Renders the template and parses its objects, in order.
pub(super) fn objects(name: &'static str, values: &impl Serialize) -> Result<Vec<Object>, ObjectError> {
    parse(name, &text(name, values)?)
}

/// The objects in what the template `name` has rendered.
pub(super) fn parse(name: &'static str, text: &str) -> Result<Vec<Object>, ObjectError> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| {
            let value = Value::deserialize(document).map_err(|source| ObjectError::NotYaml { name, source })?;
            Object::from_value(value)
        })
        .collect()
}
