//! What a command says while it works: the only code that prints.
//!
//! One event goes out as a prefixed line (`[certs/ca] …`), as one JSON object a line, or nowhere.
//! Results go to standard output; everything that happens on the way goes to standard error, so
//! that `kubewright … -o json | jq` works. Secrets never enter an event.

use serde::Serialize;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    /// A phase starts.
    PhaseStarted {
        /// Its path: `certs/ca`.
        phase: String,
    },
    /// A phase ended well.
    #[serde(rename_all = "camelCase")]
    PhaseDone {
        /// Its path.
        phase: String,
        /// How many changes it made; 0 when everything was right already.
        changes: usize,
        /// How long it took.
        millis: u64,
    },
    /// Something worth a line.
    Message {
        /// The phase, or empty.
        phase: String,
        /// One line, no secrets.
        text: String,
    },
    /// Something the user should know although the work goes on.
    Warning {
        /// The phase, or empty.
        phase: String,
        /// One line, no secrets.
        text: String,
    },
    /// A wait that has not ended.
    #[serde(rename_all = "camelCase")]
    Waiting {
        /// The phase, or empty.
        phase: String,
        /// What is awaited.
        what: String,
        /// Seconds since the wait began.
        seconds: u64,
        /// Seconds that are left.
        left: u64,
        /// What the last look found.
        last: String,
    },
    /// How far a piece of work is, such as an image that is pulled.
    Progress {
        /// The phase, or empty.
        phase: String,
        /// What is worked on.
        what: String,
        /// Steps done.
        done: u64,
        /// Steps in all.
        total: u64,
    },
}

/// How events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Prefixed lines.
    Lines,
    /// One JSON object a line.
    Json,
    /// Warnings only.
    Quiet,
}

/// Where events go. A [`Sink`] must not fail: a closed pipe ends the output, not the work.
pub trait Sink: Send {
    /// Takes one event.
    fn event(&mut self, event: &Event);
    /// Prints an error as it stands, whatever the style.
    fn error(&mut self, text: &str);
    /// Ends what is unfinished on the screen (a progress bar), before a result or an error is printed.
    fn settle(&mut self) {}
}

/// A handle on the sink; clones share it and the name of the phase that runs.
#[derive(Clone)]
pub struct Events {
    state: Arc<Mutex<State>>,
    /// The phase that all lines carry; None: the one that runs.
    phase: Option<Arc<str>>,
}

struct State {
    phase: String,
    sink: Box<dyn Sink>,
    /// Only warnings pass: what is said of work that is not done would not be true.
    hushed: bool,
}

impl Events {
    /// Sends events to `sink`.
    pub fn new(sink: Box<dyn Sink>) -> Self {
        Self { state: Arc::new(Mutex::new(State { phase: String::new(), sink, hushed: false })), phase: None }
    }

    /// Writes events to `out` in the given style.
    pub fn to_writer(out: Box<dyn Write + Send>, style: Style) -> Self {
        Self::new(Box::new(Printer { out, style, lines: Lines::default() }))
    }

    /// Drops every event.
    pub fn silent() -> Self {
        Self::new(Box::new(Nowhere))
    }

    /// The same events for work that goes on in the background: its lines carry `phase`, whatever runs.
    #[must_use]
    pub fn of_phase(&self, phase: &str) -> Self {
        Self { phase: Some(phase.into()), ..self.clone() }
    }

    /// From now on only warnings pass. For dry runs, whose plan says everything.
    pub fn hush(&self) {
        self.state().hushed = true;
    }

    /// A phase starts: later lines carry its path.
    pub fn phase_started(&self, phase: &str) {
        let mut state = self.state();
        phase.clone_into(&mut state.phase);
        if !state.hushed {
            state.sink.event(&Event::PhaseStarted { phase: phase.into() });
        }
    }

    /// The running phase ended well; later lines carry no path.
    pub fn phase_done(&self, changes: usize, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.emit(|phase| Event::PhaseDone { phase, changes, millis });
        self.state().phase.clear();
    }

    /// Something worth a line.
    pub fn message(&self, text: impl Into<String>) {
        let text = text.into();
        self.emit(|phase| Event::Message { phase, text });
    }

    /// Something the user should know.
    pub fn warning(&self, text: impl Into<String>) {
        let text = text.into();
        self.emit(|phase| Event::Warning { phase, text });
    }

    /// A wait that has not ended.
    pub fn waiting(&self, what: &str, elapsed: Duration, limit: Duration, last: &str) {
        self.emit(|phase| Event::Waiting {
            phase,
            what: what.into(),
            seconds: elapsed.as_secs(),
            left: limit.saturating_sub(elapsed).as_secs(),
            last: last.into(),
        });
    }

