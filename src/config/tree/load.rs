//! Builds the tree from the parser's events, with limits against files designed to exhaust memory.

use super::defects::decode;
use super::node::{Entry, Mark, Node, Value};
use super::scalar::typed;
use crate::config::problem::Complaint;
use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle, Tag, options};
use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;

/// The largest file that is read: the API server does not accept requests above 3 MiB either.
pub const MAX_BYTES: usize = 3 * 1024 * 1024;

/// The maximum number of values in a file, counted after expanding aliases and including the copies kept for anchors.
/// Real files have hundreds.
const MAX_NODES: usize = 100_000;

/// Text counts as one more value for each this many bytes: an alias of a long text copies it.
const BYTES_OF_A_VALUE: usize = 64;

/// The maximum nesting, counted after expanding aliases. Real files have about ten levels.
const MAX_DEPTH: usize = 64;

/// A file's documents and its YAML errors.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The documents up to the first that cannot be parsed, without empty ones.
    pub documents: Vec<Node>,
    /// Duplicate keys and the like, and finally the error that stopped parsing.
    pub defects: Vec<(Mark, String, Complaint)>,
    /// True if the rest of the file could not be parsed.
    pub stopped: bool,
}

/// Parses the documents in `bytes`. Never panics on any input.
pub fn load(bytes: &[u8]) -> Loaded {
    let mut loaded = Loaded::default();
    let text = match decode(bytes) {
        Ok(text) => text,
        Err((mark, complaint)) => {
            loaded.defects.push((mark, String::new(), complaint));
            loaded.stopped = true;
            return loaded;
        }
    };
    let options = options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder {
        text,
        events: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        nodes: 0,
        path: String::new(),
        defects: Vec::new(),
    };
    loop {
        match builder.document() {
            Ok(Some(node)) if node.value == Value::Null => {}
            Ok(Some(node)) => loaded.documents.push(node),
            Ok(None) => break,
            Err(Stop(mark, complaint)) => {
                let path = std::mem::take(&mut builder.path);
                builder.defects.push((mark, path, complaint));
                loaded.stopped = true;
                break;
            }
        }
    }
    loaded.defects = builder.defects;
    loaded
}

/// Why parsing stopped, and where.
struct Stop(Mark, Complaint);

struct Anchored {
    node: Node,
    size: usize,
    depth: usize,
}

struct Builder<'a> {
    text: &'a str,
    events: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    /// The path of the current field, for messages.
    path: String,
    defects: Vec<(Mark, String, Complaint)>,
}

impl<'a> Builder<'a> {
    /// The next document; None at the end of the stream.
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        loop {
            match self.next()? {
                Some((Event::DocumentStart(..), _)) => {
                    self.anchors.clear();
                    self.path.clear();
                    let first = self.next()?;
                    return self.node(first, 0).map(|(node, ..)| Some(node));
                }
                Some((Event::StreamEnd, _)) | None => return Ok(None),
                Some(_) => {}
            }
        }
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Stop> {
        self.events.next().transpose().map_err(|error: ScanError| Stop(mark(*error.marker()), explain(&error)))
    }

