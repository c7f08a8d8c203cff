//! What etcd keeps in its database file: the keys with their revisions, and the members.
//!
//! Reads: one open file. Writes: nothing.

use super::bolt::{Bolt, BoltError, Bucket};
use super::member::Member;
use prost::Message;
use serde_json::Value;
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher;

/// A revision, `_` and the number within the revision.
const REVISION: usize = 17;
/// How many of the newest revisions are searched for the time of the last write.
const NEWEST: usize = 200;
/// More keys than this are not counted: etcd becomes slow long before.
const MOST_KEYS: usize = 4_000_000;
/// More members than a cluster can have.
const MOST_MEMBERS: usize = 100;

/// The content of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The newest revision.
    pub revision: u64,
    /// The number of stored revisions of keys.
    pub revisions: u64,
    /// The number of keys that exist; None if there are too many to count.
    pub keys: Option<u64>,
    /// When the newest objects were made or, for Leases, renewed, in seconds since the epoch; None if none of the newest ones
    /// has a time that can be read.
    pub last_write: Option<i64>,
    /// The members as this one knew them.
    pub members: Vec<Member>,
    /// The version of etcd that the cluster agreed on: `3.4.0`.
    pub cluster_version: Option<String>,
}

/// `mvccpb.KeyValue`, without what is not used.
#[derive(Clone, PartialEq, Message)]
struct Key {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

/// The same with its value.
#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(bytes = "vec", tag = "5")]
    value: Vec<u8>,
}

