//! Progress output of a command.
//!
//! Each event is printed as a prefixed line (`[certs/ca] …`), as one JSON object per line, or not at all. Results go to
//! standard output and everything else to standard error, so that `kubewright … -o json | jq` works. Events never
//! contain secrets: what looks like one, or is known as one, is masked.

use super::masked;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A progress event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    /// A phase starts.
    PhaseStarted {
        /// The path of the phase: `certs/ca`.
        phase: String,
    },
    /// A phase completed.
    #[serde(rename_all = "camelCase")]
    PhaseDone {
        phase: String,
        /// The number of changes; 0 if everything was up to date.
        changes: usize,
        millis: u64,
    },
    /// An informational message.
    Message {
        /// Empty outside of phases.
        phase: String,
        /// One line without secrets.
        text: String,
    },
    /// A problem that does not stop the command.
    Warning {
        /// Empty outside of phases.
        phase: String,
        /// One line without secrets.
        text: String,
    },
    /// A wait in progress.
    #[serde(rename_all = "camelCase")]
    Waiting {
        /// Empty outside of phases.
        phase: String,
        what: String,
        /// Seconds since the start.
        seconds: u64,
        /// Seconds until the timeout.
        left: u64,
        /// The last result.
        last: String,
    },
    /// Progress of a task with a known number of steps, such as pulling an image.
    Progress {
        /// Empty outside of phases.
        phase: String,
        what: String,
        done: u64,
        total: u64,
    },
}

/// Output styles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Prefixed lines.
    Lines,
    /// One JSON object a line.
    Json,
    /// Warnings only.
    Quiet,
}

/// The destination of events. A [`Sink`] must not fail: a closed pipe ends the output, not the work.
pub trait Sink: Send {
    fn event(&mut self, event: &Event);
    /// Prints an error unchanged, in any style.
    fn error(&mut self, text: &str);
    /// Clears unfinished output (a progress bar) before a result or an error is printed.
    fn flush(&mut self) {}
}

/// A handle to the sink. Clones share it and the name of the running phase.
#[derive(Clone)]
pub struct Events {
    state: Arc<Mutex<State>>,
    /// The phase that all lines carry; None: the running one.
    phase: Option<Arc<str>>,
}

struct State {
    phase: String,
    sink: Box<dyn Sink>,
    /// Only warnings pass: messages about work that is only planned would be wrong.
    suppressed: bool,
    /// The warnings so far; each is reported once.
    warned: BTreeSet<String>,
    /// Texts that are masked wherever they occur.
    secrets: Vec<String>,
}

