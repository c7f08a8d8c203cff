//! Every change in full: the content of new files, the differences of changed ones, the bodies of requests.

use super::difference::{INDENT, unified};
use super::item::Item;
use super::paint::{Paint, Tone};
use crate::base::gate::Change;
use std::fmt::Write;

/// The changes in order, by phase.
pub fn text(items: &[Item], paint: Paint) -> String {
    let mut text = String::new();
    let mut phase = "";
    for item in items {
        if item.entry.phase != phase {
            phase = &item.entry.phase;
            let title = format!("[{phase}]");
            let _ = writeln!(text, "{}", paint.text(Tone::Title, &title));
        }
        text += &one(&item.entry.change, paint);
    }
    text
}

fn one(change: &Change, paint: Paint) -> String {
    match change {
        Change::CreateDirectory { path, mode } => format!("would create directory {} ({mode:04o})\n", path.display()),
        Change::WriteFile { path, mode, before: None, after } => {
            format!("would write {} ({mode:04o}):\n{}", path.display(), indent(after))
        }
        Change::WriteFile { path, mode, before: Some(before), after } if before == after => {
            format!("would set the mode of {} to {mode:04o}, or replace content that is not shown\n", path.display())
        }
        Change::WriteFile { path, mode, before: Some(before), after } => {
            format!("would change {} ({mode:04o}):\n{}", path.display(), unified(before, after, paint))
        }
        Change::WriteLink { path, target } => format!("would link {} to {}\n", path.display(), target.display()),
        Change::Remove { path } => format!("would remove {}\n", path.display()),
        Change::Run { what, command } => format!("would {what}: {}\n", command.join(" ")),
        Change::Request { api, verb, object, exchange: Some(exchange), .. } => {
            format!("would {verb} {object} ({api}):\n{}", unified(&exchange.before, &exchange.after, paint))
        }
        Change::Request { api, verb, object, body, .. } => {
            let body = body.as_deref().map_or_else(|| "\n".into(), |body| format!(":\n{}", indent(body)));
            format!("would {verb} {object} ({api}){body}")
        }
    }
}

fn indent(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("{INDENT}{line}\n") }).collect()
}
