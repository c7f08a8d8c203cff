//! Flushes file systems before the processes that serve their disks are stopped.
//!
//! Reads: nothing. Writes: nothing new; the kernel writes its buffers.

use super::command::Host;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The timeout for a network disk that does not respond.
const LIMIT: Duration = Duration::from_secs(30);

/// Flushes the file systems that are mounted at `paths`, all at once; returns those that could not be, and why.
pub fn all(host: &Host, paths: &[PathBuf]) -> Vec<(PathBuf, String)> {
    let flushed = host.gate.effect(|| Ok::<_, std::convert::Infallible>(run(host, paths)));
    flushed.ok().flatten().unwrap_or_default()
}

fn run(host: &Host, paths: &[PathBuf]) -> Vec<(PathBuf, String)> {
    let (done, ended) = channel();
    let seen = Arc::default();
    for path in paths {
        let real = host.files.root().join(path.strip_prefix("/").unwrap_or(path));
        start(path.clone(), real, Arc::clone(&seen), done.clone());
    }
    drop(done);
    let mut waiting: Vec<PathBuf> = paths.to_vec();
    let mut failed = Vec::new();
    let begun = host.clock.monotonic();
    while !waiting.is_empty() {
        let elapsed = host.clock.monotonic().saturating_sub(begun);
        let Ok((path, outcome)) = ended.recv_timeout(LIMIT.saturating_sub(elapsed)) else { break };
        waiting.retain(|other| *other != path);
        if let Err(why) = outcome {
            failed.push((path, why));
        }
    }
    let silent = |path| (path, format!("it did not respond within {} s", LIMIT.as_secs()));
    failed.extend(waiting.into_iter().map(silent));
    failed.sort();
    failed
}

type Outcome = (PathBuf, Result<(), String>);

/// In a thread that is abandoned when it hangs, because it cannot be interrupted in the kernel.
fn start(path: PathBuf, real: PathBuf, seen: Arc<Mutex<HashSet<u64>>>, done: Sender<Outcome>) {
    std::thread::spawn(move || {
        let outcome = flush(&real, &seen).map_err(|errno| std::io::Error::from(errno).to_string());
        // The receiver is dropped after the timeout.
        let _ = done.send((path, outcome));
    });
}

/// Each file system once, however often it is mounted.
fn flush(path: &Path, seen: &Mutex<HashSet<u64>>) -> Result<(), rustix::io::Errno> {
    let found = rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)?;
    let open = || rustix::fs::open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
    match FileType::from_raw_mode(found.st_mode) {
        FileType::BlockDevice => rustix::fs::fsync(open()?),
        FileType::Directory | FileType::RegularFile => {
            if !seen.lock().unwrap_or_else(PoisonError::into_inner).insert(found.st_dev) {
                return Ok(());
            }
            rustix::fs::syncfs(open()?)
        }
        // Opening another kind of device, or a pipe, may do something.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn what_cannot_be_flushed_is_reported_and_the_rest_is_flushed() {
        let fake = FakeHost::new().file("/a/file", "x").file("/b/file", "y");
        let paths = ["/a", "/b/file", "/gone"].map(PathBuf::from);
        let failed = all(&fake.live(), &paths);
        assert_eq!(failed.len(), 1);
        assert!(failed[0].0.ends_with("gone") && failed[0].1.contains("No such file"), "{failed:?}");
        assert_eq!(all(&fake.dry(), &paths), []);
    }
}