impl Events {
    /// Sends events to `sink`.
    pub fn new(sink: Box<dyn Sink>) -> Self {
        let state =
            State { phase: String::new(), sink, suppressed: false, warned: BTreeSet::new(), secrets: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)), phase: None }
    }

    /// Writes events to `out` in the given style.
    pub fn to_writer(out: Box<dyn Write + Send>, style: Style) -> Self {
        Self::new(Box::new(Printer { out, style, lines: Lines::default() }))
    }

    /// Discards every event.
    pub fn silent() -> Self {
        Self::new(Box::new(Nowhere))
    }

    /// From now on events go to a sink that is made of the present one.
    pub fn replace_sink(&self, make: impl FnOnce(Box<dyn Sink>) -> Box<dyn Sink>) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.sink, Box::new(Nowhere));
        state.sink = make(before);
    }

    /// The same events for a background task: its lines carry `phase`, whatever phase is running.
    #[must_use]
    pub fn of_phase(&self, phase: &str) -> Self {
        Self { phase: Some(phase.into()), ..self.clone() }
    }

    /// Masks these texts from now on.
    pub fn hide(&self, secrets: Vec<String>) {
        self.state().secrets = secrets;
    }

    /// The text as it may be printed.
    pub fn masked(&self, text: &str) -> String {
        masked::sentence(&masked::without(text, &self.state().secrets))
    }

    /// From now on only warnings pass. For dry runs, whose plan has all the information.
    pub fn suppress(&self) {
        self.state().suppressed = true;
    }

    /// Starts a phase: later lines carry its path.
    pub fn phase_started(&self, phase: &str) {
        let mut state = self.state();
        phase.clone_into(&mut state.phase);
        if !state.suppressed {
            state.sink.event(&Event::PhaseStarted { phase: phase.into() });
        }
    }

    /// Completes the running phase; later lines carry no path.
    pub fn phase_done(&self, changes: usize, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.emit(|phase| Event::PhaseDone { phase, changes, millis });
        self.state().phase.clear();
    }

    /// Reports an informational message.
    pub fn message(&self, text: impl Into<String>) {
        let text = self.masked(&text.into());
        self.emit(|phase| Event::Message { phase, text });
    }

    /// Reports a problem that does not stop the command. The same warning is reported once in a run, whichever phase
    /// finds it again.
    pub fn warning(&self, text: impl Into<String>) {
        let text = self.masked(&text.into());
        if !self.state().warned.insert(text.clone()) {
            return;
        }
        self.emit(|phase| Event::Warning { phase, text });
    }

    /// Reports a wait in progress.
    pub fn waiting(&self, what: &str, elapsed: Duration, limit: Duration, last: &str) {
        let last = self.masked(last);
        self.emit(|phase| Event::Waiting {
            phase,
            what: what.into(),
            seconds: elapsed.as_secs(),
            left: limit.saturating_sub(elapsed).as_secs(),
            last,
        });
    }

    /// Reports the progress of a task.
    pub fn progress(&self, what: &str, done: u64, total: u64) {
        self.emit(|phase| Event::Progress { phase, what: what.into(), done, total });
    }

    /// Prints the final error of a command, whose parts are [masked](Self::masked).
    pub fn error(&self, text: &str) {
        self.state().sink.error(text);
    }

    /// Clears unfinished output.
    pub fn flush(&self) {
        self.state().sink.flush();
    }

    fn emit(&self, make: impl FnOnce(String) -> Event) {
        let mut state = self.state();
        let event = make(self.phase.as_deref().unwrap_or(&state.phase).to_owned());
        if !state.suppressed || matches!(event, Event::Warning { .. }) {
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

/// Seconds between two lines about the same wait, so that they do not bury other output.
const HEARTBEAT: u64 = 5;

/// Formats events as prefixed lines and limits how often a wait is reported.
#[derive(Default)]
pub struct Lines {
    /// The wait reported last, and the second at which it was.
    waiting: Option<(String, u64)>,
}

impl Lines {
    /// The lines of an event; empty if it is not shown.
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

    /// True if this wait is new, or its last line is old enough.
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
        // A closed pipe must not stop the work: failed writes are ignored.
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

    fn output(style: Style, emit: impl FnOnce(&Events)) -> String {
        let buffer = Buffer::default();
        emit(&Events::to_writer(Box::new(buffer.clone()), style));
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_carry_the_phase() {
        let text = output(Style::Lines, |events| {
            events.phase_started("certs/ca");
            events.message("wrote /etc/kubernetes/pki/ca.crt");
            events.phase_done(1, Duration::ZERO);
            events.warning("the clock is wrong");
        });
        assert_eq!(text, "[certs/ca] wrote /etc/kubernetes/pki/ca.crt\nwarning: the clock is wrong\n");
    }

    #[test]
    fn secrets_are_masked_in_every_event() {
        let text = output(Style::Lines, |events| {
            events.hide(vec!["hunter22".into(), "a".into()]);
            events.message("a http://joe:x@proxy and hunter22");
            events.warning("token abcde1.0123456789abcde1 and hunter22");
            events.waiting("x", Duration::from_secs(9), Duration::from_mins(1), "hunter22");
        });
        let expected = "a http://***@proxy and ***\nwarning: token *** and ***\nwaiting for x (9s, 51s left): ***\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn quiet_keeps_warnings() {
        let text = output(Style::Quiet, |events| {
            events.message("a");
            events.warning("b");
        });
        assert_eq!(text, "warning: b\n");
    }

    #[test]
    fn a_warning_of_several_phases_is_printed_once() {
        let text = output(Style::Lines, |events| {
            events.phase_started("etcd/local");
            events.warning("a~ is not applied");
            events.phase_started("control-plane/apiserver");
            events.of_phase("preflight").warning("a~ is not applied");
            events.warning("b~ is not applied");
        });
        assert_eq!(
            text,
            "[etcd/local] warning: a~ is not applied\n[control-plane/apiserver] warning: b~ is not applied\n"
        );
    }

    #[test]
    fn a_wait_is_reported_at_intervals_not_at_every_poll() {
        let text = output(Style::Lines, |events| {
            for tenth in 0..100 {
                events.waiting("etcd", Duration::from_millis(tenth * 100), Duration::from_mins(1), "refused");
            }
        });
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn json_is_one_object_per_line() {
        let text = output(Style::Json, |events| events.message("a\nb"));
        assert_eq!(text, "{\"event\":\"message\",\"phase\":\"\",\"text\":\"a\\nb\"}\n");
    }
}