    /// How far a piece of work is.
    pub fn progress(&self, what: &str, done: u64, total: u64) {
        self.emit(|phase| Event::Progress { phase, what: what.into(), done, total });
    }

    /// The last word of a command that failed.
    pub fn error(&self, text: &str) {
        self.state().sink.error(text);
    }

    /// Ends what is unfinished on the screen.
    pub fn settle(&self) {
        self.state().sink.settle();
    }

    fn emit(&self, make: impl FnOnce(String) -> Event) {
        let mut state = self.state();
        let event = make(self.phase.as_deref().unwrap_or(&state.phase).to_owned());
        if !state.hushed || matches!(event, Event::Warning { .. }) {
            state.sink.event(&event);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Nowhere;
impl Sink for Nowhere {
    fn event(&mut self, _: &Event) {}
    fn error(&mut self, _: &str) {}
}

/// Between two lines about one wait: a line each 20 ms would bury the rest.
const HEARTBEAT: u64 = 5;

/// Turns events into prefixed lines, and keeps a wait from filling the screen.
#[derive(Default)]
pub struct Lines {
    /// The wait last told of, and the second at which it was.
    waiting: Option<(String, u64)>,
}

impl Lines {
    /// The lines of an event; none for what is not worth one.
    pub fn of(&mut self, event: &Event) -> Vec<String> {
        let (phase, text) = match event {
            Event::Warning { phase, text } => (phase, format!("warning: {text}")),
            Event::Message { phase, text } => (phase, text.clone()),
            Event::Waiting { phase, what, seconds, left, last } if self.is_due(what, *seconds) => {
                (phase, format!("waiting for {what} ({seconds}s, {left}s left): {last}"))
            }
            Event::Progress { phase, what, done, total } => (phase, format!("{what} ({done}/{total})")),
            Event::PhaseStarted { .. } => {
                self.waiting = None;
                return Vec::new();
            }
            Event::Waiting { .. } | Event::PhaseDone { .. } => return Vec::new(),
        };
        let prefix = if phase.is_empty() { String::new() } else { format!("[{phase}] ") };
        text.lines().map(|line| format!("{prefix}{line}")).collect()
    }

    /// True when this wait is new or its last line is a heartbeat ago.
    fn is_due(&mut self, what: &str, seconds: u64) -> bool {
        let due = match &self.waiting {
            Some((last_what, last)) => last_what != what || seconds >= last + HEARTBEAT,
            None => seconds >= 1,
        };
        if due {
            self.waiting = Some((what.to_owned(), seconds));
        }
        due
    }
}

struct Printer {
    out: Box<dyn Write + Send>,
    style: Style,
    lines: Lines,
}

impl Sink for Printer {
    fn event(&mut self, event: &Event) {
        // A reader that went away must not stop the work: failed writes are let go.
        match (self.style, event) {
            (Style::Json, Event::Waiting { what, seconds, .. }) if !self.lines.is_due(what, *seconds) => {}
            (Style::Json, _) => {
                if let Ok(text) = serde_json::to_string(event) {
                    let _ = writeln!(self.out, "{text}");
                }
            }
            (Style::Quiet, Event::Warning { .. }) | (Style::Lines, _) => {
                for line in self.lines.of(event) {
                    let _ = writeln!(self.out, "{line}");
                }
            }
            (Style::Quiet, _) => {}
        }
    }

    fn error(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);
    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn said(style: Style, say: impl FnOnce(&Events)) -> String {
        let buffer = Buffer::default();
        say(&Events::to_writer(Box::new(buffer.clone()), style));
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_carry_the_phase() {
        let text = said(Style::Lines, |events| {
            events.phase_started("certs/ca");
            events.message("wrote /etc/kubernetes/pki/ca.crt");
            events.phase_done(1, Duration::ZERO);
            events.warning("the clock is wrong");
        });
        assert_eq!(text, "[certs/ca] wrote /etc/kubernetes/pki/ca.crt\nwarning: the clock is wrong\n");
    }

    #[test]
    fn quiet_keeps_warnings() {
        let text = said(Style::Quiet, |events| {
            events.message("a");
            events.warning("b");
        });
        assert_eq!(text, "warning: b\n");
    }

    #[test]
    fn a_wait_is_told_at_a_heartbeat_not_at_every_look() {
        let text = said(Style::Lines, |events| {
            for tenth in 0..100 {
                events.waiting("etcd", Duration::from_millis(tenth * 100), Duration::from_mins(1), "refused");
            }
        });
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn json_is_one_object_a_line() {
        let text = said(Style::Json, |events| events.message("a\nb"));
        assert_eq!(text, "{\"event\":\"message\",\"phase\":\"\",\"text\":\"a\\nb\"}\n");
    }
}
