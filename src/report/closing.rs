//! The closing text of a command: its result, and the next steps.

use super::WIDTH;
use crate::base::wrap::wrap;
use crate::pipeline::run::Summary;

/// The closing text in parts, in order.
#[derive(Default)]
pub struct Closing(Vec<Part>);

enum Part {
    Sentence(String),
    /// A sentence with an empty line before it.
    Paragraph(String),
    /// What a command is for, and the command.
    Step(String, String),
}

impl Closing {
    /// A closing text that starts with the result, a sentence.
    pub fn new(result: impl Into<String>) -> Self {
        Self(vec![Part::Sentence(result.into())])
    }

    /// The result of a command with phases: what changed, and what was skipped because of --rootfs.
    pub fn of_run(summary: &Summary) -> Self {
        Self::new(match summary.changes {
            0 => "Already up to date; nothing changed.".to_owned(),
            number => format!("Done: {}.", count(number, "change")),
        })
        .skipped(summary)
    }

    /// Adds the phases that were skipped because of --rootfs.
    #[must_use]
    pub fn skipped(self, summary: &Summary) -> Self {
        if summary.left_for_host.is_empty() {
            return self;
        }
        let left = summary.left_for_host.join(", ");
        self.sentence(format!("Skipped because of --rootfs (they need a running host): {left}."))
    }

    #[must_use]
    pub fn sentence(self, text: impl Into<String>) -> Self {
        self.with(Part::Sentence(text.into()))
    }

    #[must_use]
    pub fn paragraph(self, text: impl Into<String>) -> Self {
        self.with(Part::Paragraph(text.into()))
    }

    /// Adds a next step: what it is for, and the command.
    #[must_use]
    pub fn step(self, purpose: impl Into<String>, command: impl Into<String>) -> Self {
        self.with(Part::Step(purpose.into(), command.into()))
    }

    fn with(mut self, part: Part) -> Self {
        self.0.push(part);
        self
    }

    /// The text: sentences wrapped, each command on lines of its own.
    pub fn text(&self) -> String {
        let part = |part: &Part| match part {
            Part::Sentence(text) => wrap(text, WIDTH, "", ""),
            Part::Paragraph(text) => format!("\n{}", wrap(text, WIDTH, "", "")),
            Part::Step(purpose, command) => {
                let command: String = command.lines().map(|line| format!("    {line}\n")).collect();
                format!("\n{}{command}", wrap(&format!("{purpose}:"), WIDTH, "", ""))
            }
        };
        let text: String = self.0.iter().map(part).collect();
        text.trim_start_matches('\n').to_owned()
    }
}

/// `1 change`, `2 changes`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_wrapped_and_commands_are_not() {
        let command = format!("kubewright join {}", "x".repeat(90));
        let summary = Summary { phases: 2, changes: 1, left_for_host: vec!["addon/coredns".into(); 6] };
        let text = Closing::of_run(&summary).step("To join a worker", &command).text();
        assert!(
            text.starts_with("Done: 1 change.\nSkipped because of --rootfs (they need a running host): addon"),
            "{text}"
        );
        assert!(text.ends_with(&format!("\n\nTo join a worker:\n    {command}\n")), "{text}");
        assert!(text.lines().all(|line| line.len() <= WIDTH || line.trim() == command), "{text}");
        assert_eq!(Closing::of_run(&Summary::default()).text(), "Already up to date; nothing changed.\n");
    }
}
