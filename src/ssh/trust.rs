//! Decides whether a host is the right one, before anything is sent to it.

use super::error::SshError;
use super::host_key::HostKey;
use super::known_hosts::{self, KnownHosts, KnownHostsError, Verdict};
use super::target::{Target, UnknownKeys};
use crate::base::env::Random;
use crate::base::gate::{Change, Gate};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;

/// Verifies the key of a host, and returns by what: a file and its line, or a pin.
pub(super) fn verify(
    target: &Target,
    key: &HostKey,
    known: &KnownHosts,
    gate: &Gate,
    random: &Random,
) -> Result<String, SshError> {
    let name = target.key_name();
    let found = shown(key);
    match known.verdict(&name, key, &target.pins) {
        Verdict::Known { file, line } => Ok(format!("{}:{line}", file.display())),
        Verdict::Pinned => Ok("pin".into()),
        Verdict::NotPinned { pins } => {
            let pinned: Vec<String> = pins.iter().map(super::Pin::fingerprint).collect();
            Err(SshError::PinMismatch { name, found, pinned: pinned.join(" or ") })
        }
        Verdict::Changed { known, file, line } => {
            Err(SshError::ChangedHostKey { name, found, known: shown(&known), file, line })
        }
        Verdict::Revoked { file, line } => Err(SshError::RevokedHostKey { name, found, file, line }),
        Verdict::Unknown { certified: None } if target.unknown_keys == UnknownKeys::Accept => {
            let Some(file) = target.known_hosts.first() else { return Err(unknown(target, name, key, None)) };
            accept(file, &name, key, target.hash_known_hosts, gate, random)?;
            Ok(format!("{}, to which it was added now", file.display()))
        }
        Verdict::Unknown { certified } => Err(unknown(target, name, key, certified)),
    }
}

/// Its type and its fingerprint.
fn shown(key: &HostKey) -> String {
    format!("{} {}", key.kind(), key.fingerprint())
}

fn unknown(target: &Target, name: String, key: &HostKey, certified: Option<(PathBuf, usize)>) -> SshError {
    let kind = match key.kind() {
        "ssh-ed25519" => "ed25519",
        "ssh-rsa" => "rsa",
        kind if kind.starts_with("ecdsa") => "ecdsa",
        kind => kind,
    };
    let note = certified.map(|(file, line)| {
        format!(" (a certificate of it would be known by {}:{line}, which is not supported)", file.display())
    });
    let add = match target.known_hosts.first() {
        // What is scanned from here has the host's own name.
        Some(file) if target.jumps.is_empty() && target.host_key_alias.is_none() => {
            let port = if target.port == 22 { String::new() } else { format!("-p {} ", target.port) };
            let scan = format!("ssh-keyscan {port}-t {kind} {}", target.host);
            format!(", or run '{scan} >> {0}' and compare what it added with 'ssh-keygen -lf {0}'", file.display())
        }
        _ => String::new(),
    };
    SshError::UnknownHostKey {
        found: shown(key),
        note: note.unwrap_or_default(),
        advice: format!(
            "compare it with 'ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub' on the console of the host; only if it is \
             the same, pin it in the entry of the host{add}"
        ),
        name,
    }
}

/// Several connections may accept keys at once, and each adds a line.
static WRITING: Mutex<()> = Mutex::new(());

/// Adds a line to the file of known hosts.
fn accept(file: &Path, name: &str, key: &HostKey, hash: bool, gate: &Gate, random: &Random) -> Result<(), SshError> {
    let wrong = |error: std::io::Error| KnownHostsError { file: file.to_owned(), why: error.to_string() };
    let salt = if hash {
        let mut salt = [0; 20];
        random.fill(&mut salt).map_err(wrong)?;
        Some(salt)
    } else {
        None
    };
    let line = known_hosts::line(name, key, salt);
    let change = Change::WriteFile { path: file.to_owned(), mode: 0o600, before: None, after: line.clone() };
    gate.pass(change, || {
        let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        append(file, &line)
    })
    .map_err(wrong)?;
    Ok(())
}

fn append(file: &Path, line: &str) -> std::io::Result<()> {
    if let Some(directory) = file.parent()
        && !directory.exists()
    {
        DirBuilder::new().mode(0o700).create(directory)?;
    }
    let mut opened = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file)?;
    let mut text = String::new();
    // A file without a line break at its end would join two lines.
    if opened.seek(SeekFrom::End(-1)).is_ok() {
        let mut last = [0];
        opened.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push('\n');
        }
    }
    text += line;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()
}
