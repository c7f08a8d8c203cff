//! Extra arguments: a map `name: value` until v1beta3, a list of `name` and `value` since v1beta4.

use super::edits::{Edits, json_text};
use crate::config::schema::Document;
use crate::config::tree::{Entry, Node, Value, is_text};

/// Converts the map at `path` to a list, entry by entry and in its order.
pub(super) fn map_to_list(document: &Document, path: &[&str], edits: &mut Edits<'_>) {
    let mut node = &document.root;
    let mut mark = node.mark;
    for name in path {
        let Some(entry) = node.entry(name) else { return };
        // Values repeated by an alias or a merge are changed where they are defined.
        if entry.merged || entry.value.aliased {
            return;
        }
        (node, mark) = (&entry.value, entry.mark);
    }
    if !matches!(node.value, Value::Map(_)) {
        return;
    }
    edits.report(mark, format!("{} is a list of name and value instead of a map", path.join(".")));
    if node.entries().iter().any(|entry| entry.merged || is_odd(entry, edits)) {
        rewrite(node, edits);
    } else if node.flow {
        flow_list(node, edits);
    } else {
        for entry in node.entries() {
            block_item(entry, edits);
        }
    }
}

/// `? key`, and values with more than a colon and properties before them, are not edited in place.
fn is_odd(entry: &Entry, edits: &Edits<'_>) -> bool {
    let before = edits.slice(edits.line_start(entry.span.start)..entry.span.start);
    let between = between(entry, edits);
    before.trim_start().starts_with('?')
        || entry.value.span.start < entry.span.end
        || !between.trim_start().starts_with(':') && !between.is_empty()
}

/// The text between a key and its value: a colon, spaces, and optionally an anchor, a tag or a comment.
fn between<'a>(entry: &Entry, edits: &Edits<'a>) -> &'a str {
    edits.slice(entry.span.end..entry.value.span.start)
}

/// `key: value  # comment` becomes `- name: key` and, below, `value: value  # comment`.
fn block_item(entry: &Entry, edits: &mut Edits<'_>) {
    let indent = " ".repeat(entry.mark.column - 1);
    let newline = edits.newline();
    let start = format!("- name: {}{newline}{indent}  value", name(entry, edits));
    let value = &entry.value;
    if value.span.is_empty() {
        // The colon and what follows it are kept.
        edits.put(entry.span.clone(), start);
        return;
    }
    let (comments, properties) = split(between(entry, edits));
    let comments: String = comments.iter().flat_map(|comment| [comment, newline, indent.as_str()]).collect();
    let properties: String = properties.iter().flat_map(|property| [property, " "]).collect();
    edits.put(entry.span.start..value.span.end, format!("{comments}{start}: {properties}{}", edits.one_line(value)));
}

/// Comments, the anchor and the tag between a key and its value. The header of a block scalar (`|`, `>-`) is neither:
/// such a value is quoted instead.
fn split(between: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut comments, mut properties) = (Vec::new(), Vec::new());
    for line in between.trim_start().trim_start_matches(':').lines() {
        let at = line.find('#').unwrap_or(line.len());
        let (before, comment) = line.split_at(at);
        properties.extend(before.split_whitespace().filter(|word| word.starts_with(['&', '!'])));
        if !comment.is_empty() {
            comments.push(comment.trim_end());
        }
    }
    (comments, properties)
}

/// `{a: b}` becomes `[{name: a, value: b}]`.
fn flow_list(map: &Node, edits: &mut Edits<'_>) {
    edits.put(map.span.start..map.span.start + 1, "[".into());
    for entry in map.entries() {
        let json = edits.slice(entry.span.clone()).starts_with('"');
        let (key, value) = if json { ("\"name\"", "\"value\"") } else { ("name", "value") };
        let between = between(entry, edits).trim_start().trim_start_matches(':').trim();
        let properties = if between.is_empty() { String::new() } else { format!("{between} ") };
        let start = format!("{{{key}: {}, {value}: {properties}", name(entry, edits));
        edits.put(entry.span.start..entry.value.span.start.max(entry.span.end), start);
        let end = entry.value.span.end.max(entry.span.end);
        edits.put(end..end, "}".into());
    }
    edits.put(map.span.end.saturating_sub(1)..map.span.end, "]".into());
}

/// Rewrites the whole map, if it contains a merge or unusual syntax. Inner comments come first.
fn rewrite(map: &Node, edits: &mut Edits<'_>) {
    let item = |e: &Entry| (json_text(&e.key), json_text(e.value.text().unwrap_or_default()));
    if map.flow {
        let items: Vec<String> = map
            .entries()
            .iter()
            .map(item)
            .map(|(name, value)| format!("{{\"name\": {name}, \"value\": {value}}}"))
            .collect();
        edits.put(map.span.clone(), format!("[{}]", items.join(", ")));
        return;
    }
    let newline = edits.newline();
    let line_start = edits.line_start(map.span.start);
    let indent: String = edits.slice(line_start..map.span.start).chars().take_while(|c| *c == ' ').collect();
    let written = edits.slice(map.span.clone());
    let comments = written.lines().map(str::trim).filter(|line| line.starts_with('#')).map(str::to_owned);
    let items = map.entries().iter().map(item);
    let items = items.map(|(name, value)| format!("- name: {name}{newline}{indent}  value: {value}"));
    let lines: Vec<String> = comments.chain(items).collect();
    edits.put(line_start + indent.len()..map.span.end, lines.join(&format!("{newline}{indent}")));
}

/// The key as a value: unchanged, or quoted if it would not be text otherwise.
fn name(entry: &Entry, edits: &Edits<'_>) -> String {
    let written = edits.slice(entry.span.clone());
    let quoted = written.starts_with(['"', '\'']);
    if quoted || (is_text(written) && written == entry.key) { written.to_owned() } else { json_text(&entry.key) }
}
