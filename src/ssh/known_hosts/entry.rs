//! One line of a file of known hosts.

use super::super::config::pattern;
use super::super::host_key::HostKey;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::{Path, PathBuf};

/// What a line says about its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// The host has it.
    None,
    /// It signs keys of hosts.
    Ca,
    /// No host has it any more.
    Revoked,
}

/// A line: its marker, its names and its key.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub marker: Marker,
    names: Names,
    pub key: HostKey,
    pub file: PathBuf,
    pub line: usize,
}

#[derive(Clone, Debug)]
enum Names {
    /// Patterns, negated ones start with an exclamation mark.
    Patterns(Vec<String>),
    /// The salt, and the HMAC-SHA-1 of the name.
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

impl Entry {
    /// None for comments, empty lines, and lines that are damaged or of a kind that this program does not know.
    pub(super) fn read(text: &str, file: &Path, line: usize) -> Option<Self> {
        let mut words = text.split_whitespace();
        let first = words.next().filter(|word| !word.starts_with('#'))?;
        let (marker, names) = match first {
            "@revoked" => (Marker::Revoked, words.next()?),
            "@cert-authority" => (Marker::Ca, words.next()?),
            word if word.starts_with('@') => return None,
            names => (Marker::None, names),
        };
        let (kind, key) = (words.next()?, HostKey::decode(words.next()?)?);
        if key.kind() != kind {
            return None;
        }
        Some(Self { marker, names: Names::read(names)?, key, file: file.to_owned(), line })
    }

    /// True if the line is about the host of that name.
    pub(super) fn covers(&self, name: &str) -> bool {
        match &self.names {
            Names::Patterns(patterns) => pattern::matches_list(patterns.iter().map(String::as_str), name),
            Names::Hashed { salt, hash } => hmac_sha1(salt, name) == *hash,
        }
    }
}

impl Names {
    fn read(text: &str) -> Option<Self> {
        let Some(rest) = text.strip_prefix("|1|") else {
            return Some(Self::Patterns(text.to_lowercase().split(',').map(str::to_owned).collect()));
        };
        let (salt, hash) = rest.split_once('|')?;
        Some(Self::Hashed { salt: STANDARD.decode(salt).ok()?, hash: STANDARD.decode(hash).ok()? })
    }
}

/// The name as `HashKnownHosts` writes it.
pub(super) fn hashed(name: &str, salt: &[u8]) -> String {
    format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hmac_sha1(salt, name)))
}

/// The format of OpenSSH has SHA-1. It hides names; nothing is trusted because of it.
fn hmac_sha1(salt: &[u8], name: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
    hmac::sign(&key, name.as_bytes()).as_ref().to_vec()
}
