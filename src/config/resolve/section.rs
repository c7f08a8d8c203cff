//! A view of an optional part of a document, and values that know their origin.

use crate::base::secret::Secret;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::schema::Document;
use crate::config::tree::{Mark, Node, Value};
use crate::config::validate::Validated;
use crate::versions::ApiVersion;

/// A value as text, with its origin.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) place: Place,
}

impl Given {
    /// The value of a flag, if it is set.
    pub(super) fn flag(name: &'static str, value: Option<&str>) -> Option<Self> {
        value.map(|text| Self { text: text.to_owned(), place: Place::Flag(name) })
    }

    /// The values of a flag that takes a list, each of which may contain several separated by commas.
    pub(super) fn flags(name: &'static str, values: &[String]) -> Vec<Self> {
        let items = values.iter().flat_map(|v| v.split(',')).map(str::trim).filter(|v| !v.is_empty());
        items.map(|text| Self { text: text.to_owned(), place: Place::Flag(name) }).collect()
    }

    /// The value of a flag that must stay secret.
    pub(super) fn secret_flag(name: &'static str, value: Option<&Secret<String>>) -> Option<Self> {
        Self::flag(name, value.map(|secret| secret.expose().as_str()))
    }

    /// The typed value; None, after reporting the error, if the text is invalid.
    pub(super) fn validate<T>(&self, validate: impl FnOnce(&str) -> Validated<T>, report: &mut Report) -> Option<T> {
        validate(&self.text).map_err(|complaint| report.problem(self.place.clone(), complaint)).ok()
    }
}

/// The typed values of the valid ones; errors in the others are reported.
pub(super) fn validate_all<T>(given: &[Given], validate: impl Fn(&str) -> Validated<T>, report: &mut Report) -> Vec<T> {
    given.iter().filter_map(|g| g.validate(&validate, report)).collect()
}

/// An optional map in a document. Values of the wrong type count as unset, since `schema` has already reported them.
#[derive(Clone)]
pub(super) struct Section<'a> {
    node: Option<&'a Node>,
    mark: Mark,
    path: String,
    /// The API version of the document.
    pub(super) api: ApiVersion,
}

impl<'a> Section<'a> {
    /// The whole document.
    pub(super) fn of(document: Option<&'a Document>) -> Self {
        let node = document.map(|d| &d.root);
        Self {
            node,
            mark: document.map_or(Mark::START, |d| d.mark_of("kind")),
            path: String::new(),
            api: document.map_or(ApiVersion::V1Beta4, |d| d.api),
        }
    }

    /// True if it exists and is a map.
    pub(super) fn exists(&self) -> bool {
        self.node.is_some_and(|node| matches!(node.value, Value::Map(_)))
    }

    /// Where it is, or would be.
    pub(super) fn place(&self) -> Place {
        Place::File { mark: self.mark, path: self.path.clone() }
    }

    /// The place of a field, or that of the section if the field does not exist.
    pub(super) fn place_of(&self, name: &str) -> Place {
        let mark = self.field(name).map_or(self.mark, |node| node.mark);
        Place::File { mark, path: self.join(name) }
    }

    /// The map at `name`.
    pub(super) fn child(&self, name: &str) -> Self {
        let entry = self.node.and_then(|node| node.entry(name));
        Self {
            node: entry.map(|e| &e.value),
            mark: entry.map_or(self.mark, |e| e.mark),
            path: self.join(name),
            api: self.api,
        }
    }

    /// The text at `name`; None if it is empty, which means unset throughout kubeadm's API.
    pub(super) fn text(&self, name: &str) -> Option<Given> {
        let node = self.field(name)?;
        let text = node.text().filter(|text| !text.is_empty())?;
        Some(Given { text: text.to_owned(), place: self.place_of(name) })
    }

    /// The boolean at `name`.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.field(name)?.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The integer at `name` as text; None for 0, which means unset.
    pub(super) fn number(&self, name: &str) -> Option<Given> {
        match self.field(name)?.value {
            Value::Int(number) if number != 0 => Some(Given { text: number.to_string(), place: self.place_of(name) }),
            _ => None,
        }
    }

    /// The list of text at `name`.
    pub(super) fn texts(&self, name: &str) -> Vec<Given> {
        let items = self.field(name).map(Node::items).unwrap_or_default();
        let texts = items.iter().enumerate().filter_map(|(i, item)| {
            let path = format!("{}[{i}]", self.join(name));
            Some(Given { text: item.text()?.to_owned(), place: Place::File { mark: item.mark, path } })
        });
        texts.collect()
    }

    /// The list of maps at `name`; None if the list is missing, as opposed to empty.
    pub(super) fn sections(&self, name: &str) -> Option<Vec<Self>> {
        let node = self.field(name)?;
        let Value::List(items) = &node.value else { return None };
        let sections = items.iter().enumerate().map(|(i, item)| Self {
            node: Some(item),
            mark: item.mark,
            path: format!("{}[{i}]", self.join(name)),
            api: self.api,
        });
        Some(sections.collect())
    }

    /// The keys and values of the map at `name`, with the place of each key.
    pub(super) fn pairs(&self, name: &str) -> Vec<(Given, &'a Node)> {
        let entries = self.field(name).map(Node::entries).unwrap_or_default();
        let pairs = entries.iter().map(|entry| {
            let path = format!("{}.{}", self.join(name), entry.key);
            (Given { text: entry.key.clone(), place: Place::File { mark: entry.mark, path } }, &entry.value)
        });
        pairs.collect()
    }

    /// The value at `name`, of any type; None if it is null.
    pub(super) fn field(&self, name: &str) -> Option<&'a Node> {
        self.node?.entry(name).map(|e| &e.value).filter(|node| node.value != Value::Null)
    }

    /// Its content, of any type.
    pub(super) fn node(&self) -> Option<&'a Node> {
        self.node
    }

    /// Reports an error in one of its fields.
    pub(super) fn complain(&self, name: &str, complaint: Complaint, report: &mut Report) {
        report.problem(self.place_of(name), complaint);
    }

    fn join(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}
