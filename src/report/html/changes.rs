//! The changes by part, as the plan of a dry run shows them in short.

use super::run::Ending;
use crate::report::count;
use crate::report::item::Item;
use crate::report::paint::Tone;
use crate::report::row::Row;
use crate::report::short::parts;
use serde::Serialize;

/// The most lines of one difference.
const LINES: usize = 40;
/// The most characters of one text.
const TEXT: usize = 2000;
/// The most names below one change.
const NAMES: usize = 60;
/// The most characters of all changes together.
const BUDGET: usize = 100_000;

#[derive(Serialize)]
pub struct View {
    title: &'static str,
    count: String,
    parts: Vec<Part>,
    left_out: usize,
}

#[derive(Serialize)]
struct Part {
    title: &'static str,
    rows: Vec<RowView>,
}

#[derive(Serialize)]
struct RowView {
    tone: &'static str,
    verb: String,
    what: String,
    command: Option<String>,
    names: Vec<String>,
    details: Vec<String>,
    lines: Vec<Line>,
    more_lines: usize,
}

#[derive(Serialize)]
struct Line {
    kind: &'static str,
    text: String,
}

/// None without changes.
pub fn view(items: &[Item], ending: Ending, is_planned: bool) -> Option<View> {
    if items.is_empty() {
        return None;
    }
    let (mut left, mut left_out) = (BUDGET, 0);
    let mut shown = Vec::new();
    for (title, rows) in parts(items) {
        let mut views = Vec::new();
        for row in rows {
            let view = row_view(row);
            match left.checked_sub(view.size()) {
                Some(rest) => {
                    left = rest;
                    views.push(view);
                }
                None => left_out += 1,
            }
        }
        if !views.is_empty() {
            shown.push(Part { title, rows: views });
        }
    }
    let title = match ending {
        _ if is_planned => "What would change",
        Ending::Failed => "What changed before it failed",
        Ending::Succeeded | Ending::Planned => "What changed",
    };
    Some(View { title, count: count(items.len(), "change"), parts: shown, left_out })
}

fn row_view(row: Row) -> RowView {
    let tone = match row.tone() {
        _ if row.command.is_some() => "run",
        Tone::Added => "added",
        Tone::Removed => "removed",
        _ => "changed",
    };
    let more_names = row.names.len().saturating_sub(NAMES);
    let mut names: Vec<String> = row.names.iter().take(NAMES).map(|name| cut(name)).collect();
    if more_names > 0 {
        names.push(format!("and {more_names} more"));
    }
    RowView {
        tone,
        verb: if row.command.is_some() { "run".into() } else { row.verb },
        what: cut(&row.what),
        command: row.command.as_deref().map(cut),
        names,
        details: row.details.iter().chain(&row.notes).map(|text| cut(text)).collect(),
        more_lines: row.difference.len().saturating_sub(LINES),
        lines: row.difference.iter().take(LINES).map(|line| Line { kind: kind(line), text: cut(line) }).collect(),
    }
}

impl RowView {
    /// About the characters that it takes.
    fn size(&self) -> usize {
        const MARKUP: usize = 120;
        let texts = self.names.iter().chain(&self.details).chain(&self.command).chain([&self.verb, &self.what]);
        texts.map(|text| text.len() + MARKUP / 4).sum::<usize>()
            + self.lines.iter().map(|line| line.text.len() + MARKUP / 4).sum::<usize>()
            + MARKUP
    }
}

/// The class of a line of a difference.
fn kind(line: &str) -> &'static str {
    match line.as_bytes().first() {
        Some(b'+') => "plus",
        Some(b'-') => "minus",
        Some(b'@') => "at",
        _ => "same",
    }
}

fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(TEXT).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
