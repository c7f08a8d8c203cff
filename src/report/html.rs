//! A run, or the state of a cluster, as one HTML page that needs nothing but itself.
//!
//! Every part is made of the values that text and JSON render: `timeline` of what happened when, `changes`, `lifetimes` of
//! certificates, `condition` of a cluster, `closing`, the last text of a command; `template` renders them. Reads: nothing.
//! Writes: nothing.

mod amount;
mod changes;
mod closing;
mod condition;
mod geometry;
mod lifetimes;
mod run;
mod template;
mod timeline;
mod tone;

use super::change_list::ChangeList;
use super::error_text::ErrorText;
use crate::pki::moment;
pub use run::{Ending, Fact, HostLine, Run};
use serde::Serialize;
pub use template::{GENERATOR, HtmlError};
use timeline::Timeline;
use tone::Tone;

/// What the template renders.
#[derive(Serialize)]
struct View {
    title: String,
    heading: String,
    command: String,
    result: &'static str,
    tone: Tone,
    facts: Vec<Fact>,
    error: Option<ErrorText>,
    warnings: Vec<Line>,
    remarks: String,
    closing: closing::View,
    condition: Option<condition::View>,
    timeline: Option<Timeline>,
    changes: Option<changes::View>,
    lifetimes: Option<lifetimes::View>,
    messages: Vec<Line>,
    left_out: usize,
    at: String,
}

/// A message with its time.
#[derive(Serialize)]
struct Line {
    at: String,
    phase: String,
    text: String,
}

/// The page of a run.
pub fn page(run: &Run) -> Result<String, HtmlError> {
    template::render(&view(run))
}

fn view(run: &Run) -> View {
    let own = &run.record.own;
    let lines = |warning: bool| {
        let chosen = own.notes.iter().filter(move |note| note.warning == warning);
        chosen
            .map(|note| Line { at: amount::time(note.at), phase: note.phase.clone(), text: note.text.clone() })
            .collect()
    };
    let (result, tone) = match (&run.status, run.ending) {
        (Some(status), _) => (super::status::word(status.severity), status.severity.into()),
        (None, Ending::Succeeded) => ("Succeeded", Tone::Good),
        (None, Ending::Failed) => ("Failed", Tone::Bad),
        (None, Ending::Planned) => ("Plan", Tone::Plan),
    };
    let place = run.facts.iter().find(|fact| fact.label == "Host").map(|fact| format!(" on {}", fact.value));
    let heading = format!("{}{}", run.name, place.unwrap_or_default());
    let mut facts = run.facts.clone();
    facts.push(Fact::new("Began", moment::text(run.began)));
    facts.push(Fact::new("Duration", amount::time(run.record.length)));
    facts.push(Fact::new("Exit code", run.exit_code.to_string()));
    let items = run.changed.as_ref().map(ChangeList::items).unwrap_or_default();
    View {
        title: format!("{heading}: {}", result.to_lowercase()),
        heading,
        command: run.command.clone(),
        result,
        tone,
        facts,
        error: run.error.clone(),
        warnings: lines(true),
        remarks: run.remarks.clone(),
        closing: closing::view(&run.closing),
        condition: run.status.as_ref().map(condition::view),
        timeline: timeline::view(&run.record, &run.hosts, run.ending),
        changes: changes::view(&items, run.ending, run.is_planned),
        lifetimes: match &run.status {
            Some(status) => lifetimes::of_status(status, run.began),
            None => lifetimes::of_changes(&items, run.began),
        },
        // With many hosts these are theirs, which the timeline has.
        messages: if run.record.hosts.is_empty() { lines(false) } else { Vec::new() },
        left_out: own.left_out + run.record.hosts.iter().map(|host| host.track.left_out).sum::<usize>(),
        at: moment::text(run.began.saturating_add(i64::try_from(run.record.length.as_secs()).unwrap_or_default())),
    }
}
