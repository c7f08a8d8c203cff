//! Edits of a TOML file: one value changes; comments, order and style of everything else are kept.
//!
//! A new key is written in the style of its table: below a header, dotted, or inline.

use std::fmt;
use std::ops::Range;
use toml_edit::{DocumentMut, InlineTable, Item, RawString, Table, TableLike, Value};

/// A TOML file.
#[derive(Clone, Debug)]
pub struct Document(DocumentMut);

/// Why a file cannot be parsed or edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is not TOML. The line itself is not shown: it may contain a password.
    #[error("line {line}, column {column}: {why}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// The parser's message.
        why: String,
    },
    /// A table is needed where the file has a value, or vice versa.
    #[error("{key} is not a {expected}")]
    Kind {
        /// The dotted key.
        key: String,
        /// `table`, `value` or `list of strings`.
        expected: &'static str,
    },
}

impl Document {
    /// Parses the text of a file.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        text.parse().map(Self).map_err(|error: toml_edit::TomlError| syntax(text, error.span(), error.message()))
    }

    /// The item at a path of keys.
    pub fn get(&self, path: &[&str]) -> Option<&Item> {
        path.iter().try_fold(self.0.as_item(), |item, key| item.as_table_like()?.get(key))
    }

    /// The strings of a list; empty without a list.
    pub fn strings(&self, path: &[&str]) -> Vec<&str> {
        let list = self.get(path).and_then(Item::as_array);
        list.into_iter().flat_map(|list| list.iter()).filter_map(Value::as_str).collect()
    }

    /// Sets a value. Missing tables on the path are added.
    pub fn set(&mut self, path: &[&str], value: impl Into<Value>) -> Result<(), DocumentError> {
        let Some((key, tables)) = path.split_last() else { return Ok(()) };
        let mut added = None;
        let mut item = self.0.as_item_mut();
        for (depth, name) in tables.iter().enumerate() {
            let kind = || DocumentError::Kind { key: dotted(path.get(..=depth)), expected: "table" };
            if let Some(table) = item.as_inline_table_mut().filter(|table| !table.contains_key(name)) {
                add_inline(table, name, InlineTable::new().into());
            }
            let table = item.as_table_like_mut().ok_or_else(kind)?;
            if table.get(name).is_none() {
                if !table.is_dotted() {
                    added = path.get(..=depth);
                }
                table.insert(name, new_table(table));
            }
            item = table.get_mut(name).filter(|item| item.is_table_like()).ok_or_else(kind)?;
        }
        let kind = || DocumentError::Kind { key: dotted(Some(path)), expected: "value" };
        put(item, key, value.into()).ok_or_else(kind)?;
        if let Some(table) = added {
            self.move_trailing_comments(table);
        }
        Ok(())
    }

    /// Removes matching items from a list of strings; true if there were any.
    pub fn remove_items(&mut self, path: &[&str], goes: impl Fn(&str) -> bool) -> Result<bool, DocumentError> {
        let kind = || DocumentError::Kind { key: dotted(Some(path)), expected: "list of strings" };
        let Some((first, rest)) = path.split_first() else { return Ok(false) };
        let item = rest.iter().try_fold(self.0.get_mut(first), |item, key| {
            Some(item.and_then(Item::as_table_like_mut).and_then(|table| table.get_mut(key)))
        });
        let Some(item) = item.flatten() else { return Ok(false) };
        let list = item.as_array_mut().ok_or_else(kind)?;
        if list.iter().any(|item| !item.is_str()) {
            return Err(kind());
        }
        let before = list.len();
        list.retain(|item| item.as_str().is_none_or(|item| !goes(item)));
        let is_shorter = list.len() != before;
        // The text between a removed item and this one was only the space after a comma.
        if let Some(first) = list.get_mut(0).filter(|_| is_shorter)
            && first
                .decor()
                .prefix()
                .and_then(RawString::as_str)
                .is_some_and(|prefix| prefix.trim_matches(' ').is_empty())
        {
            first.decor_mut().set_prefix("");
        }
        if list.is_empty() && !list.trailing().as_str().is_some_and(|rest| rest.contains('#')) {
            list.set_trailing("");
        }
        list.set_trailing_comma(list.trailing_comma() && !list.is_empty());
        Ok(is_shorter)
    }

    /// Puts an item at a path, replacing any existing one; for tests.
    #[cfg(test)]
    pub fn replace(&mut self, path: &[&str], new: Item) {
        let Some((key, tables)) = path.split_last() else { return };
        let mut at = self.0.as_item_mut();
        for table in tables {
            at = at.as_table_like_mut().unwrap().entry(table).or_insert(toml_edit::table());
        }
        at.as_table_like_mut().unwrap().insert(key, new);
    }

    /// Comments at the end of a file belong before a table that is added after them.
    fn move_trailing_comments(&mut self, path: &[&str]) {
        let trailing = self.0.trailing().as_str().unwrap_or_default().to_owned();
        if trailing.trim().is_empty() || !self.is_last(path) {
            return;
        }
        let table = path.iter().try_fold(self.0.as_item_mut(), |item, key| item.as_table_like_mut()?.get_mut(key));
        if let Some(table) = table.and_then(Item::as_table_mut) {
            table.decor_mut().set_prefix(format!("{trailing}\n"));
            self.0.set_trailing("");
        }
    }

    /// True if no other header follows the one of this table.
    fn is_last(&self, path: &[&str]) -> bool {
        let Ok(written) = self.0.to_string().parse::<DocumentMut>() else { return false };
        let mut last = (None, Vec::new());
        visit(written.as_table(), &mut Vec::new(), &mut |table, at| {
            if table.position() >= last.0 && !table.is_implicit() {
                last = (table.position(), at.iter().map(ToString::to_string).collect());
            }
        });
        last.1 == path
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A table in the style of its parent.
fn new_table(parent: &dyn TableLike) -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    table.set_dotted(parent.is_dotted());
    Item::Table(table)
}

