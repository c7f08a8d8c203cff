//! Checks a document against its table: unknown fields, fields of other versions, wrong types.

use super::identify::Document;
use super::kind::Kind;
use super::shape::{Field, Object, Type};
use super::suggest::suggest;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::tree::{Entry, Node, Value};
use crate::versions::ApiVersion;

/// Reports everything in `document` that its kind and version do not allow.
pub(in crate::config) fn check(document: &Document, text: &str, report: &mut Report) {
    let mut checker = Checker { kind: document.kind, api: document.api, text, report };
    checker.object(document.kind.object(), &document.root, "");
}

struct Checker<'a> {
    kind: Kind,
    api: ApiVersion,
    text: &'a str,
    report: &'a mut Report,
}

impl Checker<'_> {
    fn object(&mut self, object: &Object, node: &Node, path: &str) {
        for entry in node.entries() {
            let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
            match object.field(&entry.key, self.api) {
                Some(field) => self.value(field.of, &entry.value, &path, Some(object)),
                None if object.open => {}
                None => self.unknown(object, entry, path),
            }
        }
    }

    fn unknown(&mut self, object: &Object, entry: &Entry, path: String) {
        let fixed = self.kind.fixed_api().and_then(|api| api.split('/').next_back());
        let (api, name) = (fixed.unwrap_or(self.api.name()), &entry.key);
        let other: Option<&Field> = object.fields.iter().find(|f| f.name == name);
        let complaint = if let Some(field) = other {
            let help = match field.successor {
                "" => format!(
                    "it exists in {}; 'kubewright config migrate' converts a file to a newer version",
                    field.versions()
                ),
                successor => successor.to_owned(),
            };
            Complaint::with_help(format!("is not a field of {api}, only of {}", field.versions()), help)
        } else {
            let what = format!("is not a field of {} {api}", self.kind.name());
            Complaint { what, help: suggest(self.kind, object, name, self.api) }
        };
        self.report.problem(Place::File { mark: entry.mark, path }, complaint);
    }

    fn value(&mut self, of: Type, node: &Node, path: &str, parent: Option<&Object>) {
        match (of, &node.value) {
            (_, Value::Null)
            | (Type::Any, _)
            | (Type::Text | Type::Secret | Type::Duration, Value::Text(_))
            | (Type::Bool, Value::Bool(_))
            | (Type::Share, Value::Int(_) | Value::Text(_)) => {}
            (Type::Int, Value::Int(n)) if i32::try_from(*n).is_ok() => {}
            (Type::Int, Value::Int(n)) => {
                self.wrong(node, path, Complaint::new(format!("{n} is out of range")));
            }
            (Type::TextList, Value::List(items)) => self.items(Type::Text, items, path),
            (Type::List(object), Value::List(items)) => self.items(Type::Object(object), items, path),
            (Type::TextMap, Value::Map(entries)) => self.each(Type::Text, entries, path),
            (Type::BoolMap, Value::Map(entries)) => self.each(Type::Bool, entries, path),
            (Type::ObjectMap(object), Value::Map(entries)) => self.each(Type::Object(object), entries, path),
            (Type::Object(object), Value::Map(_)) => self.object(object, node, path),
            _ => self.mismatch(of, node, path, parent),
        }
    }

    fn items(&mut self, of: Type, items: &[Node], path: &str) {
        for (i, item) in items.iter().enumerate() {
            let path = format!("{path}[{i}]");
            if item.value == Value::Null {
                self.wrong(item, &path, Complaint::with_help("is empty", "remove the item or fill it in"));
            } else {
                self.value(of, item, &path, None);
            }
        }
    }

    fn each(&mut self, of: Type, entries: &[Entry], path: &str) {
        for entry in entries {
            self.value(of, &entry.value, &format!("{path}.{}", entry.key), None);
        }
    }

    fn mismatch(&mut self, of: Type, node: &Node, path: &str, parent: Option<&Object>) {
        let what = format!("must be {}, not {}", describe(of), node.describe());
        let written = self.text.get(node.span.clone()).unwrap_or_default().trim();
        let help = match (of, &node.value) {
            (Type::Text, Value::Bool(_) | Value::Int(_) | Value::Float(_)) => {
                Some(format!("write it in quotes: \"{written}\""))
            }
            (Type::Secret, Value::Bool(_) | Value::Int(_) | Value::Float(_)) => Some("write it in quotes".to_owned()),
            (Type::Duration, Value::Int(0)) => Some("write \"0s\"".to_owned()),
            (Type::Duration, Value::Int(n)) => Some(format!("add a unit: \"{n}s\" for seconds")),
            (Type::Bool, Value::Text(text)) if text == "true" || text == "false" => {
                Some(format!("write {text} without quotes"))
            }
            (Type::Bool, _) => Some("write true or false".to_owned()),
            (Type::Int, Value::Text(text)) if text.parse::<i64>().is_ok() => {
                Some(format!("write {text} without quotes"))
            }
            (Type::TextList, Value::Text(_)) => Some(format!("write a list: [{written}]")),
            (Type::List(_), Value::Map(_)) => self.list_help(path, parent),
            (Type::TextMap, Value::List(_)) => self.map_help(path, parent),
            _ => None,
        };
        self.wrong(node, path, Complaint { what, help });
    }

    /// Extra arguments became lists in v1beta4.
    fn list_help(&self, path: &str, parent: Option<&Object>) -> Option<String> {
        let name = path.rsplit('.').next()?;
        let was_map = parent?.fields.iter().any(|f| f.name == name && matches!(f.of, Type::TextMap));
        was_map.then(|| {
            format!(
                "{} takes a list of 'name' and 'value'; the map is the format of v1beta3 and older",
                self.api.name()
            )
        })
    }

    fn map_help(&self, path: &str, parent: Option<&Object>) -> Option<String> {
        let name = path.rsplit('.').next()?;
        let is_list = parent?.fields.iter().any(|f| f.name == name && matches!(f.of, Type::List(_)));
        is_list.then(|| format!("{} takes a map of 'name: value'; the list is the format of v1beta4", self.api.name()))
    }

    fn wrong(&mut self, node: &Node, path: &str, complaint: Complaint) {
        self.report.problem(Place::File { mark: node.mark, path: path.to_owned() }, complaint);
    }
}

fn describe(of: Type) -> &'static str {
    match of {
        Type::Text | Type::Secret => "text",
        Type::Bool => "true or false",
        Type::Int => "a whole number",
        Type::Share => "a whole number or text",
        Type::Duration => "a duration such as \"5m0s\"",
        Type::TextList => "a list of text",
        Type::TextMap => "a map from names to text",
        Type::BoolMap => "a map from names to true or false",
        Type::List(_) => "a list",
        Type::Object(_) | Type::ObjectMap(_) => "a map",
        Type::Any => "anything",
    }
}
