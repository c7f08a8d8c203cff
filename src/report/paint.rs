//! Colours, for terminals only.

/// What a text means to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Title,
    Added,
    Changed,
    Removed,
    Faint,
}

/// Colours text, or leaves it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// Colours if the output is a terminal and the variable `NO_COLOR` is unset or empty (<https://no-color.org>).
    pub fn new(is_terminal: bool, no_color: Option<&str>) -> Self {
        Self { on: is_terminal && no_color.is_none_or(str::is_empty) }
    }

    pub fn plain() -> Self {
        Self { on: false }
    }

    pub fn is_on(self) -> bool {
        self.on
    }

    /// The text in the colour of its tone.
    pub fn text(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Title => "1",
            Tone::Added => "32",
            Tone::Changed => "33",
            Tone::Removed => "31",
            Tone::Faint => "2",
        };
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A line of a difference in the colour of its first character.
    pub fn difference(self, line: &str) -> String {
        match line.chars().next() {
            Some('+') => self.text(Tone::Added, line),
            Some('-') => self.text(Tone::Removed, line),
            Some('@') => self.text(Tone::Faint, line),
            _ => line.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_and_for_users_who_want_them() {
        assert_eq!(Paint::new(true, None).text(Tone::Added, "x"), "\x1b[32mx\x1b[0m");
        assert_eq!(Paint::new(true, Some("")).difference("-x"), "\x1b[31m-x\x1b[0m");
        for paint in [Paint::new(true, Some("1")), Paint::new(false, None), Paint::plain()] {
            assert_eq!(paint.text(Tone::Removed, "x") + &paint.difference("+x"), "x+x");
        }
    }
}
