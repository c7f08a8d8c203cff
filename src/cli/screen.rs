//! Progress on a terminal: the lines of the other styles, followed by a status line that is updated in place, and a
//! second one for the last result while waiting.

use crate::base::events::{Event, Lines, Sink};
use crate::base::wrap::wrap;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Assumed if the terminal does not report its width.
const WIDTH: usize = 80;
/// Narrower terminals wrap lines themselves; there is nothing to gain.
const NARROW: usize = 40;

/// Prints events on a terminal.
pub struct Screen {
    bar: ProgressBar,
    lines: Lines,
    /// The status has two lines.
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
            // A closed terminal must not stop the work.
            let _ = std::io::stderr().write_all(fitted(text).as_bytes());
        });
    }

    fn flush(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The text wrapped to the current width of the terminal; continuation lines are indented.
fn fitted(text: &str) -> String {
    let told = rustix::termios::tcgetwinsize(std::io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    let width = if told == 0 { WIDTH } else { told };
    if width < NARROW { text.to_owned() } else { wrap(text, width, "", "  ") }
}
