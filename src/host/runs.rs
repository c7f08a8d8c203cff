//! Runs that were started from another machine: their events, numbered, in a file on this host.
//!
//! The process that works holds a lock on its file, so that everybody can see whether it lives. A line is one JSON object;
//! the first says what runs, the last how it ended. Reads and writes: `/var/lib/kubewright/runs/ID.ndjson` and, during a run with files, the
//! directory `ID.files`. That is
//! bookkeeping, so no plan lists it.

use super::error::HostError;
use crate::base::env::Clock;
use crate::base::files::{FileError, HostFiles};
use rustix::fs::{FlockOperation, OFlags, flock};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

const DIRECTORY: &str = "/var/lib/kubewright/runs";
const ENDING: &str = ".ndjson";
/// The extension of a run's working directory.
const FILES: &str = "files";
/// The most that a run may write; the results of phases and errors still follow.
const BUDGET: u64 = 8 << 20;
/// The most that those may take.
const LAST_BUDGET: u64 = 1 << 20;
/// The longest line.
const LONGEST: usize = 64 << 10;
/// The runs that are kept.
const KEPT: usize = 20;
/// How often a follower looks for more.
const PAUSE: Duration = Duration::from_millis(50);
/// How often a process tries to lock its run.
const TRIES: usize = 50;
/// How long a process may take to begin.
const BEGIN: Duration = Duration::from_secs(15);

/// The events that are kept beyond the budget.
const ALWAYS: [&str; 4] = ["phaseStarted", "phaseDone", "error", "runDone"];

/// A run on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub id: String,
    pub command: String,
    pub running: bool,
    /// None while it runs, and if it was killed.
    pub exit_code: Option<i32>,
}

/// How a run ended, as a follower sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It ended with this exit code.
    Done(i32),
    /// Its process is gone and has not said how it ended.
    Lost,
}

/// The last line of a run.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Last {
    event: String,
    exit_code: i32,
}

/// True for an id that is safe as the name of a file.
pub fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The file of a run, and the process that writes it.
pub struct Writer {
    file: File,
    path: PathBuf,
    clock: Clock,
    seq: u64,
    written: u64,
    skipped: u64,
}

impl Writer {
    /// Takes over the file of a run, which [`create`] made, and says what runs. None if another process has it.
    pub fn begin(files: &HostFiles, id: &str, command: &str, clock: Clock) -> Result<Option<Self>, HostError> {
        let path = path(files, id)?;
        let cannot = |source: io::Error| FileError { verb: "write", path: path.clone(), source };
        let file = open(&path, true).map_err(cannot)?;
        let mut tries = 0;
        // Who looks whether the run lives has the lock for a moment.
        while let Err(errno) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            tries += 1;
            match errno {
                rustix::io::Errno::WOULDBLOCK if tries < TRIES => clock.sleep(PAUSE / 5),
                rustix::io::Errno::WOULDBLOCK => return Ok(None),
                _ => return Err(cannot(errno.into()).into()),
            }
        }
        if file.metadata().map_err(cannot)?.len() > 0 {
            return Ok(None);
        }
        let mut writer = Self { file, path: path.clone(), clock, seq: 0, written: 0, skipped: 0 };
        writer.event(&json!({ "event": "runStarted", "id": id, "command": command }));
        Ok(Some(writer))
    }

    /// Adds an event. A full disk ends the record, not the work.
    pub fn event(&mut self, event: &Value) {
        let kind = event["event"].as_str().unwrap_or_default();
        let is_kept = ALWAYS.contains(&kind);
        if self.written > if is_kept { BUDGET + LAST_BUDGET } else { BUDGET } && kind != "runDone" {
            self.skipped += 1;
            return;
        }
        self.seq += 1;
        let mut line = Map::new();
        line.insert("seq".into(), json!(self.seq));
        line.insert("time".into(), json!(self.clock.now()));
        line.extend(event.as_object().cloned().unwrap_or_default());
        if self.skipped > 0 && kind == "runDone" {
            line.insert("skipped".into(), json!(self.skipped));
        }
        let mut text = Value::Object(line).to_string();
        if text.len() > LONGEST {
            text =
                json!({ "seq": self.seq, "time": self.clock.now(), "event": kind, "text": "(too long)" }).to_string();
        }
        text.push('\n');
        self.written += text.len() as u64;
        let _ = self.file.write_all(text.as_bytes());
    }

    /// The last event: how the run ended.
    pub fn done(mut self, exit_code: i32, changes: Option<u64>) -> PathBuf {
        let mut event = json!({ "event": "runDone", "exitCode": exit_code });
        if let Some(changes) = changes {
            event["changes"] = json!(changes);
        }
        self.event(&event);
        let _ = self.file.sync_data();
        self.path
    }
}

