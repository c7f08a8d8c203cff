//! Makes the database of a snapshot one with which etcd starts as a new cluster.
//!
//! etcd that starts with a database and without a log makes a new log. Three things in the database are of the old cluster, and
//! are changed, as etcd's own `snapshot restore` does: the members, the position in the old log, up to which etcd would ignore the
//! entries of the new one, and the newest revision. The last is raised, and all revisions up to it are marked as compacted:
//! revisions are never used twice, and clients that watch from one that the restored data does not have get an error and read again.
//!
//! Reads and writes: one open file, which is a copy.

use super::bolt::{Bolt, BoltError, Pair};
use super::database::{self, Contents};
use std::fs::File;

/// By how much the revision is raised, as etcd's documents advise: more than a cluster writes in a week.
pub const RAISE: u64 = 1_000_000_000;

/// The position in the log, its term, and the members with a vote according to the log.
const POSITION: &[u8] = b"consistent_index";
const OF_THE_LOG: [&[u8]; 3] = [POSITION, b"term", b"confState"];
/// Up to where revisions are compacted, and are to be.
const COMPACTED: [&[u8]; 2] = [b"finishedCompactRev", b"scheduledCompactRev"];

/// Changes the file, whose database has this length, and verifies it: nothing but the members may differ for a reader.
pub fn make(file: &File, length: u64, revision: u64, expected: &Contents) -> Result<(), BoltError> {
    let bolt = Bolt::open(file, length)?;
    bolt.change_buckets(&|name, pairs| match name {
        b"members" | b"members_removed" => Some(Vec::new()),
        b"meta" => Some(meta(pairs, revision)),
        _ => None,
    })?;
    let bolt = Bolt::open(file, length)?;
    let Some(meta) = bolt.bucket(b"meta")? else { return missing() };
    if bolt.value(&meta, POSITION)?.as_deref() != Some(&[0; 8]) {
        return missing();
    }
    let there = database::read(file, length)?;
    let wanted = Contents { members: Vec::new(), ..expected.clone() };
    if there == wanted { Ok(()) } else { Err(BoltError::Damaged("its content differs after the change".into())) }
}

fn missing<T>() -> Result<T, BoltError> {
    Err(BoltError::Damaged("it has no record of its position in etcd's log".into()))
}

fn meta(pairs: Vec<Pair>, revision: u64) -> Vec<Pair> {
    let is_kept = |pair: &Pair| ![OF_THE_LOG.as_slice(), &COMPACTED].concat().contains(&pair.key.as_slice());
    let mut kept: Vec<Pair> = pairs.into_iter().filter(is_kept).collect();
    let mut add = |key: &[u8], value: Vec<u8>| kept.push(Pair { is_bucket: false, key: key.to_vec(), value });
    add(POSITION, vec![0; 8]);
    for key in COMPACTED {
        add(key, [&revision.to_be_bytes(), b"_".as_slice(), &[0; 8]].concat());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::bolt::sample::bolt;
    use super::super::sample_database;
    use super::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// The keys of the bucket `meta`.
    fn meta_of(file: &File, length: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let bolt = Bolt::open(file, length).unwrap();
        let mut found = Vec::new();
        let bucket = bolt.bucket(b"meta").unwrap().unwrap();
        bolt.each(&bucket, |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            true
        })
        .unwrap();
        found
    }

    #[test]
    fn members_and_the_position_in_the_old_log_are_dropped_and_revisions_raised() {
        let bytes = sample_database(&[("/registry/a", Some(vec![1]))], &["n1", "n2"]);
        let length = bytes.len() as u64;
        let file = file(&bytes);
        let before = database::read(&file, length).unwrap();
        assert_eq!(before.members.len(), 2);
        make(&file, length, 2 + RAISE, &before).unwrap();
        let after = database::read(&file, length).unwrap();
        assert!(after.members.is_empty());
        assert_eq!((after.revision, after.keys), (before.revision, before.keys));
        let compacted = [&1_000_000_002_u64.to_be_bytes(), b"_".as_slice(), &[0; 8]].concat();
        let expected: Vec<(Vec<u8>, Vec<u8>)> = vec![
            (b"consistent_index".to_vec(), vec![0; 8]),
            (b"finishedCompactRev".to_vec(), compacted.clone()),
            (b"scheduledCompactRev".to_vec(), compacted),
            (b"storageVersion".to_vec(), b"3.6.0".to_vec()),
        ];
        assert_eq!(meta_of(&file, length), expected);
    }

    /// etcd would ignore the first entries of its new log, and never have a member.
    #[test]
    fn a_database_without_a_position_is_refused() {
        let bytes = bolt(&[("key", Vec::new()), ("members", Vec::new())], 3);
        let length = bytes.len() as u64;
        let error = make(&file(&bytes), length, 9, &Contents::default()).unwrap_err();
        assert!(error.to_string().contains("no record of its position"), "{error}");
    }

    #[test]
    fn a_page_without_room_is_an_error_and_not_cut_off() {
        let pairs = |size: usize| vec![(b"consistent_index".to_vec(), vec![7; 8]), (b"x".to_vec(), vec![7; size])];
        for (size, fits) in [(3800, true), (4000, false)] {
            let bytes = bolt(&[("key", Vec::new()), ("meta", pairs(size))], 3);
            let (file, length) = (file(&bytes), bytes.len() as u64);
            let made = make(&file, length, 9, &database::read(&file, length).unwrap());
            assert_eq!(made.is_ok(), fits, "{size}: {made:?}");
        }
    }
}
