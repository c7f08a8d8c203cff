//! What happened during a run, as values: phases, waits and messages with their times, of this host and of others.
//!
//! Everything is bounded, whatever a host sends. Reads: events. Writes: nothing.

mod track;

pub use track::{Limits, Note, Phase, Track, Waited};

use super::env::Clock;
use super::events::{Event, Events, Sink};
use super::{masked, sanitize};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most hosts that are recorded.
const HOSTS: usize = 1000;

/// Everything so far.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The time since the start.
    pub length: Duration,
    /// The run itself.
    pub own: Track,
    /// Runs on other hosts, in the order in which they started.
    pub hosts: Vec<HostRecord>,
}

/// The run on another host.
#[derive(Clone, Debug, Default)]
pub struct HostRecord {
    pub host: String,
    pub start: Duration,
    /// None while it runs.
    pub end: Option<Duration>,
    pub track: Track,
}

/// Collects events. Shared by the threads of a run.
pub struct Recorder {
    clock: Clock,
    start: Duration,
    record: Mutex<Record>,
}

impl Recorder {
    /// A recorder whose time starts now.
    pub fn new(clock: Clock) -> Arc<Self> {
        let start = clock.monotonic();
        Arc::new(Self { clock, start, record: Mutex::default() })
    }

    /// Records these events from now on; they are printed as before.
    pub fn listen(self: &Arc<Self>, events: &Events) {
        let recorder = Arc::clone(self);
        events.replace_sink(|inner| Box::new(Recording { inner, recorder }));
    }

    /// A warning that is not an event.
    pub fn warning(&self, text: &str) {
        let event = Event::Warning { phase: String::new(), text: text.into() };
        self.record().own.add(self.now(), &event, Limits::OWN);
    }

    /// The work on another host begins.
    pub fn host_started(&self, host: &str) {
        let now = self.now();
        let mut record = self.record();
        if record.hosts.len() < HOSTS {
            record.hosts.push(HostRecord { host: host.into(), start: now, ..HostRecord::default() });
        }
    }

    /// An event of a run on another host, as the host sent it.
    pub fn host_event(&self, host: &str, event: &Value) {
        let Ok(event) = serde_json::from_value::<Event>(event.clone()) else { return };
        let (now, mut record) = (self.now(), self.record());
        if let Some(of_host) = record.hosts.iter_mut().rev().find(|one| one.host == host) {
            of_host.track.add(now, &foreign(event), Limits::HOST);
        }
    }

    pub fn host_ended(&self, host: &str) {
        let (now, mut record) = (self.now(), self.record());
        if let Some(of_host) = record.hosts.iter_mut().rev().find(|one| one.host == host) {
            of_host.end = Some(now);
        }
    }

    /// Everything so far.
    pub fn so_far(&self) -> Record {
        Record { length: self.now(), ..self.record().clone() }
    }

    fn now(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.start)
    }

    fn record(&self) -> std::sync::MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The texts of another host: short, and without what turns or hides them.
fn foreign(event: Event) -> Event {
    let safe = |text: String| masked::sentence(&sanitize::line(&text));
    match event {
        Event::PhaseStarted { phase } => Event::PhaseStarted { phase: safe(phase) },
        Event::PhaseDone { phase, changes, millis } => Event::PhaseDone { phase: safe(phase), changes, millis },
        Event::Message { phase, text } => Event::Message { phase: safe(phase), text: safe(text) },
        Event::Warning { phase, text } => Event::Warning { phase: safe(phase), text: safe(text) },
        Event::Waiting { phase, what, seconds, left, last } => {
            Event::Waiting { phase: safe(phase), what: safe(what), seconds, left, last: safe(last) }
        }
        Event::Progress { phase, what, done, total } => {
            Event::Progress { phase: safe(phase), what: safe(what), done, total }
        }
    }
}

/// A sink that records what passes through it.
struct Recording {
    inner: Box<dyn Sink>,
    recorder: Arc<Recorder>,
}

impl Sink for Recording {
    fn event(&mut self, event: &Event) {
        let now = self.recorder.now();
        self.recorder.record().own.add(now, event, Limits::OWN);
        self.inner.event(event);
    }

    fn error(&mut self, text: &str) {
        self.inner.error(text);
    }

    fn flush(&mut self) {
        self.inner.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_are_recorded_and_printed_as_before() {
        let clock = Clock::fixed(100);
        let recorder = Recorder::new(clock.clone());
        let events = Events::silent();
        recorder.listen(&events);
        events.phase_started("certs/ca");
        clock.sleep(Duration::from_secs(2));
        events.message("wrote ca.crt");
        events.phase_done(1, Duration::from_secs(2));
        let record = recorder.so_far();
        assert_eq!(record.length, Duration::from_secs(2));
        let phase = &record.own.phases[0];
        assert_eq!((phase.path.as_str(), phase.changes), ("certs/ca", 1));
        assert_eq!((phase.start, phase.end), (Duration::ZERO, Some(Duration::from_secs(2))));
        assert_eq!(record.own.notes[0].text, "wrote ca.crt");
    }

    #[test]
    fn what_a_host_sends_is_recorded_unless_it_is_not_an_event() {
        let clock = Clock::fixed(0);
        let recorder = Recorder::new(clock.clone());
        recorder.host_started("w1");
        clock.sleep(Duration::from_secs(1));
        recorder.host_event("w1", &json!({ "seq": 1, "event": "phaseStarted", "phase": "preflight" }));
        recorder.host_event("w1", &json!({ "event": 7 }));
        recorder.host_event("w1", &json!({ "event": "warning", "phase": "", "text": "a\u{1b}[2J\u{202e}b" }));
        recorder.host_event("w2", &json!({ "event": "phaseStarted", "phase": "preflight" }));
        recorder.host_ended("w1");
        let record = recorder.so_far();
        assert_eq!(record.hosts.len(), 1);
        assert_eq!(record.hosts[0].end, Some(Duration::from_secs(1)));
        assert_eq!(record.hosts[0].track.phases.len(), 1);
        assert_eq!(record.hosts[0].track.notes[0].text, "a [2Jb");
    }
}
