//! YAML, and JSON, as trees with places.

use super::tree::{Leaf, Node};
use granit_parser::{Event, Parser, Span, StrInput, options};

/// As deep as a document may be.
const DEPTH: usize = 64;

/// The documents; None where they are not YAML.
pub(super) fn parse(text: &str) -> Option<Vec<Node>> {
    let options = options! { emit_comments: false, flow_nesting_limit: DEPTH, block_nesting_limit: DEPTH };
    let mut reader = Reader { text, events: Parser::new_from_str_with_options(text, options) };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Some(documents),
            (Event::DocumentStart(..), _) => {
                let first = reader.next()?;
                documents.push(reader.node(first, 0)?);
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    events: Parser<'a, StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        self.events.next()?.ok()
    }

    fn node(&mut self, (event, span): (Event<'a>, Span), depth: usize) -> Option<Node> {
        if depth > DEPTH {
            return None;
        }
        match event {
            Event::Scalar(text, ..) => Some(Node::Leaf(self.leaf(&span, text.into_owned())?)),
            // What it stands for is masked where it is written.
            Event::Alias(..) => Some(Node::List(Vec::new())),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => return Some(Node::List(items)),
                        event => items.push(self.node(event, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                loop {
                    let key = match self.next()? {
                        (Event::MappingEnd, _) => return Some(Node::Map(entries)),
                        event => self.node(event, depth + 1)?,
                    };
                    let next = self.next()?;
                    let value = self.node(next, depth + 1)?;
                    // No document of ours has a collection as a key.
                    let Node::Leaf(key) = key else { return None };
                    entries.push((key, value));
                }
            }
            _ => None,
        }
    }

    /// A block scalar would reach to the next token; its line breaks at the end stay.
    fn leaf(&self, span: &Span, text: String) -> Option<Leaf> {
        let range = span.byte_range()?;
        let written = self.text.get(range.clone())?.trim_end();
        Some(Leaf { span: range.start..range.start + written.len(), text })
    }
}
