//! What happened when: a row for each group of phases, and for each host if there are many.

use super::amount::time;
use super::geometry::{Bar, Scale, Tick};
use super::run::{Ending, HostLine};
use crate::base::record::{HostRecord, Phase, Record, Track, Waited};
use crate::report::count;
use serde::Serialize;
use std::time::Duration;

/// Shorter waits are not of interest.
const LEAST_WAIT: Duration = Duration::from_millis(500);
/// Of each of many hosts, shorter phases are counted only.
const LEAST_PHASE: Duration = Duration::from_millis(200);
/// With more hosts, only groups of phases are listed, and the longest waits.
const MANY: usize = 12;
const WAITS_OF_MANY: usize = 4;
const WARNINGS_OF_MANY: usize = 4;
/// The most hosts that are shown with their phases; the others are rows only.
const DETAILED: usize = 60;

/// The distances of marks, in milliseconds.
const STEPS: [u32; 17] = [
    10, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
    3_600_000, 7_200_000,
];

#[derive(Serialize)]
pub struct Timeline {
    ticks: Vec<Tick>,
    /// The phases of this run.
    rows: Vec<Row>,
    waits: Vec<Wait>,
    hosts: Vec<Host>,
}

/// A group of phases, or one of them.
#[derive(Serialize)]
struct Row {
    name: String,
    bars: Vec<Bar>,
    text: String,
    failed: bool,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Wait {
    phase: String,
    what: String,
    time: String,
    last: String,
}

#[derive(Serialize)]
struct Host {
    name: String,
    role: String,
    plan: String,
    state: &'static str,
    tone: &'static str,
    text: String,
    why: String,
    help: Option<String>,
    bars: Vec<Bar>,
    rows: Vec<Row>,
    waits: Vec<Wait>,
    warnings: Vec<String>,
}

/// None if nothing is known of when something happened.
pub fn view(record: &Record, lines: &[HostLine], ending: Ending) -> Option<Timeline> {
    let is_failed = ending == Ending::Failed;
    let end = record.length;
    let scale = Scale::to(millis(end));
    let drawing = Drawing { scale, end, is_failed, most_waits: usize::MAX, least: Duration::ZERO };
    let many = lines.len() > MANY;
    let of_host = Drawing {
        most_waits: if many { WAITS_OF_MANY } else { usize::MAX },
        least: if many { LEAST_PHASE } else { Duration::ZERO },
        ..drawing
    };
    let hosts: Vec<Host> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| {
            let found = record.hosts.iter().find(|one| one.host == line.host);
            of_host.host(line, found, many, at < DETAILED)
        })
        .collect();
    let rows = drawing.groups(&record.own, false);
    if rows.is_empty() && hosts.is_empty() {
        return None;
    }
    let label = |millis: u32| time(Duration::from_millis(millis.into()));
    let is_over = !record.own.phases.is_empty() || !record.hosts.is_empty();
    Some(Timeline {
        ticks: if is_over { scale.ticks(&STEPS, 5, label) } else { Vec::new() },
        rows,
        waits: drawing.waits(&record.own),
        hosts,
    })
}

#[derive(Clone, Copy)]
struct Drawing {
    scale: Scale,
    end: Duration,
    is_failed: bool,
    most_waits: usize,
    least: Duration,
}

impl Drawing {
    fn host(self, line: &HostLine, found: Option<&HostRecord>, many: bool, detailed: bool) -> Host {
        let track = found.map(|found| &found.track);
        // What has not completed on a host has not failed unless the host has.
        let drawing =
            Self { is_failed: line.is_bad, end: found.and_then(|found| found.end).unwrap_or(self.end), ..self };
        let mut bars = Vec::new();
        if let Some(found) = found {
            bars.push(self.bar(found.start, drawing.end, if line.is_bad { "failed" } else { "ran" }));
            bars.extend(drawing.wait_bars(&found.track.waits));
        }
        let mut texts: Vec<String> = Vec::new();
        texts.extend((line.millis > 0).then(|| time(Duration::from_millis(line.millis))));
        texts.extend(line.changes.map(|changes| count(usize::try_from(changes).unwrap_or(usize::MAX), "change")));
        let warnings = track.map(|track| track.notes.iter().filter(|note| note.warning).map(|note| note.text.clone()));
        let track = track.filter(|_| detailed);
        Host {
            name: line.host.clone(),
            role: line.role.clone(),
            plan: line.plan.clone(),
            state: line.state.unwrap_or_default(),
            tone: match line.state {
                _ if line.is_bad => "bad",
                Some("changed" | "unchanged") => "good",
                Some(_) => "note",
                None => "plan",
            },
            text: texts.join(", "),
            // What was done is what was planned.
            why: if line.why == line.plan { String::new() } else { line.why.clone() },
            help: line.help.clone(),
            bars,
            rows: track.map(|track| drawing.groups(track, many)).unwrap_or_default(),
            waits: track.map(|track| drawing.waits(track)).unwrap_or_default(),
            warnings: warnings.map(|warnings| warnings.take(WARNINGS_OF_MANY).collect()).unwrap_or_default(),
        }
    }

