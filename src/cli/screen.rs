//! Progress on a terminal: the lines of the other styles, and below them one that moves.

use crate::base::events::{Event, Lines, Sink};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Shows events on a terminal.
pub struct Screen {
    bar: ProgressBar,
    lines: Lines,
}

impl Screen {
    /// A screen on standard error, which must be a terminal.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // The template is fixed; were it wrong, the default style would do.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, lines: Lines::default() }
    }
}

impl Sink for Screen {
    fn event(&mut self, event: &Event) {
        match event {
            Event::PhaseStarted { phase } => self.bar.set_message(phase.clone()),
            Event::Waiting { phase, what, seconds, left, last } => {
                self.bar.set_message(format!("{phase}: waiting for {what}, {seconds}s, {left}s left: {last}"));
            }
            Event::Progress { phase, what, done, total } => {
                self.bar.set_message(format!("{phase}: {what} ({done}/{total})"));
            }
            Event::PhaseDone { .. } => self.bar.set_message(String::new()),
            Event::Message { .. } | Event::Warning { .. } => {
                for line in self.lines.of(event) {
                    self.bar.println(line);
                }
            }
        }
    }

    fn error(&mut self, text: &str) {
        self.bar.suspend(|| {
            use std::io::Write;
            // A terminal that went away must not stop the work.
            let _ = std::io::stderr().write_all(text.as_bytes());
        });
    }

    fn settle(&mut self) {
        self.bar.finish_and_clear();
    }
}
