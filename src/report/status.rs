//! The state of a cluster as one screen: what is wrong first, then one line for each part.

pub(super) mod part;
pub(super) mod parts;

use super::paint::{Paint, Tone};
use crate::base::wrap::wrap;
use crate::state::status::{Cause, Severity, Status};
use part::Part;

/// The width of labels.
const LABEL: usize = 16;
/// In narrower windows a label has a line of its own.
const NARROW: usize = 60;
/// As many further causes are listed.
const MOST: usize = 6;

/// The whole screen, in lines of at most `width` columns.
pub fn text(status: &Status, width: usize, paint: Paint) -> String {
    let screen = Screen { width, paint };
    let mut text = screen.verdict(status);
    text += "\n";
    for part in parts::all(status) {
        text += &screen.part(&part);
    }
    text
}

/// What is wrong, first the cause with what to do; a line that says so if nothing is.
pub fn causes(status: &Status, width: usize, paint: Paint) -> String {
    Screen { width, paint }.verdict(status)
}

struct Screen {
    width: usize,
    paint: Paint,
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Ok => Tone::Added,
        Severity::Note => Tone::Title,
        Severity::Warning => Tone::Changed,
        Severity::Critical => Tone::Removed,
    }
}

pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "OK",
        Severity::Note => "NOTE",
        Severity::Warning => "WARNING",
        Severity::Critical => "CRITICAL",
    }
}

/// What is said if no cause was found.
pub(super) fn fine(status: &Status) -> String {
    let limit = if status.view.unknown.is_empty() { "" } else { ", as far as can be seen from here" };
    format!("nothing is wrong{limit}")
}

impl Screen {
    /// The first cause with what to do, then the others.
    fn verdict(&self, status: &Status) -> String {
        let Some((first, others)) = status.causes.split_first() else {
            return self.line(Severity::Ok, &fine(status));
        };
        let mut text = self.line(first.severity, &first.what);
        text += &self.labelled("why", Tone::Faint, &first.why);
        text += &self.labelled("next", Tone::Title, &first.next);
        if others.is_empty() {
            return text;
        }
        text += "\nalso\n";
        for cause in others.iter().take(MOST) {
            text += &self.other(cause);
        }
        if let more @ 1.. = others.len().saturating_sub(MOST) {
            text += &wrap(&format!("and {more} more: run 'kubewright status -o json'"), self.width, "  ", "  ");
        }
        text
    }

    fn line(&self, severity: Severity, text: &str) -> String {
        let first = format!("{}: ", self.paint.text(tone(severity), word(severity)));
        wrap(text, self.width, &first, "  ")
    }

    fn other(&self, cause: &Cause) -> String {
        let first = format!("  {}: ", self.paint.text(tone(cause.severity), word(cause.severity)));
        wrap(&cause.what, self.width, &first, "    ") + &wrap(&cause.next, self.width, "    next: ", "    ")
    }

    fn labelled(&self, label: &str, tone: Tone, text: &str) -> String {
        wrap(text, self.width, &format!("  {}: ", self.paint.text(tone, label)), "    ")
    }

    fn part(&self, part: &Part) -> String {
        let tone = if part.severity == Severity::Ok { Tone::Faint } else { tone(part.severity) };
        let label = self.paint.text(tone, part.label);
        let indent = if self.width < NARROW { "  ".to_owned() } else { " ".repeat(LABEL) };
        let mut text = String::new();
        if self.width < NARROW {
            text += &format!("{label}\n");
        }
        for (number, line) in part.lines.iter().enumerate() {
            let pad = " ".repeat(LABEL.saturating_sub(part.label.len()));
            let first = if number == 0 && self.width >= NARROW { format!("{label}{pad}") } else { indent.clone() };
            text += &wrap(line, self.width, &first, &format!("{indent}  "));
        }
        text
    }
}

#[cfg(test)]
mod tests;
