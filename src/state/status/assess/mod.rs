//! What is wrong in a view, and in which order it explains the rest. Pure.

mod certificates;
mod clock;
mod components;
mod etcd;
mod host;
mod nodes;
mod rest;
#[cfg(test)]
mod tests;

use super::causes::{Cause, Severity};
use super::view::View;

/// Every cause: the most severe first and, of those, the most basic one. `now` is in seconds since the epoch.
pub(super) fn causes(view: &View, now: i64) -> Vec<Cause> {
    let mut causes = Vec::new();
    host::add(view, &mut causes);
    clock::add(view, now, &mut causes);
    certificates::add(view, &mut causes);
    etcd::add(view, &mut causes);
    nodes::add(view, &mut causes);
    components::add(view, &mut causes);
    rest::add(view, &mut causes);
    // The same thing may be seen here and in the API.
    let mut seen: Vec<(&str, String)> = Vec::new();
    causes.retain(|cause: &Cause| {
        let key = (cause.id, cause.place.clone());
        let is_new = !seen.contains(&key);
        seen.push(key);
        is_new
    });
    causes.sort_by_key(|cause| (std::cmp::Reverse(cause.severity), cause.rank()));
    causes
}

/// The severity of what affects one of several: critical where none is left.
fn one_of(others_work: bool) -> Severity {
    if others_work { Severity::Warning } else { Severity::Critical }
}

/// `3 days`, `2 hours`, `90 seconds`.
fn span(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    match seconds {
        0..=119 => format!("{seconds} seconds"),
        120..=7199 => format!("{} minutes", seconds / 60),
        7200..=172_799 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