/// Sets a key of a table; None if the item is not a table, or the key is one.
fn put(item: &mut Item, key: &str, value: Value) -> Option<()> {
    let indent = item.as_table().map(indent);
    if let Some(table) = item.as_inline_table_mut().filter(|table| !table.contains_key(key)) {
        return {
            add_inline(table, key, value);
            Some(())
        };
    }
    let table = item.as_table_like_mut()?;
    match table.get_mut(key) {
        Some(Item::Value(old)) if !old.is_inline_table() => {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
        }
        Some(_) => return None,
        None => {
            table.insert(key, Item::Value(value));
            if let (Some(indent), Some(mut key)) = (indent, table.key_mut(key)) {
                key.leaf_decor_mut().set_prefix(indent);
            }
        }
    }
    Some(())
}

/// Adds a key at the end of an inline table, before the space that its brace may have.
fn add_inline(table: &mut InlineTable, key: &str, mut value: Value) {
    let last = table.iter_mut().last().map(|(_, value)| value.decor_mut());
    let space = last.and_then(|decor| {
        let is_blank =
            decor.suffix().and_then(RawString::as_str).is_some_and(|suffix| suffix.trim_matches(' ').is_empty());
        is_blank.then(|| decor.suffix().cloned().inspect(|_| decor.set_suffix("")))
    });
    if let Some(space) = space.flatten() {
        value.decor_mut().set_prefix(" ");
        value.decor_mut().set_suffix(space);
    }
    table.insert(key, value);
}

/// The white space before a key that is added: as before the table's other keys, otherwise as before its header.
fn indent(table: &Table) -> String {
    let of_keys = table.iter().filter(|(_, item)| item.is_value()).find_map(|(key, _)| table.key(key));
    let prefix = of_keys.map_or_else(|| table.decor().prefix(), |key| key.leaf_decor().prefix());
    let prefix = prefix.and_then(RawString::as_str).unwrap_or_default();
    let line = prefix.rsplit('\n').next().unwrap_or_default();
    line.chars().take_while(|c| c.is_whitespace()).collect()
}

fn visit<'a>(table: &'a Table, path: &mut Vec<&'a str>, see: &mut dyn FnMut(&'a Table, &[&'a str])) {
    for (key, item) in table {
        path.push(key);
        if let Some(table) = item.as_table() {
            see(table, path);
            visit(table, path, see);
        }
        path.pop();
    }
}

fn dotted(path: Option<&[&str]>) -> String {
    let quoted = |key: &&str| if key.contains('.') { format!("{key:?}") } else { (*key).to_owned() };
    path.unwrap_or_default().iter().map(quoted).collect::<Vec<_>>().join(".")
}

fn syntax(text: &str, span: Option<Range<usize>>, why: &str) -> DocumentError {
    let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    DocumentError::Syntax { line, column, why: why.lines().collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod tests;
