//! Certificates on a scale of time: how long each is valid from now on.

use super::amount;
use super::geometry::{Bar, Scale, Tick};
use super::tone::Tone;
use crate::base::gate::Change;
use crate::domain::certificates::SOON;
use crate::pki::moment;
use crate::report::about::About;
use crate::report::item::Item;
use crate::state::expiry::Severity;
use crate::state::status::Status;
use serde::Serialize;
use std::path::Path;

const DAY: i64 = 86_400;
/// The most certificates.
const MOST: usize = 60;
const CRITICAL: i64 = 7 * DAY;
/// Bars end here; a certificate that is valid longer needs no attention in this life.
const LONGEST: i64 = 11 * 365 * DAY;

#[derive(Serialize)]
pub struct View {
    rows: Vec<Row>,
    ticks: Vec<Tick>,
    left_out: usize,
}

#[derive(Serialize)]
struct Row {
    name: String,
    tone: Tone,
    /// `2027-12-02, in 364 days`.
    text: String,
    /// What else is to be said.
    note: String,
    bar: Option<Bar>,
}

struct Certificate {
    name: String,
    expires: i64,
    note: String,
    tone: Tone,
}

/// The certificates that the changes create or replace; None without any.
pub fn of_changes(items: &[Item], now: i64) -> Option<View> {
    let mut found: Vec<Certificate> = Vec::new();
    for item in items {
        let Change::WriteFile { path, .. } = &item.entry.change else { continue };
        let Some(expires) = item.about.as_ref().and_then(expiry) else { continue };
        let before = item.about_before.as_ref().and_then(expiry).filter(|before| *before != expires);
        let note = before.map(|before| format!("before: {}", day(before))).unwrap_or_default();
        let name = name(path);
        // A file that changes twice is as it was left.
        found.retain(|other| other.name != name);
        found.push(Certificate { tone: tone(expires - now), name, expires, note });
    }
    view(found, now)
}

/// The certificates of this host.
pub fn of_status(status: &Status, now: i64) -> Option<View> {
    let list = &status.view.certificates.as_ref()?.list;
    let certificate = |one: &crate::state::status::Certificate| {
        let mut notes = Vec::new();
        notes.extend(one.is_ca.then_some("CA"));
        notes.extend(one.by_kubelet.then_some("renewed by the kubelet"));
        notes.extend(one.externally_managed.then_some("external CA"));
        Certificate {
            name: one.name.clone(),
            expires: now.saturating_add(one.seconds_left),
            note: notes.join(", "),
            tone: match one.severity {
                Severity::Ok => Tone::Good,
                Severity::Warning => Tone::Warning,
                Severity::Critical => Tone::Bad,
            },
        }
    };
    view(list.iter().map(certificate).collect(), now)
}

fn view(mut found: Vec<Certificate>, now: i64) -> Option<View> {
    if found.is_empty() {
        return None;
    }
    found.sort_by(|a, b| (a.expires, &a.name).cmp(&(b.expires, &b.name)));
    let left_out = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    let longest = found.iter().map(|one| one.expires - now).max().unwrap_or_default().clamp(DAY, LONGEST);
    let scale = Scale::to(minutes(longest));
    let row = |one: Certificate| Row {
        bar: (one.expires > now).then(|| scale.bar(0.0, minutes(one.expires - now), "left")),
        text: format!("{}, {}", day(one.expires), amount::until(one.expires - now)),
        name: one.name,
        tone: one.tone,
        note: one.note,
    };
    let rows = found.into_iter().map(row).collect();
    let steps = [1, 7, 30, 90, 182, 365, 730].map(|days| days * 24 * 60);
    let label = |minutes: u32| amount::length(i64::from(minutes) * 60);
    Some(View { rows, ticks: scale.ticks(&steps, 5, label), left_out })
}

/// The unit of the scale.
fn minutes(seconds: i64) -> f64 {
    f64::from(i32::try_from(seconds / 60).unwrap_or(i32::MAX))
}

fn tone(left: i64) -> Tone {
    match left {
        ..CRITICAL => Tone::Bad,
        CRITICAL..SOON => Tone::Warning,
        _ => Tone::Good,
    }
}

/// When the first certificate of a file expires: for a bundle with the chain that is the host's own.
fn expiry(about: &About) -> Option<i64> {
    match about {
        About::Certificates { certificates } => moment::parse(&certificates.first()?.expires),
        About::Kubeconfig(facts) => moment::parse(facts.expires.as_deref()?),
        _ => None,
    }
}

fn name(path: &Path) -> String {
    let inner = path.strip_prefix("/etc/kubernetes/pki").or_else(|_| path.strip_prefix("/etc/kubernetes"));
    inner.unwrap_or(path).display().to_string()
}

fn day(seconds: i64) -> String {
    let text = moment::text(seconds);
    text.split('T').next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(name: &str, days: i64) -> Certificate {
        Certificate { name: name.into(), expires: days * DAY, note: String::new(), tone: tone(days * DAY) }
    }

    #[test]
    fn the_next_to_expire_comes_first_and_an_expired_one_has_no_bar() {
        let view = view(vec![certificate("ca", 3650), certificate("old", -2), certificate("leaf", 365)], 0).unwrap();
        let shown: Vec<(&str, &str, bool)> =
            view.rows.iter().map(|row| (row.name.as_str(), row.text.as_str(), row.bar.is_some())).collect();
        let expected = [
            ("old", "1969-12-30, expired 2 days ago", false),
            ("leaf", "1971-01-01, in 365 days", true),
            ("ca", "1979-12-30, in 10 years", true),
        ];
        assert_eq!(shown, expected);
        assert_eq!(view.rows[1].bar.as_ref().unwrap().width, "10%");
        assert_eq!(view.rows.iter().map(|row| row.tone).collect::<Vec<_>>(), [Tone::Bad, Tone::Good, Tone::Good]);
        assert_eq!(
            view.ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>(),
            ["2 years", "4 years", "6 years", "8 years"]
        );
    }
}