    /// The node that starts with `event`, its number of values and its depth.
    fn node(&mut self, event: Option<(Event<'a>, Span)>, depth: usize) -> Result<(Node, usize, usize), Stop> {
        let Some((event, span)) = event else {
            return Err(Stop(Mark::START, Complaint::new("unexpected end of file in a value")));
        };
        let here = mark(span.start);
        if depth > MAX_DEPTH {
            return Err(Stop(here, Complaint::new(format!("values are nested more than {MAX_DEPTH} levels deep"))));
        }
        self.count(1, here)?;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let more = text.len() / BYTES_OF_A_VALUE;
                self.count(more, here)?;
                let value = self.scalar(text.into_owned(), style, tag.as_deref(), here);
                let flow = style != ScalarStyle::Plain;
                let node = Node { value, mark: here, span: self.trimmed(&span), flow, aliased: false };
                self.remember(anchor, &node, 1 + more, 0)?;
                Ok((node, 1 + more, 0))
            }
            Event::SequenceStart(style, anchor, _) => {
                let (items, size, inner, end) = self.items(depth)?;
                let flow = style == StructureStyle::Flow;
                let node = collection(Value::List(items), here, &span, flow, &end);
                self.remember(anchor, &node, size, inner)?;
                Ok((node, size, inner))
            }
            Event::MappingStart(style, anchor, _) => {
                let (entries, size, inner, end) = self.entries(depth)?;
                let flow = style == StructureStyle::Flow;
                let node = collection(Value::Map(entries), here, &span, flow, &end);
                self.remember(anchor, &node, size, inner)?;
                Ok((node, size, inner))
            }
            Event::Alias(id) => self.alias(id, here, &span, depth),
            _ => Err(Stop(here, Complaint::new("expected a value"))),
        }
    }

    fn items(&mut self, depth: usize) -> Result<(Vec<Node>, usize, usize, Span), Stop> {
        let (mut items, mut size, mut inner) = (Vec::new(), 1, 1);
        loop {
            let event = self.next()?;
            if let Some((Event::SequenceEnd, span)) = event {
                return Ok((items, size, inner, span));
            }
            let parent = self.path.len();
            // Writing to a String cannot fail.
            let _ = write!(self.path, "[{}]", items.len());
            let (node, node_size, node_depth) = self.node(event, depth + 1)?;
            self.path.truncate(parent);
            size += node_size;
            inner = inner.max(node_depth + 1);
            items.push(node);
        }
    }

    fn entries(&mut self, depth: usize) -> Result<(Vec<Entry>, usize, usize, Span), Stop> {
        let (mut entries, mut merges, mut size, mut inner) = (Vec::new(), Vec::new(), 1, 1);
        let mut lines = HashMap::new();
        loop {
            let event = self.next()?;
            if let Some((Event::MappingEnd, span)) = event {
                for merge in merges {
                    self.merge(&mut entries, merge);
                }
                return Ok((entries, size, inner, span));
            }
            let (key, key_size, _) = self.node(event, depth + 1)?;
            let parent = self.path.len();
            let is_merge = !key.flow && key.text() == Some("<<");
            let name = self.key_text(&key);
            if !is_merge && let Some(name) = &name {
                if parent > 0 {
                    self.path.push('.');
                }
                self.path.push_str(name);
            }
            let event = self.next()?;
            let (value, value_size, value_depth) = self.node(event, depth + 1)?;
            size += key_size + value_size;
            inner = inner.max(value_depth + 1);
            if is_merge {
                merges.push(value);
            } else if let Some(name) = name {
                if let Some(first) = lines.get(&name) {
                    let what = format!("is set twice: first on line {first}, again on line {}", key.mark.line);
                    let complaint = Complaint::with_help(what, "remove one of the two");
                    self.defects.push((key.mark, self.path.clone(), complaint));
                } else {
                    lines.insert(name.clone(), key.mark.line);
                    entries.push(Entry { key: name, mark: key.mark, span: key.span, merged: false, value });
                }
            }
            self.path.truncate(parent);
        }
    }

    /// A key in the spelling of Go's conversion to JSON.
    fn key_text(&mut self, key: &Node) -> Option<String> {
        match &key.value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(b) => Some(b.to_string()),
            Value::Int(n) => Some(n.to_string()),
            Value::Float(f) => Some(f.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => {
                let what = format!("{} cannot be a key", key.describe());
                self.defects.push((key.mark, self.path.clone(), Complaint::new(what)));
                None
            }
        }
    }

    /// Adds the entries of `<<: *name`; existing keys take precedence.
    fn merge(&mut self, entries: &mut Vec<Entry>, from: Node) {
        match from.value {
            Value::Map(merged) => {
                for entry in merged {
                    if !entries.iter().any(|e| e.key == entry.key) {
                        entries.push(Entry { merged: true, ..entry });
                    }
                }
            }
            Value::List(items) if items.iter().all(|item| matches!(item.value, Value::Map(_))) => {
                for item in items {
                    self.merge(entries, item);
                }
            }
            _ => {
                let what = format!("'<<' takes a map or a list of maps, not {}", from.describe());
                self.defects.push((from.mark, self.path.clone(), Complaint::new(what)));
            }
        }
    }

    fn alias(&mut self, id: usize, here: Mark, span: &Span, depth: usize) -> Result<(Node, usize, usize), Stop> {
        let Some(found) = self.anchors.get(&id) else {
            return Err(Stop(here, Complaint::new("the alias refers to a value that contains it")));
        };
        let (size, inner) = (found.size, found.depth);
        if depth + inner > MAX_DEPTH {
            return Err(Stop(here, Complaint::new(format!("aliases are nested more than {MAX_DEPTH} levels deep"))));
        }
        self.nodes = within_budget(self.nodes, size, here)?;
        let node = Node { mark: here, span: bytes(span), aliased: true, ..found.node.clone() };
        Ok((node, size, inner))
    }

    fn remember(&mut self, anchor: usize, node: &Node, size: usize, depth: usize) -> Result<(), Stop> {
        if anchor != 0 {
            self.count(size, node.mark)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), size, depth });
        }
        Ok(())
    }

    fn count(&mut self, size: usize, here: Mark) -> Result<(), Stop> {
        self.nodes = within_budget(self.nodes, size, here)?;
        Ok(())
    }

    /// The bytes of a scalar. Those of a block scalar would reach to the next token.
    fn trimmed(&self, span: &Span) -> Range<usize> {
        let range = bytes(span);
        let length = self.text.get(range.clone()).map_or(range.len(), |written| written.trim_end().len());
        range.start..range.start + length
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, tag: Option<&Tag>, here: Mark) -> Value {
        let bare = match tag.and_then(Tag::core_suffix) {
            Some("str" | "binary") => false,
            Some("bool" | "int" | "float" | "null") => true,
            _ => style == ScalarStyle::Plain,
        };
        if !bare {
            return Value::Text(text);
        }
        typed(&text).unwrap_or_else(|| {
            let complaint = Complaint::new("this number is out of range for any field");
            self.defects.push((here, self.path.clone(), complaint));
            Value::Null
        })
    }
}

