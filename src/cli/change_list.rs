//! The list of changes as text: every change with its content or diff, and the first lines of closing texts.

use crate::base::gate::{Change, Entry};
use crate::pipeline::run::Summary;
use similar::TextDiff;
use std::fmt::Write;
use std::path::Path;

/// The changes as text, grouped by phase.
pub fn text(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "No changes.\n".into();
    }
    let mut text = String::new();
    let mut phase = None;
    for entry in entries {
        if phase != Some(&entry.phase) && !(phase.is_none() && entry.phase.is_empty()) {
            let _ = writeln!(text, "[{}]", entry.phase);
            phase = Some(&entry.phase);
        }
        text += &one(&entry.change);
    }
    let _ = writeln!(text, "{} planned. Nothing was changed.", count(entries.len(), "change"));
    text
}

/// The first lines of the closing text of a command with phases: what changed and what was skipped.
pub fn outcome(summary: &Summary, rootfs: &Path) -> String {
    let text = match summary.changes {
        0 => "Already up to date; nothing changed.\n".to_owned(),
        number => format!("Done: {}.\n", count(number, "change")),
    };
    text + &left_for_host(summary, rootfs)
}

/// The phases that were skipped because of --rootfs; empty if none were.
pub fn left_for_host(summary: &Summary, rootfs: &Path) -> String {
    if summary.left_for_host.is_empty() {
        return String::new();
    }
    let left = summary.left_for_host.join(", ");
    format!("Skipped because of --rootfs {} (they need a running host): {left}.\n", rootfs.display())
}

/// `1 change`, `2 changes`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn one(change: &Change) -> String {
    match change {
        Change::CreateDirectory { path, mode } => format!("would create directory {} ({mode:04o})\n", path.display()),
        Change::WriteFile { path, mode, before: None, after } => {
            format!("would write {} ({mode:04o}):\n{}", path.display(), indent(after))
        }
        Change::WriteFile { path, mode, before: Some(before), after } if before == after => {
            format!("would set the mode of {} to {mode:04o}, or replace content that is not shown\n", path.display())
        }
        Change::WriteFile { path, mode, before: Some(before), after } => {
            let diff = TextDiff::from_lines(before.as_str(), after.as_str());
            let diff = diff.unified_diff().context_radius(3).header("current", "new").to_string();
            format!("would change {} ({mode:04o}):\n{}", path.display(), indent(&diff))
        }
        Change::WriteLink { path, target } => format!("would link {} to {}\n", path.display(), target.display()),
        Change::Remove { path } => format!("would remove {}\n", path.display()),
        Change::Run { what, command } => format!("would {what}: {}\n", command.join(" ")),
        Change::Request { api, verb, object, body } => {
            let body = body.as_deref().map_or_else(|| "\n".into(), |body| format!(":\n{}", indent(body)));
            format!("would {verb} {object} ({api}){body}")
        }
    }
}

fn indent(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("    {line}\n") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_shows_content_and_diff() {
        let entry = |change| Entry { phase: "etcd/local".into(), change };
        let write = |before: Option<&str>| Change::WriteFile {
            path: "/etc/kubernetes/manifests/etcd.yaml".into(),
            mode: 0o600,
            before: before.map(str::to_owned),
            after: "a\nb\n".into(),
        };
        assert_eq!(
            text(&[entry(write(None)), entry(write(Some("a\nc\n")))]),
            "[etcd/local]\n\
             would write /etc/kubernetes/manifests/etcd.yaml (0600):\n    a\n    b\n\
             would change /etc/kubernetes/manifests/etcd.yaml (0600):\n    --- current\n    +++ new\n    @@ -1,2 +1,2 @@\n     a\n    -c\n    +b\n\
             2 changes planned. Nothing was changed.\n"
        );
        assert_eq!(text(&[]), "No changes.\n");
    }
}
