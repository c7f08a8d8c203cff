//! Undoing what fixes changed on this host, newest first. Directories that a fix created are removed if they are empty then.
//!
//! Reads: the journal and the current state of the host. Writes: former contents and states, through the
//! gate, and the journal after each step, so that an interrupted run can be repeated. A change that was
//! recorded but never made, because the fix was interrupted, is skipped, and so is one of something that no longer exists.

use super::error::UndoError;
use super::record::{HostChange, Inverse};
use super::store::{Journal, sha256};
use crate::base::fault::{Failure, Result};
use crate::base::files::Content;
use crate::base::masked::Format;
use crate::host::command::{Command, Host};
use crate::host::{service::Services, swap, swap_units, sysctl};
use std::path::Path;

/// The result of undoing.
#[derive(Debug, Default)]
pub struct Undone {
    /// What was undone, and what was kept and why, one line each.
    pub messages: Vec<String>,
    /// Changes that could not be undone, and why; they stay in the journal.
    pub failed: Vec<(HostChange, Failure)>,
}

impl Undone {
    /// Fails when something could not be undone.
    pub fn verdict(self) -> Result<(), UndoError> {
        if self.failed.is_empty() { Ok(()) } else { Err(UndoError(self.failed)) }
    }
}

/// Undoes every change that fixes made to the host. A change that cannot be undone does not stop the others.
pub fn undo(host: &Host, journal: &mut Journal) -> Result<Undone> {
    let mut undone = Undone::default();
    let mut stuck: Vec<HostChange> = Vec::new();
    while let Some(change) = journal.changes().iter().rfind(|change| !stuck.contains(change)).cloned() {
        let outcome = match &change.inverse {
            // All changes of one file in one step: an intermediate content may never have worked.
            Inverse::RestoreFile { path, .. } => restore(host, path, journal.changes()),
            inverse => undo_state(host, inverse),
        };
        match outcome {
            Ok(messages) => {
                undone.messages.extend(messages);
                if let Inverse::RestoreFile { path, .. } = &change.inverse {
                    let directories = journal.remove_empty_directories(host, path)?;
                    undone.messages.extend(directories.iter().map(|path| format!("removed {}", path.display())));
                }
                journal.drop_changes(|other| other.is_undone_with(&change.inverse));
                journal.keep(host)?;
            }
            Err(why) => {
                let same = journal.changes().iter().filter(|other| other.inverse.is_undone_with(&change.inverse));
                stuck.extend(same.cloned());
                undone.failed.push((change, why));
            }
        }
    }
    Ok(undone)
}

/// Undoes a change of anything but a file; None when there is nothing to undo.
fn undo_state(host: &Host, inverse: &Inverse) -> Result<Option<String>> {
    match inverse {
        Inverse::RestoreFile { .. } => Ok(None),
        Inverse::DisableService { service } => {
            if !Services::of(host).state(service)?.exists {
                return Ok(Some(format!("skipped {service}: the service does not exist")));
            }
            // Even if it is not enabled yet: an interrupted fix may have left a 'systemctl enable' behind
            // that is still running.
            Services::of(host).disable(service)?;
            Ok(Some(format!("disabled {service} at boot")))
        }
        Inverse::StartUnitAtBoot { unit, masked } => {
            swap_units::let_start(host, unit, *masked)?;
            Ok(Some(format!("{unit} starts at boot again")))
        }
        Inverse::SetSysctl { key, value } => {
            if sysctl::value(host, key)?.as_ref() == Some(value) {
                return Ok(None);
            }
            sysctl::set(host, key, value)?;
            Ok(Some(format!("set {key} back to {value}")))
        }
        Inverse::SwapOn { path } => {
            if swap::active(host)?.iter().any(|area| area.path == *path) {
                return Ok(None);
            }
            let shown = path.display().to_string();
            if !host.files.exists(path) {
                return Ok(Some(format!("left swap off: {shown} no longer exists")));
            }
            host.change(&format!("turn swap on {shown} on"), &Command::new(["swapon", &shown]))?;
            Ok(Some(format!("turned swap on {shown} back on")))
        }
    }
}

/// The content of a file before the first of consecutive fixes.
struct Former<'a> {
    text: Option<&'a str>,
    mode: u32,
    restart: Option<&'a str>,
}

/// Restores the content that a file had before fixes changed it, and restarts the service that reads it.
fn restore(host: &Host, path: &Path, changes: &[HostChange]) -> Result<Option<String>> {
    let shown = path.display();
    let now = host.files.read(path)?.map(|bytes| sha256(&bytes));
    let (messages, restart) = match former(path, now.as_deref(), changes) {
        // Later edits by the user take precedence.
        Walk::Foreign => return Ok(Some(format!("kept {shown}: it was changed later"))),
        // An interrupted undo may have restored the file without restarting the service.
        Walk::Unchanged { restart } => (None, restart),
        Walk::Back(former) => {
            match former.text {
                Some(text) => {
                    host.files.write(path, &Content::masked(text, Format::of(path, text)), former.mode)?;
                }
                None => {
                    host.files.remove(path)?;
                }
            }
            (Some(format!("restored {shown}")), former.restart)
        }
    };
    if let Some(service) = restart
        && Services::of(host).state(service)?.exists
    {
        Services::of(host).restart(service)?;
    }
    Ok(messages)
}

enum Walk<'a> {
    /// No fix wrote the current content.
    Foreign,
    /// The file is as it was before the fixes.
    Unchanged {
        /// The service that reads it.
        restart: Option<&'a str>,
    },
    /// Fixes changed the file from this content.
    Back(Former<'a>),
}

/// Goes back through the changes that led to the current content of a file (its SHA-256; None: it does not exist).
fn former<'a>(path: &Path, now: Option<&str>, changes: &'a [HostChange]) -> Walk<'a> {
    let mut state = now.map(str::to_owned);
    let mut found = Walk::Foreign;
    for change in changes.iter().rev() {
        let Inverse::RestoreFile { path: known, before, mode, written, restart } = &change.inverse else { continue };
        if known != path {
            continue;
        }
        let before_it = before.as_ref().map(|text| sha256(text.as_bytes()));
        if state.as_ref() == Some(written) {
            state = before_it;
            let earlier = if let Walk::Back(former) = &found { former.restart } else { None };
            let restart = restart.as_deref().or(earlier);
            found = Walk::Back(Former { text: before.as_deref(), mode: *mode, restart });
        } else if state == before_it {
            // It was recorded but never made.
            if matches!(found, Walk::Foreign) {
                found = Walk::Unchanged { restart: restart.as_deref() };
            }
        } else {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests;
