//! Text edits, collected by position and applied at once.

use crate::config::tree::{Entry, Mark, Node};
use std::ops::Range;

/// Text edits with their descriptions.
pub(super) struct Edits<'a> {
    pub(super) text: &'a str,
    replacements: Vec<(Range<usize>, String)>,
    changes: Vec<(Mark, String)>,
}

impl<'a> Edits<'a> {
    /// No edits yet.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, replacements: Vec::new(), changes: Vec::new() }
    }

    /// Replaces `range` with `new` and describes the change.
    pub(super) fn replace(&mut self, range: Range<usize>, new: String, mark: Mark, change: String) {
        self.put(range, new);
        self.report(mark, change);
    }

    /// Replaces `range` with `new`; the same edit twice counts once.
    pub(super) fn put(&mut self, range: Range<usize>, new: String) {
        if !self.replacements.iter().any(|(r, n)| *r == range && *n == new) {
            self.replacements.push((range, new));
        }
    }

    /// Describes a change at `mark`.
    pub(super) fn report(&mut self, mark: Mark, change: String) {
        self.changes.push((mark, change));
    }

    /// The text of `range`.
    pub(super) fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    /// The first byte of the line that contains `at`.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.slice(0..at).rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The end of the line that contains `at`, before its line break.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let end = at + rest.find('\n').unwrap_or(rest.len());
        if self.slice(at..end).ends_with('\r') { end - 1 } else { end }
    }

    /// The file's line break.
    pub(super) fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// The comment after a value on its last line, including `#`; empty if there is none.
    pub(super) fn comment_after(&self, value: &Node) -> &'a str {
        let rest = self.slice(value.span.end..self.line_end(value.span.end));
        let trimmed = rest.trim_start();
        if trimmed.starts_with('#') && (trimmed.len() < rest.len() || value.span.is_empty()) {
            trimmed.trim_end()
        } else {
            ""
        }
    }

    /// A value on one line: unchanged, or quoted if it spans several lines or is a block scalar.
    pub(super) fn one_line(&self, value: &Node) -> String {
        let written = self.slice(value.span.clone());
        let is_block = value.flow && !value.aliased && !written.starts_with(['"', '\'']);
        match value.text() {
            Some(text) if is_block || written.contains('\n') => json_text(text),
            _ => written.to_owned(),
        }
    }

    /// Removes an entry from a map. A block map loses the whole line; comments on their own lines are kept.
    pub(super) fn remove(&mut self, map: &Node, entry: &Entry) {
        let end = entry.value.span.end.max(entry.span.end);
        if !map.flow {
            let (start, end) = (self.line_start(entry.span.start), self.line_end(end));
            let newline = first_break(self.text.get(end..).unwrap_or_default());
            // Without a final line break, the last line takes the one before it along.
            let before = self.slice(0..start).trim_end_matches(['\n', '\r']).len();
            self.put(if newline == 0 { before..end } else { start..end + newline }, String::new());
            return;
        }
        let entries: Vec<&Entry> = map.entries().iter().filter(|e| !e.merged).collect();
        let at = entries.iter().position(|e| e.span == entry.span).unwrap_or_default();
        let range = match (entries.get(at + 1), at.checked_sub(1).and_then(|i| entries.get(i))) {
            (Some(next), _) => entry.span.start..next.span.start,
            (None, Some(previous)) => previous.value.span.end..end,
            (None, None) => entry.span.start..end,
        };
        self.put(range, String::new());
    }

    /// Adds lines at the end of a block map, or an entry at the end of a flow map.
    pub(super) fn append(&mut self, map: &Node, lines: &[String], flow: &str) {
        if map.flow {
            let end = map.entries().iter().rfind(|e| !e.merged).map_or(map.span.start + 1, |e| e.value.span.end);
            let comma = if map.entries().is_empty() { "" } else { ", " };
            self.put(end..end, format!("{comma}{flow}"));
            return;
        }
        let indent = map.entries().first().map_or(0, |e| e.mark.column - 1);
        let newline = self.newline();
        let lines: Vec<String> = lines.iter().map(|line| format!("{}{line}", " ".repeat(indent))).collect();
        let text = lines.join(newline);
        let end = self.line_end(map.span.end);
        self.put(end..end, format!("{newline}{text}"));
    }

    /// The new text, and the changes in the order of the file.
    pub(super) fn apply(mut self) -> (String, Vec<String>) {
        self.replacements.sort_by_key(|(range, _)| (range.start, range.end));
        let mut new = String::with_capacity(self.text.len() + 256);
        let mut at = 0;
        for (range, replacement) in &self.replacements {
            new.push_str(self.text.get(at..range.start).unwrap_or_default());
            new.push_str(replacement);
            at = range.end.max(at);
        }
        new.push_str(self.text.get(at..).unwrap_or_default());
        self.changes.sort_by_key(|(mark, _)| *mark);
        let changes = self.changes.into_iter().map(|(mark, change)| format!("line {}: {change}", mark.line));
        (new, changes.collect())
    }
}

/// The length of the line break at the start of `text`.
fn first_break(text: &str) -> usize {
    if text.starts_with("\r\n") { 2 } else { usize::from(text.starts_with('\n')) }
}

/// `text` as a JSON string, which YAML reads as the same text.
pub(super) fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
