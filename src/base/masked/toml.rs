//! TOML as a tree with places.

use super::tree::{Leaf, Node};
use toml_edit::{Document, Item, Key, TableLike, Value};

/// The document; None where it is not TOML.
pub(super) fn parse(text: &str) -> Option<Vec<Node>> {
    let document = Document::parse(text).ok()?;
    Some(vec![table(document.as_table())?])
}

fn table(table: &dyn TableLike) -> Option<Node> {
    let entries = table.iter().map(|(name, value)| {
        // A table that has no header of its own has no key in the text either.
        let span = table.key(name).and_then(Key::span).unwrap_or_default();
        Some((Leaf { span, text: name.to_owned() }, item(value)?))
    });
    entries.collect::<Option<_>>().map(Node::Map)
}

fn item(item: &Item) -> Option<Node> {
    match item {
        Item::None => Some(Node::List(Vec::new())),
        Item::Value(found) => value(found),
        Item::Table(found) => table(found),
        Item::ArrayOfTables(tables) => tables.iter().map(|found| table(found)).collect::<Option<_>>().map(Node::List),
    }
}

/// None where the place of a value is not known: then nothing of the document may be shown.
fn value(found: &Value) -> Option<Node> {
    match found {
        Value::Array(items) => items.iter().map(value).collect::<Option<_>>().map(Node::List),
        Value::InlineTable(found) => table(found),
        Value::String(text) => Some(Node::Leaf(Leaf { span: found.span()?, text: text.value().clone() })),
        other => Some(Node::Leaf(Leaf { span: found.span()?, text: other.to_string().trim().to_owned() })),
    }
}
