//! The files of known hosts: which key a host must have.
//!
//! Our own reader, because libssh2's ignores revoked keys, does not look for `[HOST]:PORT` and cannot say which types of
//! keys are known, which has to be clear before the handshake. Reads plain and hashed names, patterns and negation, and
//! the markers `@revoked` and `@cert-authority` (which is skipped: certificates of hosts are not supported).

mod entry;

use super::host_key::{HostKey, Pin};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::sanitize;
use entry::{Entry, Marker};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// More than a file with ten thousand hosts needs.
const LONGEST: u64 = 16 << 20;

/// A file of known hosts exists but cannot be read: the key of a host in it would look unknown, and a revoked one good.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the known hosts in {}: {why}", file.display())]
pub struct KnownHostsError {
    pub file: PathBuf,
    pub why: String,
}

impl Fault for KnownHostsError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(format!("run 'ls -l {}'", self.file.display()))
    }
}

/// The name under which a host is known: `HOST`, or `[HOST]:PORT` for other ports than 22. In lower case.
pub fn name(host: &str, port: u16) -> String {
    let host = host.to_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

/// The known hosts of some files.
#[derive(Clone, Debug, Default)]
pub struct KnownHosts {
    entries: Vec<Entry>,
}

/// What the files, or the pins, say about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the key of the host.
    Known { file: PathBuf, line: usize },
    /// It is a pinned key.
    Pinned,
    /// It is not the pinned key.
    NotPinned { pins: Vec<Pin> },
    /// The host is known by another key.
    Changed { known: HostKey, file: PathBuf, line: usize },
    /// The key is marked as revoked.
    Revoked { file: PathBuf, line: usize },
    /// The host is not known. `certified`: it is known by the CA of its key, which is not supported.
    Unknown { certified: Option<(PathBuf, usize)> },
}

impl KnownHosts {
    /// Reads the files that exist.
    pub fn read(files: &[PathBuf]) -> Result<Self, KnownHostsError> {
        let mut known = Self::default();
        for file in files {
            let wrong = |why: String| KnownHostsError { file: file.clone(), why };
            let mut bytes = Vec::new();
            match std::fs::File::open(file) {
                Ok(opened) => {
                    opened.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(wrong(error.to_string())),
            }
            if bytes.len() as u64 > LONGEST {
                return Err(wrong(format!("it is larger than {LONGEST} bytes")));
            }
            known.add(file, &String::from_utf8_lossy(&bytes));
        }
        Ok(known)
    }

    /// Adds the lines of a file. As in OpenSSH, lines that are none are skipped.
    pub fn add(&mut self, file: &Path, text: &str) {
        self.entries.extend(text.lines().enumerate().filter_map(|(index, line)| Entry::read(line, file, index + 1)));
    }

    /// The types of keys that are known for the name, the first known first. The host is asked for these first: another
    /// of its keys would look like a changed one.
    pub fn kinds(&self, name: &str, pins: &[Pin]) -> Vec<String> {
        let pinned = pins.iter().filter_map(Pin::kind);
        let known = self.of(name).map(|entry| entry.key.kind());
        let mut kinds: Vec<String> = Vec::new();
        for kind in pinned.chain(known) {
            if !kinds.iter().any(|known| known == kind) {
                kinds.push(kind.to_owned());
            }
        }
        kinds
    }

    /// What is known about the key of the host of that name. A revoked key is refused even if it is pinned.
    pub fn verdict(&self, name: &str, key: &HostKey, pins: &[Pin]) -> Verdict {
        let revoked = |entry: &&Entry| entry.marker == Marker::Revoked && entry.key == *key && entry.covers(name);
        if let Some(Entry { file, line, .. }) = self.entries.iter().find(revoked) {
            return Verdict::Revoked { file: file.clone(), line: *line };
        }
        if !pins.is_empty() {
            return if pins.iter().any(|pin| pin.matches(key)) {
                Verdict::Pinned
            } else {
                Verdict::NotPinned { pins: pins.to_vec() }
            };
        }
        let mut other = None;
        for entry in self.of(name) {
            if entry.key == *key {
                return Verdict::Known { file: entry.file.clone(), line: entry.line };
            }
            other = other.or(Some(entry));
        }
        if let Some(Entry { key, file, line, .. }) = other {
            return Verdict::Changed { known: key.clone(), file: file.clone(), line: *line };
        }
        let certified = self.entries.iter().find(|entry| entry.marker == Marker::Ca && entry.covers(name));
        Verdict::Unknown { certified: certified.map(|entry| (entry.file.clone(), entry.line)) }
    }

    /// The lines with keys for the name; for `[HOST]:PORT` those of `HOST`, if there are no others: OpenSSH does so too.
    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        let named =
            |name: &'a str| self.entries.iter().filter(move |entry| entry.marker == Marker::None && entry.covers(name));
        let exact = named(name).next().is_some();
        let plain = name.strip_prefix('[').and_then(|rest| rest.split_once("]:")).map(|(host, _)| host);
        named(match plain {
            Some(plain) if !exact => plain,
            _ => name,
        })
    }
}

/// The line that makes a key known.
pub fn line(name: &str, key: &HostKey, salt: Option<[u8; 20]>) -> String {
    let name = salt.map_or_else(|| name.to_owned(), |salt| entry::hashed(name, &salt));
    format!("{} {} {}\n", name, sanitize::line(key.kind()), key.encode())
}

#[cfg(test)]
mod tests;
