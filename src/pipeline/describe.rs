//! The list of phases as help text and as Markdown.

use super::spec::{PhaseList, PhaseSpec};
use std::fmt::Write;

/// A width that fits every terminal.
const SCREEN: usize = 80;

impl PhaseList {
    /// The list as `--help` shows it: one line per phase, sub-phases indented.
    pub fn help(&self) -> String {
        let rows = self.rows();
        let width = rows.iter().map(|(depth, name, _)| depth * 2 + name.len()).max().unwrap_or(0);
        let mut text = format!("The phases of '{}', in order:\n", self.workflow);
        for (depth, name, short) in rows {
            let label = format!("{}{name}", "  ".repeat(depth));
            for (nth, line) in wrap(&sentence(&short), SCREEN.saturating_sub(width + 4)).iter().enumerate() {
                let _ = writeln!(text, "  {:width$}  {line}", if nth == 0 { label.as_str() } else { "" });
            }
        }
        text
    }

    /// The list as a table for `docs/phases.md`.
    pub fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n| phase | what it does |\n|---|---|\n", self.workflow);
        for (depth, name, short) in self.rows() {
            let name = name.trim_start_matches('/');
            let label = if depth == 0 { format!("**{name}**") } else { format!("{}{name}", "&emsp;".repeat(depth)) };
            let _ = writeln!(text, "| {label} | {} |", sentence(&short));
        }
        text
    }

    /// Depth, name and line of each phase that can be run separately.
    fn rows(&self) -> Vec<(usize, String, String)> {
        fn add(phases: &[PhaseSpec], depth: usize, rows: &mut Vec<(usize, String, String)>) {
            for phase in phases.iter().filter(|phase| !phase.hidden) {
                let slash = if depth > 0 { "/" } else { "" };
                let mut short = phase.short.clone();
                if !phase.after.is_empty() {
                    short += &format!("; on a new host right after {}", phase.after.join(" and "));
                }
                rows.push((depth, format!("{slash}{}", phase.name), short));
                for item in &phase.items {
                    rows.push((depth + 1, format!("/{}", item.name), item.short.into()));
                }
                add(&phase.phases, depth + 1, rows);
            }
        }
        let mut rows = Vec::new();
        add(&self.phases, 0, &mut rows);
        rows
    }
}

/// A short description with a capital first letter.
pub fn sentence(short: &str) -> String {
    let mut letters = short.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The words of `text` in lines of at most `width` characters; a longer word gets its own line.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("extraordinary", 3), ["extraordinary"]);
        assert_eq!(sentence("the CA of etcd"), "The CA of etcd");
    }
}
