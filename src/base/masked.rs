//! Documents as they may be shown in plans, differences and logs: the secrets in them are `***`.
//!
//! A document is parsed, so that quotes, dotted keys, inline tables and lists over several lines hide nothing. What cannot be
//! parsed is not shown at all.

mod names;
mod text;
mod toml;
mod tree;
mod yaml;

use names::{is_secret_text, is_secret_word};
use std::path::Path;

pub use text::{foreign, sentence, without};

/// So short a secret may stand in other words by chance.
const MEANINGFUL: usize = 6;

/// How the content of a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// YAML, and JSON, which is YAML too.
    Yaml,
    /// Words in lines, as in /etc/fstab.
    Words,
}

impl Format {
    /// The format of a file, by its name, or else by what it says.
    pub fn of(path: &Path, text: &str) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => Self::Toml,
            Some("yaml" | "yml" | "json") => Self::Yaml,
            _ if toml::parse(text).is_some() => Self::Toml,
            _ => Self::Words,
        }
    }
}

/// The text with its secrets masked.
pub fn mask(text: &str, format: Format) -> String {
    let documents = match format {
        Format::Toml => toml::parse(text),
        Format::Yaml => yaml::parse(text),
        Format::Words => return text.split_inclusive('\n').map(words).collect(),
    };
    let Some(documents) = documents else {
        return format!("({} bytes that cannot be parsed, not shown)\n", text.len());
    };
    let (mut pieces, mut secrets) = (Vec::new(), Vec::new());
    for document in &documents {
        document.leaves(false, &mut |leaf, is_secret| {
            pieces.push((leaf.span.clone(), is_secret));
            secrets.extend((is_secret && leaf.text.len() >= MEANINGFUL).then(|| leaf.text.clone()));
        });
    }
    pieces.sort_by_key(|(span, _)| (span.start, span.end));
    let (mut shown, mut place) = (String::new(), 0);
    for (span, is_secret) in pieces {
        if span.start < place {
            continue;
        }
        shown += &comments(text.get(place..span.start).unwrap_or_default());
        shown += if is_secret { "***" } else { text.get(span.clone()).unwrap_or("***") };
        place = span.end;
    }
    shown += &comments(text.get(place..).unwrap_or_default());
    // The same text may stand where it is not known as a secret: in the name of a table, in a comment.
    if secrets.iter().any(|secret| shown.contains(secret)) {
        return format!("({} bytes, not shown)\n", text.len());
    }
    shown
}

/// What stands between values. A comment may hold a setting of former days.
fn comments(text: &str) -> String {
    let mask = |line: &str| match line.split_once('#') {
        Some((before, comment)) if comment.split_whitespace().any(is_secret_word) || is_secret_text(comment) => {
            format!("{before}# ***{}", if line.ends_with('\n') { "\n" } else { "" })
        }
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(mask).collect()
}

/// A line of words and options, separated by blanks and commas.
fn words(line: &str) -> String {
    let mut shown = String::new();
    for word in line.split_inclusive([' ', '\t', ',', '\n']) {
        let bare = word.trim_end_matches([' ', '\t', ',', '\n']);
        let rest = word.get(bare.len()..).unwrap_or_default();
        match bare.split_once('=') {
            Some((name, _)) if is_secret_text(bare) => shown += &format!("{name}=***{rest}"),
            _ if is_secret_text(bare) => shown += &format!("***{rest}"),
            _ => shown += word,
        }
    }
    shown
}

#[cfg(test)]
mod tests;
