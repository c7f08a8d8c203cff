//! Progress on a terminal: the lines of the other styles, followed by a status line that is updated in place, and a
//! second one for the last result while waiting.

use crate::base::events::{Event, Lines, Sink};
use crate::base::wrap::wrap;
use crate::report::paint::{Paint, Tone};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::os::fd::AsFd;
use std::time::Duration;

/// Assumed if the terminal does not report its width.
const WIDTH: usize = 80;
/// Narrower terminals wrap lines themselves; there is nothing to gain.
const NARROW: usize = 40;

/// Prints events on a terminal.
pub struct Screen {
    bar: ProgressBar,
    lines: Lines,
    paint: Paint,
    /// The status has two lines.
    waits: bool,
}

const ONE_LINE: &str = "{spinner} {wide_msg}";
const TWO_LINES: &str = "{spinner} {prefix}\n  {wide_msg}";

impl Screen {
    /// A screen on standard error, which must be a terminal.
    pub fn new(paint: Paint) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.enable_steady_tick(Duration::from_millis(100));
        let mut screen = Self { bar, lines: Lines::default(), paint, waits: true };
        screen.show(String::new(), None);
        screen
    }

    /// Shows the current work, and the last result of a wait.
    fn show(&mut self, now: String, seen: Option<&str>) {
        if let Some(seen) = seen {
            self.bar.set_prefix(now);
            self.bar.set_message(seen.to_owned());
        } else {
            self.bar.set_message(now);
        }
        if self.waits != seen.is_some() {
            self.waits = seen.is_some();
            // The templates are constants; if one were wrong, the previous style would do.
            if let Ok(style) = ProgressStyle::with_template(if self.waits { TWO_LINES } else { ONE_LINE }) {
                self.bar.set_style(style);
            }
        }
    }
}

impl Screen {
    fn fitted(&self, text: &str) -> String {
        fitted(text).lines().map(|line| painted(line, self.paint) + "\n").collect()
    }
}

impl Sink for Screen {
    fn event(&mut self, event: &Event) {
        match event {
            Event::PhaseStarted { phase } => self.show(phase.clone(), None),
            Event::Waiting { phase, what, seconds, left, last } => {
                self.show(format!("{phase}: {what}, {seconds}s, {left}s left"), Some(last));
            }
            Event::Progress { phase, what, done, total } => {
                self.show(format!("{phase}: {what} ({done}/{total})"), None);
            }
            Event::PhaseDone { .. } => self.show(String::new(), None),
            Event::Message { .. } | Event::Warning { .. } => {
                for line in self.lines.of(event) {
                    self.bar.println(self.fitted(&line).trim_end());
                }
            }
        }
    }

    fn error(&mut self, text: &str) {
        let text = self.fitted(text);
        self.bar.suspend(|| {
            use std::io::Write;
            // A closed terminal must not stop the work.
            let _ = std::io::stderr().write_all(text.as_bytes());
        });
    }

    fn flush(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The current width of a terminal; None if it is not one, or does not know.
pub fn columns(stream: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}

/// The text in lines of the current width of the terminal.
fn fitted(text: &str) -> String {
    let width = columns(rustix::stdio::stderr()).unwrap_or(WIDTH);
    if width < NARROW { text.to_owned() } else { wrap(text, width, "", "  ") }
}

/// The line with its phase and its first word in their colours.
fn painted(line: &str, paint: Paint) -> String {
    const WORDS: [(&str, Tone); 4] =
        [("error:", Tone::Removed), ("warning:", Tone::Changed), ("caused by:", Tone::Faint), ("help:", Tone::Added)];
    let phase = line.find("] ").filter(|_| line.starts_with('[')).map_or(0, |end| end + 1);
    let (phase, rest) = line.split_at(phase);
    let (space, text) = rest.split_at(rest.len() - rest.trim_start().len());
    let word = WORDS.iter().find_map(|(word, tone)| Some((paint.text(*tone, word), text.strip_prefix(word)?)));
    let (word, text) = word.unwrap_or((String::new(), text));
    let phase = if phase.is_empty() { String::new() } else { paint.text(Tone::Faint, phase) };
    format!("{phase}{space}{word}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_and_first_words_have_colours() {
        let paint = Paint::new(true, None);
        assert_eq!(painted("[a/b] warning: x: y", paint), "\x1b[2m[a/b]\x1b[0m \x1b[33mwarning:\x1b[0m x: y");
        assert_eq!(painted("error: [a] x", paint), "\x1b[31merror:\x1b[0m [a] x");
        for line in ["[a/b] wrote c", "  indented [x] y", "warning: x", "", "[", "é: ü"] {
            assert_eq!(painted(line, Paint::plain()), line);
        }
    }
}
