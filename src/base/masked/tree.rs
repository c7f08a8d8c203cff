//! A document as a tree of values that know their places, and which of them are secrets.

use super::names::{is_secret_name, is_secret_text, looks_like_path, may_be_path};
use std::ops::Range;

/// A scalar value or a key.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Its bytes in the text, quotes included.
    pub span: Range<usize>,
    /// What it says.
    pub text: String,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// A scalar value.
    Leaf(Leaf),
    /// A list.
    List(Vec<Node>),
    /// A table, in the order of the text.
    Map(Vec<(Leaf, Node)>),
}

/// The modes of `authorization` in a `KubeletConfiguration`. Elsewhere a value of that name is a header.
const MODES: [&str; 2] = ["Webhook", "AlwaysAllow"];

/// True for the `authorization` of a `KubeletConfiguration`.
fn is_kubelets(name: &str, node: &Node) -> bool {
    let Node::Map(fields) = node else { return false };
    let is_mode =
        |(key, value): &(Leaf, Node)| key.text == "mode" && value.text().is_some_and(|it| MODES.contains(&it));
    name == "authorization" && fields.iter().any(is_mode)
}

impl Node {
    /// Names every leaf, keys too, and whether it is a secret. What is below a secret is one.
    pub fn leaves(&self, is_below_secret: bool, see: &mut dyn FnMut(&Leaf, bool)) {
        match self {
            Self::Leaf(leaf) => {
                let is_switch = matches!(leaf.text.as_str(), "true" | "false" | "");
                see(leaf, (is_below_secret && !is_switch) || is_secret_text(&leaf.text));
            }
            Self::List(items) => items.iter().for_each(|item| item.leaves(is_below_secret, see)),
            Self::Map(entries) => {
                let text =
                    |name: &str| entries.iter().find(|(key, _)| key.text == name).and_then(|(_, node)| node.text());
                let is_secret_object = text("kind") == Some("Secret");
                // As environment variables and arguments are written: {name: X, value: Y}.
                let is_named_secret = text("name").is_some_and(is_secret_name);
                for (key, node) in entries {
                    see(key, is_secret_text(&key.text));
                    let name = key.text.as_str();
                    let is_path = may_be_path(name) && node.text().is_some_and(looks_like_path);
                    let is_secret = (is_secret_name(name) && !is_path && !is_kubelets(name, node))
                        || (is_secret_object && matches!(name, "data" | "stringData"))
                        || (is_named_secret && name == "value");
                    node.leaves(is_below_secret || is_secret, see);
                }
            }
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Leaf(leaf) => Some(&leaf.text),
            Self::List(_) | Self::Map(_) => None,
        }
    }
}
