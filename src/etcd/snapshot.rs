//! A snapshot file: a database, followed by the SHA-256 of it, as etcd sends both.
//!
//! Reads: one open file. Writes: nothing.

use super::bolt::BoltError;
use super::database::{self, Contents};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The length of the checksum.
const CHECKSUM: u64 = 32;
/// A database consists of pages, whose size is a multiple of this.
const UNIT: u64 = 512;
/// How much is read at a time.
const PIECE: usize = 1 << 20;

/// A file is not an intact snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("{file} cannot be read")]
    Unreadable {
        file: String,
        #[source]
        source: io::Error,
    },
    #[error("{file} is not a snapshot of etcd: {why}")]
    NotOne { file: String, why: String },
    #[error("{file} is damaged: {why}")]
    Damaged { file: String, why: String },
}

impl Fault for SnapshotError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { file, .. } => format!("run 'ls -la {file}' to see whether it exists and may be read"),
            Self::NotOne { .. } => "give a file that 'kubewright etcd snapshot save' or 'etcdctl snapshot save' wrote".into(),
            Self::Damaged { .. } => "use another snapshot: copy it again from where it was kept, or run 'ls -la /var/lib/kubewright/snapshots' on each control plane".into(),
        })
    }
}

/// A snapshot that was read completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The size of the database in bytes.
    pub size: u64,
    /// The SHA-256 of the database.
    pub sha256: String,
    /// The file has that checksum. A database that was copied from a data directory has none.
    pub has_checksum: bool,
    pub contents: Contents,
}

/// Reads and verifies a file; `name` is for messages.
pub fn read(file: &File, name: &str) -> Result<Snapshot, SnapshotError> {
    let unreadable = |source| SnapshotError::Unreadable { file: name.into(), source };
    let damaged = |why: &str| SnapshotError::Damaged { file: name.into(), why: why.into() };
    let there = file.metadata().map_err(unreadable)?;
    if !there.is_file() {
        return Err(SnapshotError::NotOne { file: name.into(), why: "it is not a regular file".into() });
    }
    let length = there.len();
    let has_checksum = match length % UNIT {
        0 if length > 0 => false,
        CHECKSUM if length > CHECKSUM => true,
        _ => return Err(damaged("its length is not that of a snapshot, so it is not complete")),
    };
    let size = if has_checksum { length - CHECKSUM } else { length };
    let sum = sum(file, size).map_err(unreadable)?;
    if has_checksum {
        let mut expected = [0; 32];
        file.read_exact_at(&mut expected, size).map_err(unreadable)?;
        if expected != sum {
            return Err(damaged("its checksum is not that of its content"));
        }
    }
    let contents = database::read(file, size).map_err(|error| match error {
        BoltError::Unreadable(source) => unreadable(source),
        BoltError::NotBolt => SnapshotError::NotOne { file: name.into(), why: error.to_string() },
        BoltError::Damaged(why) => damaged(&why),
    })?;
    Ok(Snapshot { size, sha256: hex::encode(sum), has_checksum, contents })
}

fn sum(file: &File, length: u64) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while at < length {
        let wanted = usize::try_from(length - at).unwrap_or(PIECE).min(PIECE);
        let Some(part) = piece.get_mut(..wanted) else { break };
        file.read_exact_at(part, at)?;
        hash.update(&*part);
        at += wanted as u64;
    }
    Ok(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::super::database::sample::database;
    use super::*;
    use std::io::Write;

    fn saved(bytes: &[u8]) -> Vec<u8> {
        [bytes, Sha256::digest(bytes).as_slice()].concat()
    }

    fn of(bytes: &[u8]) -> Result<Snapshot, SnapshotError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        read(&file, "a.db")
    }

    #[test]
    fn the_checksum_of_a_snapshot_is_verified() {
        let database = database(&[("/registry/a", Some(vec![1]))], &["n1"]);
        let found = of(&saved(&database)).unwrap();
        assert_eq!((found.size, found.has_checksum), (database.len() as u64, true));
        assert_eq!(found.sha256, hex::encode(Sha256::digest(&database)));
        assert_eq!(found.contents.revision, 2);
        assert!(!of(&database).unwrap().has_checksum, "it is a copy of a database");
        let mut changed = saved(&database);
        changed[9000] ^= 1;
        assert_eq!(of(&changed).unwrap_err().to_string(), "a.db is damaged: its checksum is not that of its content");
    }

    #[test]
    fn an_incomplete_or_other_file_is_refused() {
        let whole = saved(&database(&[("/registry/a", Some(vec![1]))], &["n1"]));
        for length in [0, 1, 31, 32, 4096, whole.len() - 1, whole.len() - 32 - 4096] {
            let error = of(&whole[..length]).unwrap_err();
            assert!(error.hint().is_some(), "{length}: {error}");
        }
        assert!(matches!(of(&vec![b'x'; 8192]), Err(SnapshotError::NotOne { .. })));
    }
}