    /// Phases that follow each other and have the first part of their path in common are a group.
    fn groups(self, track: &Track, is_flat: bool) -> Vec<Row> {
        let mut groups: Vec<(&str, Vec<&Phase>)> = Vec::new();
        for phase in &track.phases {
            let name = phase.path.split('/').next().unwrap_or_default();
            match groups.last_mut().filter(|(last, _)| *last == name) {
                Some((_, phases)) => phases.push(phase),
                None => groups.push((name, vec![phase])),
            }
        }
        let mut rows: Vec<Row> = Vec::new();
        let mut short: Vec<&Phase> = Vec::new();
        for (name, phases) in groups {
            let length = phases.iter().map(|phase| self.length(phase)).sum::<Duration>();
            if length < self.least && !phases.iter().any(|phase| self.has_failed(phase)) {
                short.extend(phases);
            } else {
                rows.push(self.group(name, &phases, &track.waits, is_flat));
            }
        }
        if !short.is_empty() {
            let name = format!("and {} shorter", count(short.len(), "phase"));
            rows.push(Row { bars: Vec::new(), ..self.group(&name, &short, &[], true) });
        }
        rows
    }

    fn group(self, name: &str, phases: &[&Phase], waits: &[Waited], is_flat: bool) -> Row {
        let single = phases.len() == 1;
        let changes: usize = phases.iter().map(|phase| phase.changes).sum();
        let length = phases.iter().map(|phase| self.length(phase)).sum::<Duration>();
        let failed = phases.iter().any(|phase| self.has_failed(phase));
        let mut texts = vec![time(length)];
        texts.extend((!single).then(|| count(phases.len(), "phase")));
        texts.extend((changes > 0).then(|| count(changes, "change")));
        texts.extend(failed.then(|| "failed".to_owned()));
        let mut bars: Vec<Bar> = phases.iter().map(|phase| self.phase_bar(phase)).collect();
        let is_here = |wait: &&Waited| phases.iter().any(|phase| phase.path == wait.phase);
        bars.extend(self.longest(waits).filter(is_here).map(|wait| self.wait_bar(wait)));
        Row {
            name: match phases.first() {
                Some(phase) if single => phase.path.clone(),
                _ => name.to_owned(),
            },
            bars,
            text: texts.join(", "),
            failed,
            rows: if single || is_flat {
                Vec::new()
            } else {
                phases.iter().map(|phase| self.group(name, &[phase], waits, true)).collect()
            },
        }
    }

    fn phase_bar(self, phase: &Phase) -> Bar {
        let kind = if self.has_failed(phase) { "failed" } else { "ran" };
        self.bar(phase.start, phase.end.unwrap_or(self.end), kind)
    }

    fn has_failed(self, phase: &Phase) -> bool {
        self.is_failed && phase.end.is_none()
    }

    fn length(self, phase: &Phase) -> Duration {
        phase.end.unwrap_or(self.end).saturating_sub(phase.start)
    }

    /// The longest waits, in the order of their start.
    fn waits(self, track: &Track) -> Vec<Wait> {
        self.longest(&track.waits)
            .map(|wait| Wait {
                phase: wait.phase.clone(),
                what: wait.what.clone(),
                time: time(wait.end.saturating_sub(wait.start)),
                last: wait.last.clone(),
            })
            .collect()
    }

    fn wait_bars(self, waits: &[Waited]) -> Vec<Bar> {
        self.longest(waits).map(|wait| self.wait_bar(wait)).collect()
    }

    fn wait_bar(self, wait: &Waited) -> Bar {
        self.bar(wait.start, wait.end, "waited")
    }

    fn longest(self, waits: &[Waited]) -> impl Iterator<Item = &Waited> {
        let length = |wait: &Waited| wait.end.saturating_sub(wait.start);
        let mut long: Vec<&Waited> = waits.iter().filter(|wait| length(wait) >= LEAST_WAIT).collect();
        long.sort_by_key(|wait| std::cmp::Reverse(length(wait)));
        long.truncate(self.most_waits);
        long.sort_by_key(|wait| wait.start);
        long.into_iter()
    }

    fn bar(self, from: Duration, to: Duration, kind: &'static str) -> Bar {
        self.scale.bar(millis(from), millis(to), kind)
    }
}

/// The unit of the scale.
fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
