//! A change in short, as a value.

use super::WIDTH;
use super::difference::INDENT;
use super::paint::{Paint, Tone};
use crate::base::wrap::wrap;

/// One change, or several of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// `create`, `change`; empty for a command.
    pub verb: String,
    /// What is created or changed.
    pub what: String,
    /// What is listed below it, one a line.
    pub names: Vec<String>,
    /// A command to run; `what` says what for.
    pub command: Option<String>,
    /// What is to be said about it, as sentences that are wrapped.
    pub details: Vec<String>,
    /// The same as lines that stay as they are.
    pub notes: Vec<String>,
    /// The lines of a difference.
    pub difference: Vec<String>,
}

impl Row {
    pub fn new(verb: &str, what: impl Into<String>) -> Self {
        Self { verb: verb.into(), what: what.into(), ..Self::default() }
    }

    /// What the verb means.
    pub fn tone(&self) -> Tone {
        match self.verb.as_str() {
            "create" | "pull" => Tone::Added,
            "remove" | "delete" | "evict" | "stop" => Tone::Removed,
            _ => Tone::Changed,
        }
    }

    /// `  create WHAT`, wrapped, with the verb in its colour, and what is below it.
    pub fn text(&self, paint: Paint) -> String {
        let mut text = match &self.command {
            // A command stays on one line, so that it can be copied.
            Some(command) => format!("  {}: {command}\n", self.what),
            None => wrap(&self.what, WIDTH, &format!("  {} ", paint.text(self.tone(), &self.verb)), "      "),
        };
        text.extend(self.names.iter().map(|name| format!("      {name}\n")));
        text.extend(self.details.iter().map(|detail| wrap(detail, WIDTH, INDENT, INDENT)));
        text.extend(self.notes.iter().map(|note| format!("{INDENT}{note}\n")));
        text.extend(self.difference.iter().map(|line| format!("{INDENT}{}\n", paint.difference(line))));
        text
    }
}
