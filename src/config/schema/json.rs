//! The tables as a JSON schema (draft 7), with which editors complete and check a file: `kubewright config schema`.
//!
//! Every kind and version is a definition; a document must be one of them. What the schema cannot express, such as the
//! fields of a minor version, is checked by `kubewright config validate`.
//!
//! An editor that knows which document a file holds needs the schema of only that: its messages are shorter.

use super::Kind;
use super::hosts::{CHOICES, MEANINGS};
use super::shape::{Object, Type};
use crate::versions::ApiVersion;
use serde_json::{Map, Value, json};

/// The schema of a document in a configuration file.
pub fn json_schema() -> Value {
    schema_of(&definitions())
}

/// The schema of the documents of a kind, in one version or in all of them; None if there are none.
pub fn json_schema_of(kind: Option<Kind>, api: Option<&str>) -> Option<Value> {
    let mut definitions = definitions();
    definitions.retain(|_, schema| {
        let constant = |field: &str| schema["properties"][field]["const"].as_str().unwrap_or_default().to_owned();
        let version = constant("apiVersion");
        let is_version = |api: &str| version == api || version.rsplit('/').next() == Some(api);
        kind.is_none_or(|kind| kind.name() == constant("kind")) && api.is_none_or(is_version)
    });
    match definitions.len() {
        0 => None,
        1 => definitions.into_iter().next().map(|(_, mut schema)| {
            schema["$schema"] = json!(DRAFT);
            schema
        }),
        _ => Some(schema_of(&definitions)),
    }
}

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// Every kind in every version.
fn definitions() -> Map<String, Value> {
    let mut definitions = Map::new();
    for kind in Kind::ALL {
        let (first, last) = kind.versions();
        let versions = ApiVersion::ALL.into_iter().filter(|api| *api >= first && *api <= last);
        for api in if kind.fixed_api().is_some() { vec![ApiVersion::V1Beta4] } else { versions.collect() } {
            let name = kind.fixed_api().map_or_else(|| api.to_string(), str::to_owned);
            definitions.insert(format!("{} {name}", kind.name()), document(kind, api, &name));
        }
    }
    definitions
}

fn schema_of(definitions: &Map<String, Value>) -> Value {
    let choices: Vec<Value> =
        definitions.keys().map(|name| json!({ "$ref": format!("#/definitions/{}", pointer(name)) })).collect();
    json!({
        "$schema": DRAFT,
        "title": "Configuration of a cluster for kubewright",
        "description": "The hosts of a cluster, and kubeadm's and the components' own documents behind them.",
        "oneOf": choices,
        "definitions": definitions,
    })
}

/// A name as a part of a JSON pointer in a URI.
fn pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1").replace(' ', "%20")
}

fn document(kind: Kind, api: ApiVersion, name: &str) -> Value {
    let mut schema = object(kind.object(), api, (kind == Kind::Hosts).then_some(""));
    schema["title"] = json!(kind.name());
    schema["required"] =
        json!(if kind == Kind::Hosts { vec!["apiVersion", "kind", "hosts"] } else { vec!["apiVersion", "kind"] });
    schema["properties"]["apiVersion"] = json!({ "const": name });
    schema["properties"]["kind"] = json!({ "const": kind.name() });
    schema
}

/// `path` is where the object is in a `Cluster`; None in other documents.
fn object(object: &Object, api: ApiVersion, path: Option<&str>) -> Value {
    let mut properties = Map::new();
    for field in object.fields_in(api) {
        let path =
            path.map(|path| if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) });
        let mut schema = value(field.of, api, path.as_deref());
        if let Some(path) = path {
            if let Some((_, meaning)) = MEANINGS.iter().find(|(of, _)| *of == path) {
                schema["description"] = json!(meaning);
            }
            if let Some((_, choices)) = CHOICES.iter().find(|(of, _)| *of == path) {
                schema["enum"] = json!(choices);
            }
        }
        properties.insert(field.name.to_owned(), schema);
    }
    json!({ "type": "object", "additionalProperties": object.open, "properties": properties })
}

fn value(of: Type, api: ApiVersion, path: Option<&str>) -> Value {
    let list = |items: Value| json!({ "type": "array", "items": items });
    let map = |values: Value| json!({ "type": "object", "additionalProperties": values });
    match of {
        Type::Text | Type::Secret | Type::Duration => json!({ "type": "string" }),
        Type::Bool => json!({ "type": "boolean" }),
        Type::Int => json!({ "type": "integer" }),
        Type::Share => json!({ "type": ["integer", "string"] }),
        Type::TextList => list(json!({ "type": "string" })),
        Type::TextMap => map(json!({ "type": "string" })),
        Type::BoolMap => map(json!({ "type": "boolean" })),
        Type::Object(inner) => object(inner, api, path),
        Type::List(inner) => list(object(inner, api, path.map(|path| format!("{path}[]")).as_deref())),
        Type::ObjectMap(inner) => map(object(inner, api, None)),
        Type::Any => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_hosts_has_a_meaning_and_every_meaning_a_field() {
        let schema = json_schema();
        let cluster = &schema["definitions"]["Cluster kubewright.io/v1alpha1"];
        let mut paths = Vec::new();
        collect(cluster, "", &mut paths);
        paths.retain(|path| path != "apiVersion" && path != "kind");
        let mut known: Vec<String> = MEANINGS.iter().map(|(path, _)| (*path).to_owned()).collect();
        paths.sort();
        known.sort();
        assert_eq!(paths, known);
        assert!(CHOICES.iter().all(|(path, _)| known.iter().any(|known| known == path)));
        assert_eq!(
            cluster["properties"]["hosts"]["items"]["properties"]["role"]["enum"],
            json!(["control-plane", "worker"])
        );
    }

    fn collect(schema: &Value, path: &str, paths: &mut Vec<String>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            collect(field, &path, paths);
            collect(&field["items"], &format!("{path}[]"), paths);
            paths.push(path);
        }
    }

    #[test]
    fn every_reference_leads_to_a_definition() {
        let schema = json_schema();
        for choice in schema["oneOf"].as_array().unwrap() {
            let name = choice["$ref"].as_str().unwrap().trim_start_matches('#').replace("%20", " ");
            assert!(schema.pointer(&name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_schema_of_one_kind_and_version_has_only_that() {
        let one = json_schema_of(Some(Kind::Init), Some("v1beta3")).unwrap();
        assert_eq!(one["properties"]["apiVersion"]["const"], "kubeadm.k8s.io/v1beta3");
        assert_eq!((&one["title"], &one["$schema"]), (&json!("InitConfiguration"), &json!(DRAFT)));
        assert_eq!(json_schema_of(Some(Kind::Init), Some("kubeadm.k8s.io/v1beta3")), Some(one));
        let kinds = |schema: &Value| schema["definitions"].as_object().unwrap().len();
        assert_eq!(kinds(&json_schema_of(Some(Kind::Init), None).unwrap()), ApiVersion::ALL.len());
        assert!(kinds(&json_schema_of(None, Some("v1beta4")).unwrap()) > 4);
        assert_eq!(json_schema_of(None, None), Some(json_schema()));
        assert_eq!(json_schema_of(Some(Kind::Reset), Some("v1beta2")), None);
        assert_eq!(json_schema_of(None, Some("beta4")), None);
    }
}
