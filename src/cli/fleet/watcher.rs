//! Shows the work on many hosts: as lines that change in place on a terminal, as plain lines, or as one JSON object a line.

use super::log::Log;
use super::screen::Board;
use crate::base::events::Events;
use crate::base::record::Recorder;
use crate::base::sanitize;
use crate::cli::args::global::EventFormat;
use crate::cli::page::Page;
use crate::cli::session::Session;
use crate::fleet::outcome::State;
use crate::fleet::watch::Watch;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// With more hosts, only the beginning and the end of each are lines.
const FEW: usize = 10;

enum Style {
    Board(Board),
    Lines { each_event: bool },
    Json,
    Quiet,
}

/// Shows a run.
pub(super) struct Watcher {
    style: Style,
    events: Events,
    log: Option<Log>,
    recorder: Option<Arc<Recorder>>,
    /// Facts are gathered: only what went wrong is of interest.
    is_survey: bool,
}

impl Watcher {
    pub fn survey(session: &Session, hosts: usize) -> Self {
        Self { is_survey: true, recorder: None, ..Self::new(session, hosts, None) }
    }

    pub fn new(session: &Session, hosts: usize, log: Option<Log>) -> Self {
        session.events.flush();
        let global = &session.global;
        let style = match (global.events, global.quiet) {
            (EventFormat::Json, _) => Style::Json,
            (_, true) => Style::Quiet,
            _ if session.env.stderr_is_terminal => Style::Board(Board::new(hosts)),
            _ => Style::Lines { each_event: hosts <= FEW },
        };
        let recorder = session.page.as_ref().map(Page::recorder);
        Self { style, events: session.events.clone(), log, recorder, is_survey: false }
    }

    /// Clears what changes in place.
    pub fn end(&self) {
        if let Style::Board(board) = &self.style {
            board.end();
        }
    }

    fn json(&self, event: &Value) {
        self.events.error(&format!("{event}\n"));
    }
}

/// The line of an event of a host; None if it is not shown.
fn line(event: &Value) -> Option<String> {
    let text = |field: &str| event[field].as_str().map(sanitize::line).unwrap_or_default();
    let shown = match event["event"].as_str()? {
        "message" => text("text"),
        "warning" => format!("warning: {}", text("text")),
        "waiting" => format!("waiting for {} ({} s): {}", text("what"), event["seconds"].as_u64()?, text("last")),
        _ => return None,
    };
    let phase = text("phase");
    Some(if phase.is_empty() { shown } else { format!("{phase}: {shown}") })
}

impl Watch for Watcher {
    fn event(&self, host: &str, _: u64, event: &Value) {
        if let Some(log) = &self.log {
            log.event(host, event);
        }
        if let Some(recorder) = &self.recorder {
            recorder.host_event(host, event);
        }
        match &self.style {
            Style::Board(board) => board.event(host, event, line(event).filter(|_| event["event"] == "warning")),
            Style::Lines { each_event: true } => {
                if let Some(line) = line(event) {
                    self.events.of_phase(host).message(line);
                }
            }
            Style::Json => {
                let mut named = Map::new();
                named.insert("host".into(), json!(host));
                named.extend(event.as_object().cloned().unwrap_or_default());
                self.json(&Value::Object(named));
            }
            Style::Lines { .. } | Style::Quiet => {}
        }
    }

    fn started(&self, host: &str, what: &str) {
        if let Some(recorder) = &self.recorder {
            recorder.host_started(host);
        }
        match &self.style {
            Style::Board(board) => board.started(host, what),
            Style::Lines { .. } if !self.is_survey => self.events.of_phase(host).message(what),
            Style::Json => self.json(&json!({ "event": "hostStarted", "host": host, "what": what })),
            Style::Lines { .. } | Style::Quiet => {}
        }
    }

    fn ended(&self, host: &str, state: State, why: &str) {
        if let Some(recorder) = &self.recorder {
            recorder.host_ended(host);
        }
        let is_bad = state >= State::Skipped;
        let text = if is_bad && !why.is_empty() { format!("{}: {why}", state.word()) } else { state.word().to_owned() };
        match &self.style {
            Style::Board(board) => board.ended(host, state, (is_bad || !self.is_survey).then_some(text.as_str())),
            Style::Lines { .. } if is_bad || !self.is_survey => self.events.of_phase(host).message(text),
            Style::Json => self.json(&json!({ "event": "hostDone", "host": host, "state": state, "why": why })),
            Style::Lines { .. } | Style::Quiet => {}
        }
    }

    fn message(&self, text: &str) {
        // The other styles report it as an event, which is recorded like all others.
        if let (Style::Board(_) | Style::Json, Some(recorder)) = (&self.style, &self.recorder) {
            recorder.warning(&self.events.masked(text));
        }
        match &self.style {
            Style::Board(board) => board.print(text),
            Style::Json => self.json(&json!({ "event": "message", "phase": "", "text": text })),
            _ => self.events.warning(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_a_host_are_lines_without_what_a_terminal_would_obey() {
        let event = json!({ "event": "message", "phase": "certs/ca", "text": "wrote \u{1b}[2Jx" });
        assert_eq!(line(&event).unwrap(), "certs/ca: wrote  [2Jx");
        assert_eq!(line(&json!({ "event": "phaseDone" })), None);
        assert_eq!(line(&json!({ "event": 5 })), None);
    }
}
