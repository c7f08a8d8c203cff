//! The nodes of the tree.

use serde_json::{Map, Number};
use std::ops::Range;

/// A position in a file, counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    pub line: usize,
    pub column: usize,
}

impl Mark {
    /// The first character of a file.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// A value with its position.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub value: Value,
    /// Where it starts.
    pub mark: Mark,
    /// Its bytes in the file. A block collection ends with its last value; a block list may start after its first dash.
    pub span: Range<usize>,
    /// True for `[…]` and `{…}`, and for quoted scalars.
    pub flow: bool,
    /// True if it comes from an alias (`*name`): mark and span are those of the alias, those of its content are in the
    /// anchored original.
    pub aliased: bool,
}

/// The content of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An empty value, `~` or `null`.
    Null,
    Bool(bool),
    /// An integer that fits Go's `int64` or `uint64`.
    Int(i128),
    /// Any other finite number.
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// A map in the file's order, without duplicate keys.
    Map(Vec<Entry>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    /// Where the key starts.
    pub mark: Mark,
    /// The key's bytes in the file, including quotes.
    pub span: Range<usize>,
    /// True if it comes from a merge (`<<`).
    pub merged: bool,
    pub value: Node,
}

impl Node {
    /// The entries of a map; empty for other nodes.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; empty for other nodes.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The text, if it is text.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The type for messages, with its article.
    pub fn describe(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The value without positions.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Int(n) => {
                let number = i64::try_from(*n).map(Number::from).or_else(|_| u64::try_from(*n).map(Number::from));
                number.map_or(Json::Null, Json::Number)
            }
            Value::Float(f) => Number::from_f64(*f).map_or(Json::Null, Json::Number),
            Value::Text(text) => Json::String(text.clone()),
            Value::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Map(_) => Json::Object(self.to_json_map()),
        }
    }

    /// The entries of a map without positions; empty for other nodes.
    pub fn to_json_map(&self) -> Map<String, serde_json::Value> {
        self.entries().iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
    }
}
