//! The state of a cluster: the causes, then the parts of the screen of `status`.

use super::tone::Tone;
use crate::report::status::{fine, parts, word};
use crate::state::status::Status;
use serde::Serialize;

#[derive(Serialize)]
pub struct View {
    /// What is said if there are no causes.
    fine: Option<String>,
    causes: Vec<Cause>,
    parts: Vec<Part>,
}

#[derive(Serialize)]
struct Cause {
    tone: Tone,
    word: &'static str,
    what: String,
    place: String,
    why: String,
    next: String,
}

#[derive(Serialize)]
struct Part {
    tone: Tone,
    word: &'static str,
    label: &'static str,
    lines: Vec<String>,
}

pub fn view(status: &Status) -> View {
    let cause = |cause: &crate::state::status::Cause| Cause {
        tone: cause.severity.into(),
        word: word(cause.severity),
        what: cause.what.clone(),
        place: cause.place.clone(),
        why: cause.why.clone(),
        next: cause.next.clone(),
    };
    let part = |part: crate::report::status::part::Part| Part {
        tone: part.severity.into(),
        word: word(part.severity),
        label: part.label,
        lines: part.lines,
    };
    View {
        fine: status.causes.is_empty().then(|| fine(status)),
        causes: status.causes.iter().map(cause).collect(),
        parts: parts::all(status).into_iter().map(part).collect(),
    }
}
