//! The phases, waits and messages of one run on one host.

use crate::base::events::Event;
use std::time::Duration;

/// A wait that is not reported again for so long is over.
const POLL: Duration = Duration::from_millis(700);

/// The time of a wait is reported in whole seconds.
const SECOND: Duration = Duration::from_secs(1);

/// How much of a run is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    phases: usize,
    waits: usize,
    notes: usize,
    /// The longest text, in characters.
    text: usize,
    /// Keep messages, and not only warnings.
    messages: bool,
}

impl Limits {
    /// For the run itself.
    pub const OWN: Self = Self { phases: 400, waits: 200, notes: 600, text: 1000, messages: true };
    /// For each of many hosts.
    pub const HOST: Self = Self { phases: 120, waits: 30, notes: 20, text: 300, messages: false };
}

/// What happened, in order.
#[derive(Clone, Debug, Default)]
pub struct Track {
    pub phases: Vec<Phase>,
    pub waits: Vec<Waited>,
    pub notes: Vec<Note>,
    /// What was not kept.
    pub left_out: usize,
    /// The wait in progress.
    open: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    pub path: String,
    pub start: Duration,
    /// None if it has not completed.
    pub end: Option<Duration>,
    pub changes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waited {
    pub phase: String,
    /// A noun phrase.
    pub what: String,
    pub start: Duration,
    pub end: Duration,
    /// The last result before it was over.
    pub last: String,
}

/// A message or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub at: Duration,
    /// Empty outside of phases.
    pub phase: String,
    pub text: String,
    pub warning: bool,
}

impl Track {
    /// Adds an event that arrived at `at`.
    pub fn add(&mut self, at: Duration, event: &Event, limits: Limits) {
        if !matches!(event, Event::Waiting { .. }) {
            self.close(at);
        }
        match event {
            Event::PhaseStarted { phase } if self.phases.len() < limits.phases => {
                self.phases.push(Phase { path: short(phase, limits.text), start: at, end: None, changes: 0 });
            }
            Event::PhaseDone { phase, changes, millis } => self.done(at, phase, *changes, *millis),
            Event::Waiting { phase, what, seconds, last, .. } => {
                self.wait(at, [phase, what, last].map(|text| short(text, limits.text)), *seconds, limits);
            }
            Event::Message { .. } | Event::Progress { .. } if !limits.messages => {}
            Event::Message { phase, text } => self.note(at, phase, text, false, limits),
            Event::Warning { phase, text } => self.note(at, phase, text, true, limits),
            Event::PhaseStarted { .. } => self.left_out += 1,
            Event::Progress { .. } => {}
        }
    }

    /// The events of a host may arrive together after a cut: then only the duration that it measured is right.
    fn done(&mut self, at: Duration, path: &str, changes: usize, millis: u64) {
        let Some(phase) = self.phases.iter_mut().rev().find(|phase| phase.path == path && phase.end.is_none()) else {
            return;
        };
        let length = Duration::from_millis(millis);
        if at.saturating_sub(phase.start) < length {
            phase.start = at.saturating_sub(length);
        }
        phase.end = Some(phase.start + length);
        phase.changes = changes;
    }

    fn wait(&mut self, at: Duration, [phase, what, last]: [String; 3], seconds: u64, limits: Limits) {
        let start = at.saturating_sub(Duration::from_secs(seconds));
        let is_same = |wait: &Waited| wait.what == what && wait.phase == phase && start <= wait.end + SECOND;
        if let Some(place) = self.waits.iter().rposition(is_same)
            && let Some(wait) = self.waits.get_mut(place)
        {
            (wait.end, wait.last) = (at, last);
            self.open = Some(place);
        } else if self.waits.len() < limits.waits {
            self.open = Some(self.waits.len());
            self.waits.push(Waited { phase, what, start, end: at, last });
        } else {
            self.left_out += 1;
        }
    }

    /// The last poll of a wait is not reported: it ends with what comes next.
    fn close(&mut self, at: Duration) {
        if let Some(wait) = self.open.take().and_then(|place| self.waits.get_mut(place))
            && at.saturating_sub(wait.end) <= POLL
        {
            wait.end = at;
        }
    }

    fn note(&mut self, at: Duration, phase: &str, text: &str, warning: bool, limits: Limits) {
        if self.notes.len() < limits.notes {
            let (phase, text) = (short(phase, limits.text), short(text, limits.text));
            self.notes.push(Note { at, phase, text, warning });
        } else {
            self.left_out += 1;
        }
    }
}

fn short(text: &str, most: usize) -> String {
    let mut characters = text.chars();
    let mut short: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(seconds: u64, last: &str) -> Event {
        Event::Waiting { phase: "p".into(), what: "etcd".into(), seconds, left: 60, last: last.into() }
    }

    #[test]
    fn a_wait_of_many_polls_is_one() {
        let mut track = Track::default();
        for tenth in 0..100_u32 {
            track.add(SECOND / 10 * tenth, &waiting(u64::from(tenth / 10), "refused"), Limits::OWN);
        }
        track.add(SECOND * 10, &Event::PhaseDone { phase: "p".into(), changes: 0, millis: 1 }, Limits::OWN);
        track.add(SECOND * 30, &waiting(0, "again"), Limits::OWN);
        let lengths: Vec<Duration> = track.waits.iter().map(|wait| wait.end.saturating_sub(wait.start)).collect();
        assert_eq!(lengths, [SECOND * 10, Duration::ZERO]);
        assert_eq!(track.waits[0].last, "refused");
    }

    #[test]
    fn a_phase_that_arrived_all_at_once_has_the_length_that_its_host_measured() {
        let mut track = Track::default();
        track.add(SECOND * 9, &Event::PhaseStarted { phase: "a".into() }, Limits::HOST);
        track.add(SECOND * 9, &Event::PhaseDone { phase: "a".into(), changes: 3, millis: 4000 }, Limits::HOST);
        track.add(SECOND * 9, &Event::PhaseStarted { phase: "b".into() }, Limits::HOST);
        assert_eq!(track.phases[0].start, SECOND * 5);
        assert_eq!(track.phases[0].end, Some(SECOND * 9));
        assert_eq!(track.phases[1].end, None);
    }

    #[test]
    fn a_host_that_sends_without_end_is_cut_off() {
        let mut track = Track::default();
        for number in 0..5000_u64 {
            track.add(SECOND, &Event::PhaseStarted { phase: "x".repeat(4000) }, Limits::HOST);
            track.add(SECOND, &Event::Warning { phase: String::new(), text: "y".repeat(4000) }, Limits::HOST);
            track.add(SECOND, &Event::Message { phase: String::new(), text: "z".into() }, Limits::HOST);
            let event =
                Event::Waiting { phase: "p".into(), what: number.to_string(), seconds: 0, left: 0, last: "l".into() };
            track.add(SECOND, &event, Limits::HOST);
        }
        assert_eq!((track.phases.len(), track.waits.len(), track.notes.len()), (120, 30, 20));
        assert!(track.left_out > 9000);
        assert!(track.notes[0].text.chars().count() == 301);
    }
}
