//! Fields that newer versions do not have: removed, or moved to their new place.

use super::edits::Edits;
use crate::config::documents::Documents;
use crate::config::schema::{Document, Kind};
use crate::config::tree::{Entry, Mark, Node};
use crate::config::validate::duration;
use crate::versions::ApiVersion;

/// Removes the field at `path`, which has no meaning any more.
pub(super) fn drop_field(document: &Document, path: &[&str], edits: &mut Edits<'_>) {
    let Some((map, entry)) = find(&document.root, path) else { return };
    let comment = edits.comment_after(&entry.value);
    edits.remove(map, entry);
    keep_comment(entry, map, comment, edits);
    edits.report(entry.mark, format!("{} was removed: {} does not have it", path.join("."), "the newer version"));
}

/// The comment of a removed field stays on a line of its own.
fn keep_comment(entry: &Entry, map: &Node, comment: &str, edits: &mut Edits<'_>) {
    if !comment.is_empty() && !map.flow {
        let start = edits.line_start(entry.span.start);
        let indent = " ".repeat(entry.mark.column - 1);
        let newline = edits.newline();
        edits.put(start..start, format!("{indent}{comment}{newline}"));
    }
}

/// The timeouts that moved from `apiServer` and `discovery` to `timeouts`.
pub(super) fn timeouts(documents: &Documents, edits: &mut Edits<'_>) {
    let control_plane = documents.document(Kind::Cluster).and_then(|document| {
        take(document, &["apiServer", "timeoutForControlPlane"], edits).map(|taken| (document, taken))
    });
    if let Some((_, taken)) = control_plane {
        let line = taken.line("controlPlaneComponentHealthCheck");
        match documents.document(Kind::Init) {
            Some(init) => give(init, &taken, "controlPlaneComponentHealthCheck", edits),
            None => append_init(&line, edits),
        }
        let to = "timeouts.controlPlaneComponentHealthCheck of InitConfiguration";
        edits.report(taken.mark, format!("apiServer.timeoutForControlPlane is now {to}"));
    }
    if let Some(join) = documents.document(Kind::Join)
        && let Some(taken) = take(join, &["discovery", "timeout"], edits)
    {
        give(join, &taken, "discovery", edits);
        edits.report(taken.mark, "discovery.timeout is now timeouts.discovery".into());
    }
}

/// A value that was removed from its old place.
struct Taken {
    mark: Mark,
    value: String,
    comment: String,
}

impl Taken {
    fn line(&self, field: &str) -> String {
        let gap = if self.comment.is_empty() { "" } else { "  " };
        format!("{field}: {}{gap}{}", self.value, self.comment)
    }
}

/// Removes the field at `path` of a document older than v1beta4. None if there is nothing to move: the field is
/// missing, or zero, which means the default in those versions.
fn take(document: &Document, path: &[&str], edits: &mut Edits<'_>) -> Option<Taken> {
    if document.api >= ApiVersion::V1Beta4 {
        return None;
    }
    let (map, entry) = find(&document.root, path)?;
    let is_set = entry.value.text().is_some_and(|text| !duration::parse(text).is_ok_and(|d| d.is_zero()));
    if !is_set {
        drop_field(document, path, edits);
        return None;
    }
    edits.remove(map, entry);
    Some(Taken {
        mark: entry.mark,
        value: edits.one_line(&entry.value),
        comment: edits.comment_after(&entry.value).to_owned(),
    })
}

/// Sets `timeouts.FIELD` of a document.
fn give(document: &Document, taken: &Taken, field: &str, edits: &mut Edits<'_>) {
    let Some(timeouts) = document.root.entry("timeouts").map(|e| &e.value) else {
        let lines = ["timeouts:".to_owned(), format!("  {}", taken.line(field))];
        edits.append(&document.root, &lines, &format!("\"timeouts\": {{\"{field}\": {}}}", taken.value));
        return;
    };
    match timeouts.entry(field) {
        // The old field takes precedence, as when the file is read.
        Some(entry) => edits.put(entry.value.span.clone(), taken.value.clone()),
        None => edits.append(timeouts, &[taken.line(field)], &format!("\"{field}\": {}", taken.value)),
    }
}

/// Adds an `InitConfiguration` without other fields if there is none.
fn append_init(line: &str, edits: &mut Edits<'_>) {
    let newline = edits.newline();
    let gap = if edits.text.ends_with('\n') { "" } else { newline };
    let lines = [
        "---".to_owned(),
        format!("apiVersion: {}", ApiVersion::V1Beta4),
        format!("kind: {}", Kind::Init.name()),
        "timeouts:".to_owned(),
        format!("  {line}"),
    ];
    let end = edits.text.len();
    edits.put(end..end, format!("{gap}{}{newline}", lines.join(newline)));
}

/// Comments out a document of a kind that newer versions do not have.
pub(super) fn comment_out(document: &Document, edits: &mut Edits<'_>) {
    let start = edits.line_start(document.root.span.start);
    let end = edits.line_end(document.root.span.end);
    let lines = edits.slice(start..end);
    let commented: Vec<String> = lines.split('\n').map(|line| format!("# {line}")).collect();
    let what = format!("{} was commented out: the newer version does not have it", document.kind.name());
    edits.replace(start..end, commented.join("\n"), document.mark_of("kind"), what);
}

/// The map that contains the last name of `path`, and its entry there, if both are written out.
fn find<'a>(root: &'a Node, path: &[&str]) -> Option<(&'a Node, &'a Entry)> {
    let (last, parents) = path.split_last()?;
    let mut map = root;
    for name in parents {
        let entry = map.entry(name)?;
        if entry.merged || entry.value.aliased {
            return None;
        }
        map = &entry.value;
    }
    map.entry(last).filter(|entry| !entry.merged).map(|entry| (map, entry))
}