/// `runtime.Unknown`: an object as Kubernetes stores it, after four bytes.
#[derive(Clone, PartialEq, Message)]
struct Stored {
    #[prost(message, optional, tag = "1")]
    kind: Option<TypeMeta>,
    #[prost(bytes = "vec", tag = "2")]
    raw: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeMeta {
    #[prost(string, tag = "2")]
    kind: String,
}

/// Any object: its metadata.
#[derive(Clone, PartialEq, Message)]
struct Object {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
}

#[derive(Clone, PartialEq, Message)]
struct ObjectMeta {
    #[prost(message, optional, tag = "8")]
    creation: Option<Time>,
}

#[derive(Clone, PartialEq, Message)]
struct Lease {
    #[prost(message, optional, tag = "2")]
    spec: Option<LeaseSpec>,
}

#[derive(Clone, PartialEq, Message)]
struct LeaseSpec {
    #[prost(message, optional, tag = "4")]
    renewal: Option<Time>,
}

#[derive(Clone, PartialEq, Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

/// Reads all of a database. `length` is that of the database in the file.
pub fn read(file: &File, length: u64) -> Result<Contents, BoltError> {
    let bolt = Bolt::open(file, length)?;
    let mut contents = Contents::default();
    if let Some(keys) = bolt.bucket(b"key")? {
        count(&bolt, &keys, &mut contents)?;
        contents.last_write = last_write(&bolt, &keys)?;
    } else {
        return Err(BoltError::NotBolt);
    }
    contents.members = members(&bolt)?;
    let version = bolt.bucket(b"cluster")?.map(|cluster| bolt.value(&cluster, b"clusterVersion")).transpose()?;
    contents.cluster_version = version
        .flatten()
        .and_then(|text| String::from_utf8(text).ok())
        .filter(|text| text.len() < 32 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    Ok(contents)
}

/// Only the members, without a look at the keys.
pub fn members_in(file: &File) -> Result<Vec<Member>, BoltError> {
    let length = file.metadata().map_err(BoltError::Unreadable)?.len();
    members(&Bolt::open(file, length)?)
}

/// The revision of a key of the bucket, and whether its key was deleted then.
fn revision(key: &[u8]) -> Option<(u64, bool)> {
    let main = u64::from_be_bytes(key.get(..8)?.try_into().ok()?);
    match key.get(REVISION..)? {
        [] => Some((main, false)),
        [b't'] => Some((main, true)),
        _ => None,
    }
}

fn count(bolt: &Bolt<'_>, keys: &Bucket, contents: &mut Contents) -> Result<(), BoltError> {
    // The hashes of the keys take a fraction of the memory; that two are equal is as good as impossible.
    let hasher = RandomState::new();
    let mut live = Some(HashSet::new());
    let mut problem = None;
    bolt.each(keys, |key, value| {
        let (Some((revision, is_deletion)), Ok(Key { key })) = (revision(key), Key::decode(value)) else {
            problem = Some("a key has no revision");
            return false;
        };
        contents.revision = contents.revision.max(revision);
        contents.revisions += 1;
        if let Some(known) = &mut live {
            let hash = hasher.hash_one(&key);
            if is_deletion {
                known.remove(&hash)
            } else {
                known.insert(hash)
            };
        }
        if live.as_ref().is_some_and(|known| known.len() > MOST_KEYS) {
            live = None;
        }
        true
    })?;
    contents.keys = live.map(|known| known.len() as u64);
    problem.map_or(Ok(()), |why| Err(BoltError::Damaged(why.into())))
}

/// The newest time in the newest objects: etcd itself records none.
fn last_write(bolt: &Bolt<'_>, keys: &Bucket) -> Result<Option<i64>, BoltError> {
    let mut seen = 0;
    let mut newest = None;
    bolt.each_backwards(keys, |_, value| {
        seen += 1;
        newest = newest.max(KeyValue::decode(value).ok().and_then(|stored| time_in(&stored.value)));
        seen < NEWEST
    })?;
    Ok(newest)
}

fn time_in(value: &[u8]) -> Option<i64> {
    let stored = Stored::decode(value.strip_prefix(b"k8s\0")?).ok()?;
    let raw = stored.raw.as_slice();
    let creation = Object::decode(raw).ok().and_then(|object| object.metadata?.creation);
    let is_lease = stored.kind.is_some_and(|kind| kind.kind == "Lease");
    let renewal = if is_lease { Lease::decode(raw).ok().and_then(|lease| lease.spec?.renewal) } else { None };
    let times = [creation, renewal].into_iter().flatten().map(|time| time.seconds);
    // A time that is none is of damaged or encrypted data.
    times.filter(|seconds| (1..1 << 40).contains(seconds)).max()
}

fn members(bolt: &Bolt<'_>) -> Result<Vec<Member>, BoltError> {
    let mut members = Vec::new();
    if let Some(bucket) = bolt.bucket(b"members")? {
        bolt.each(&bucket, |_, value| {
            members.extend(serde_json::from_slice::<Value>(value).ok().map(|value| Member::stored(&value)));
            members.len() < MOST_MEMBERS
        })?;
    }
    if let Some(removed) = bolt.bucket(b"members_removed")? {
        bolt.each(&removed, |key, _| {
            members.retain(|member| format!("{:x}", member.id).as_bytes() != key);
            true
        })?;
    }
    Ok(members)
}

/// A database with these keys, deleted ones without a value, of these members.
#[cfg(test)]
pub mod sample {
    use super::super::bolt::sample::bolt;
    use super::*;

    /// The keys, one revision each from 2 on, and the members with their ids from 1 on.
    pub fn database(keys: &[(&str, Option<Vec<u8>>)], members: &[&str]) -> Vec<u8> {
        let field = |tag: u8, bytes: &[u8]| {
            let length = u8::try_from(bytes.len()).unwrap();
            assert!(length < 128);
            [&[tag << 3 | 2, length], bytes].concat()
        };
        let pair = |(nth, (key, value)): (usize, &(&str, Option<Vec<u8>>))| {
            let revision = [&(nth as u64 + 2).to_be_bytes(), b"_".as_slice(), &[0; 8]].concat();
            match value {
                Some(value) => (revision, [field(1, key.as_bytes()), field(5, value)].concat()),
                None => ([revision.as_slice(), b"t"].concat(), field(1, key.as_bytes())),
            }
        };
        let member = |(nth, name): (usize, &&str)| {
            let id = nth + 1;
            let text = format!(
                r#"{{"id":{id},"peerURLs":["https://{name}:2380"],"name":"{name}","clientURLs":["https://{name}:2379"]}}"#
            );
            (format!("{id:x}").into_bytes(), text.into_bytes())
        };
        let buckets = [
            ("key", keys.iter().enumerate().map(pair).collect()),
            ("members", members.iter().enumerate().map(member).collect()),
            ("cluster", vec![(b"clusterVersion".to_vec(), b"3.4.0".to_vec())]),
            (
                "meta",
                vec![
                    (b"confState".to_vec(), b"{}".to_vec()),
                    (b"consistent_index".to_vec(), vec![0, 0, 0, 0, 0, 0, 1, 7]),
                    (b"storageVersion".to_vec(), b"3.6.0".to_vec()),
                    (b"term".to_vec(), vec![0, 0, 0, 0, 0, 0, 0, 2]),
                ],
            ),
        ];
        bolt(&buckets, 4)
    }

    /// A Lease that was renewed at a time, as Kubernetes stores it.
    pub fn lease(seconds: i64) -> Vec<u8> {
        let spec = LeaseSpec { renewal: Some(Time { seconds }) };
        let kind = Some(TypeMeta { kind: "Lease".into() });
        let raw = Lease { spec: Some(spec) }.encode_to_vec();
        [b"k8s\0".as_slice(), &Stored { kind, raw }.encode_to_vec()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::sample::{database, lease};
    use super::*;
    use std::io::Write;

    fn contents(bytes: &[u8]) -> Result<Contents, BoltError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        read(&file, bytes.len() as u64)
    }

    #[test]
    fn keys_revisions_members_and_the_last_write_are_read() {
        let object = |value: &str| Some(value.as_bytes().to_vec());
        let keys = [
            ("/registry/pods/a", object("1")),
            ("/registry/pods/b", object("1")),
            ("/registry/pods/a", object("2")),
            ("/registry/leases/c", Some(lease(1_795_238_460))),
            ("/registry/pods/b", None),
        ];
        let found = contents(&database(&keys, &["n1", "n2"])).unwrap();
        assert_eq!((found.revision, found.revisions, found.keys), (6, 5, Some(2)));
        assert_eq!(found.last_write, Some(1_795_238_460));
        let names: Vec<_> = found.members.iter().map(|member| (member.id, member.name.as_str())).collect();
        assert_eq!(names, [(1, "n1"), (2, "n2")]);
        assert_eq!(found.members[0].client_urls, ["https://n1:2379"]);
        assert_eq!(found.cluster_version.as_deref(), Some("3.4.0"));
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&database(&keys, &["n1", "n2"])).unwrap();
        assert_eq!(members_in(&file).unwrap(), found.members);
    }

    #[test]
    fn objects_without_a_time_leave_the_last_write_unknown() {
        let encrypted = Some(b"k8s:enc:aescbc:v1:key1:xxxx".to_vec());
        let keys = [("/registry/secrets/a", encrypted), ("/registry/leases/b", Some(b"k8s\0\xff\xff".to_vec()))];
        assert_eq!(contents(&database(&keys, &[])).unwrap().last_write, None);
    }

    #[test]
    fn a_database_of_another_program_is_not_etcds() {
        let other = super::super::bolt::sample::bolt(&[("images", vec![(b"a".to_vec(), b"b".to_vec())])], 3);
        assert!(matches!(contents(&other), Err(BoltError::NotBolt)));
        let broken = super::super::bolt::sample::bolt(&[("key", vec![(b"a".to_vec(), b"b".to_vec())])], 3);
        assert!(matches!(contents(&broken), Err(BoltError::Damaged(_))));
    }
}