/// Makes the file of a run; false if there is one already. Removes the oldest ones.
pub fn create(files: &HostFiles, id: &str) -> Result<bool, HostError> {
    let path = path(files, id)?;
    let directory = path.parent().unwrap_or(&path);
    let cannot = |source: io::Error| FileError { verb: "create", path: path.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(cannot)?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    match made {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(cannot(error).into()),
    }
    let mut older = found(directory).map_err(cannot)?;
    older.truncate(older.len().saturating_sub(KEPT));
    for path in older.iter().filter(|path| !is_locked(path)) {
        // Bookkeeping that cannot be removed now is removed by a later run.
        let _ = std::fs::remove_file(path);
        let _ = std::fs::remove_dir_all(working_directory(path));
    }
    Ok(true)
}

/// The working directory of a run with these files; it is removed with the value.
pub struct WorkingDirectory {
    pub path: PathBuf,
}

impl WorkingDirectory {
    pub fn create(files: &HostFiles, id: &str, content: &BTreeMap<String, String>) -> Result<Self, HostError> {
        let path = working_directory(&path(files, id)?);
        let cannot = |source: io::Error| FileError { verb: "create", path: path.clone(), source };
        DirBuilder::new().mode(0o700).create(&path).map_err(cannot)?;
        let directory = Self { path: path.clone() };
        for (name, text) in content {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path.join(name));
            file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(cannot)?;
        }
        Ok(directory)
    }
}

impl Drop for WorkingDirectory {
    fn drop(&mut self) {
        // What is left is removed with the run.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// The working directory of the run with this file.
fn working_directory(file: &Path) -> PathBuf {
    file.with_extension(FILES)
}

/// The last run; None if there was none.
pub fn last(files: &HostFiles) -> Result<Option<Run>, HostError> {
    let directory = files.real(Path::new(DIRECTORY))?;
    let found = match found(&directory) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(FileError { verb: "read", path: directory, source }.into()),
    };
    let Some(path) = found.last() else { return Ok(None) };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = files.read(&Path::new(DIRECTORY).join(&*name))?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let first: Value = text.lines().next().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    Ok(Some(Run {
        id: name.trim_end_matches(ENDING).to_owned(),
        command: first["command"].as_str().unwrap_or_default().to_owned(),
        running: is_locked(path),
        exit_code: text.lines().last().and_then(ending),
    }))
}

/// Calls `show` with each line of a run after the first `from`, until the run ends or `show` returns false.
pub fn follow(
    files: &HostFiles,
    id: &str,
    from: u64,
    clock: &Clock,
    show: &mut dyn FnMut(&str) -> bool,
) -> Result<Option<Ending>, HostError> {
    let path = path(files, id)?;
    let cannot = |source: io::Error| FileError { verb: "read", path: path.clone(), source };
    let mut reader = BufReader::new(open(&path, false).map_err(cannot)?);
    let (mut line, mut number, start) = (String::new(), 0, clock.monotonic());
    loop {
        // Before the last look at the file: what ends in between has written everything.
        let lives = is_locked(&path);
        loop {
            let read = reader.read_line(&mut line).map_err(cannot)?;
            if !line.ends_with('\n') {
                if read == 0 {
                    break;
                }
                continue;
            }
            number += 1;
            if number > from && !show(line.trim_end()) {
                return Ok(None);
            }
            if let Some(code) = ending(line.trim_end()) {
                return Ok(Some(Ending::Done(code)));
            }
            line.clear();
        }
        let begins = number == 0 && clock.monotonic().saturating_sub(start) < BEGIN;
        if !lives && !begins {
            return Ok(Some(Ending::Lost));
        }
        clock.sleep(PAUSE);
    }
}

/// True once a process has begun the run.
pub fn has_begun(files: &HostFiles, id: &str) -> bool {
    path(files, id).is_ok_and(|path| path.metadata().is_ok_and(|metadata| metadata.len() > 0))
}

/// The exit code in the last line of a run; None in any other.
fn ending(line: &str) -> Option<i32> {
    let last: Last = serde_json::from_str(line).ok()?;
    (last.event == "runDone").then_some(last.exit_code)
}

fn path(files: &HostFiles, id: &str) -> Result<PathBuf, HostError> {
    if !is_id(id) {
        return Err(HostError::NoRun { id: id.into() });
    }
    Ok(files.real(Path::new(DIRECTORY))?.join(format!("{id}{ENDING}")))
}

fn open(path: &Path, write: bool) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new().read(true).append(write).custom_flags(flags).open(path)
}

/// True while a process holds the lock of a run.
fn is_locked(path: &Path) -> bool {
    let Ok(file) = open(path, false) else { return false };
    matches!(flock(&file, FlockOperation::NonBlockingLockShared), Err(rustix::io::Errno::WOULDBLOCK))
}

/// The files of runs, the oldest first.
fn found(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.strip_suffix(ENDING).is_some_and(is_id) {
            let changed = path.metadata().and_then(|metadata| metadata.modified())?;
            found.push((changed, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests;
