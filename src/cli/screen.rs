//! Progress on a terminal: the lines of the other styles, and below them one that moves. A wait has a second one, for
//! what it saw last.

use crate::base::events::{Event, Lines, Sink};
use crate::base::folded::folded;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Of a terminal that does not tell how wide it is.
const WIDTH: usize = 80;
/// Below this, lines are broken by the terminal: there is nothing to gain any more.
const NARROW: usize = 40;

/// Shows events on a terminal.
pub struct Screen {
    bar: ProgressBar,
    lines: Lines,
    /// The moving part has two lines.
    waits: bool,
}

const ONE_LINE: &str = "{spinner} {wide_msg}";
const TWO_LINES: &str = "{spinner} {prefix}\n  {wide_msg}";

impl Screen {
    /// A screen on standard error, which must be a terminal.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.enable_steady_tick(Duration::from_millis(100));
        let mut screen = Self { bar, lines: Lines::default(), waits: true };
        screen.show(String::new(), None);
        screen
    }

    /// Shows what is done now, and what a wait saw last.
    fn show(&mut self, now: String, seen: Option<&str>) {
        if let Some(seen) = seen {
            self.bar.set_prefix(now);
            self.bar.set_message(seen.to_owned());
        } else {
            self.bar.set_message(now);
        }
        if self.waits != seen.is_some() {
            self.waits = seen.is_some();
            // The templates are fixed; were one wrong, the style there is would do.
            if let Ok(style) = ProgressStyle::with_template(if self.waits { TWO_LINES } else { ONE_LINE }) {
                self.bar.set_style(style);
            }
        }
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
                    self.bar.println(fitted(&line).trim_end());
                }
            }
        }
    }

    fn error(&mut self, text: &str) {
        self.bar.suspend(|| {
            use std::io::Write;
            // A terminal that went away must not stop the work.
            let _ = std::io::stderr().write_all(fitted(text).as_bytes());
        });
    }

    fn settle(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The text in lines that fit the terminal as it is now; what belongs to a line above is indented.
fn fitted(text: &str) -> String {
    let told = rustix::termios::tcgetwinsize(std::io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    let width = if told == 0 { WIDTH } else { told };
    if width < NARROW { text.to_owned() } else { folded(text, width, "", "  ") }
}