/// The number of values after adding `more`, unless it exceeds the limit.
fn within_budget(nodes: usize, more: usize, here: Mark) -> Result<usize, Stop> {
    let nodes = nodes.saturating_add(more);
    if nodes > MAX_NODES {
        let what = format!("the file has more than {MAX_NODES} values after expanding aliases");
        return Err(Stop(here, Complaint::with_help(what, "check the path")));
    }
    Ok(nodes)
}

fn collection(value: Value, here: Mark, start: &Span, flow: bool, end: &Span) -> Node {
    let begin = bytes(start).start;
    let last = match &value {
        Value::List(items) => items.last(),
        Value::Map(entries) => entries.iter().rfind(|e| !e.merged).map(|e| &e.value),
        _ => None,
    };
    // The end event of a block collection is at the next token; its own text ends with its last value.
    let end = match last {
        Some(last) if !flow => last.span.end,
        _ => bytes(end).end,
    };
    Node { value, mark: here, span: begin..end.max(begin), flow, aliased: false }
}

fn bytes(span: &Span) -> Range<usize> {
    span.byte_range().unwrap_or_default()
}

fn mark(marker: Marker) -> Mark {
    Mark { line: marker.line().max(1), column: marker.col() + 1 }
}

/// The parser's error, with help for the most common mistakes.
fn explain(error: &ScanError) -> Complaint {
    use granit_parser::ErrorKind as Kind;
    let what = format!("invalid YAML: {}", error.kind());
    match error.kind() {
        Kind::TabInBlockIndentation | Kind::TabInIndentation | Kind::TabNotAllowed => {
            Complaint::with_help(what, "indent with spaces")
        }
        Kind::RecursionLimitExceeded => Complaint::new(format!("values are nested more than {MAX_DEPTH} levels deep")),
        Kind::UnknownAnchor => Complaint::with_help(what, "define the anchor '&name' before using '*name'"),
        Kind::UnclosedQuotedScalar => Complaint::with_help(what, "close the quote"),
        Kind::UnclosedFlowCollection { .. }
        | Kind::UnexpectedEofFlowSequence
        | Kind::UnexpectedEofFlowMapping
        | Kind::UnexpectedEofImplicitFlowMapping => Complaint::with_help(what, "close the bracket"),
        Kind::MappingValueNotAllowed | Kind::InvalidIndentation | Kind::ExpectedBlockMappingKey => {
            Complaint::with_help(what, "check the indentation of this line and the one before")
        }
        _ => Complaint::new(what),
    }
}
