//! The member and cluster that wrote a write-ahead log (WAL), from its first records.
//!
//! Every file of the log begins with a checksum record and a metadata record, each preceded by a 64-bit length; both
//! are protocol buffers. Nothing else of the log is read.

use serde::Serialize;
use std::fmt;

/// The part of a file that contains its metadata.
pub const HEAD: u64 = 4096;

/// `walpb.Record.type` of the metadata.
const METADATA: u64 = 1;
/// The first records of a file: checksum, metadata, snapshot.
const RECORDS: usize = 3;

/// A member of an etcd cluster, from its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    pub cluster: u64,
    pub member: u64,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "member {:x} of cluster {:x}", self.member, self.cluster)
    }
}

/// Parses the start of a log file; None if it is damaged or something else.
pub fn identity(head: &[u8]) -> Option<Identity> {
    let mut rest = head;
    for _ in 0..RECORDS {
        let (length, after) = rest.split_at_checked(8)?;
        let frame = u64::from_le_bytes(length.try_into().ok()?);
        // The upper byte contains the number of padding bytes, with its highest bit as a flag.
        let length = usize::try_from(frame & 0x00ff_ffff_ffff_ffff).ok()?;
        let padding = if frame >> 63 == 1 { usize::try_from((frame >> 56) & 0x7).ok()? } else { 0 };
        let record = after.get(..length)?;
        if fields(record)?.contains(&Field::Number(1, METADATA)) {
            let data = fields(record)?.into_iter().find_map(|field| match field {
                Field::Bytes(3, data) => Some(data),
                _ => None,
            })?;
            return metadata(data);
        }
        rest = after.get(length.checked_add(padding)?..)?;
    }
    None
}

/// `etcdserverpb.Metadata`.
fn metadata(data: &[u8]) -> Option<Identity> {
    let fields = fields(data)?;
    let number = |wanted| {
        fields.iter().find_map(|field| match field {
            Field::Number(id, value) if *id == wanted => Some(*value),
            _ => None,
        })
    };
    Some(Identity { member: number(1)?, cluster: number(2)? })
}

/// One field of a message.
#[derive(PartialEq)]
enum Field<'a> {
    Number(u64, u64),
    Bytes(u64, &'a [u8]),
}

/// The fields of a message; None if it is not a message, or has fields that neither record has.
fn fields(mut message: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let (id, value) = (tag >> 3, varint(&mut message)?);
        fields.push(match tag & 7 {
            0 => Field::Number(id, value),
            2 => {
                let (bytes, rest) = message.split_at_checked(usize::try_from(value).ok()?)?;
                message = rest;
                Field::Bytes(id, bytes)
            }
            _ => return None,
        });
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The start of a log of this member, as etcd writes it.
#[cfg(test)]
pub fn sample(identity: Identity) -> Vec<u8> {
    fn number(value: u64) -> Vec<u8> {
        let (low, rest) = (u8::try_from(value & 0x7f).unwrap_or_default(), value >> 7);
        if rest == 0 { vec![low] } else { [vec![low | 0x80], number(rest)].concat() }
    }
    let frame = |record: Vec<u8>| {
        let padding = (8 - record.len() % 8) % 8;
        let mark = if padding == 0 { 0 } else { (0x80 | padding as u64) << 56 };
        [(record.len() as u64 | mark).to_le_bytes().to_vec(), record, vec![0; padding]].concat()
    };
    let data = [vec![0x08], number(identity.member), vec![0x10], number(identity.cluster)].concat();
    let checksum = vec![0x08, 4, 0x10, 0];
    let metadata = [vec![0x08, 1, 0x10, 7, 0x1a], number(data.len() as u64), data].concat();
    [frame(checksum), frame(metadata)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of a log that etcd 3.4.23 wrote.
    const WRITTEN: [u8; 56] = [
        0x04, 0, 0, 0, 0, 0, 0, 0x84, 0x08, 0x04, 0x10, 0, 0, 0, 0, 0, 0x1f, 0, 0, 0, 0, 0, 0, 0x81, 0x08, 0x01, 0x10,
        0xd4, 0xb7, 0xfb, 0xcd, 0x0c, 0x1a, 0x15, 0x08, 0x8a, 0xfe, 0xc6, 0x80, 0x8e, 0xde, 0x9a, 0x99, 0x32, 0x10,
        0xfa, 0xe2, 0x8f, 0xb6, 0xc8, 0xcc, 0x9b, 0xdd, 0xae, 0x01, 0,
    ];

    /// The ids that this etcd reported of itself.
    #[test]
    fn the_log_names_its_member_and_cluster() {
        let wanted = Identity { cluster: 12_590_497_086_304_416_122, member: 3_617_071_033_515_884_298 };
        assert_eq!(identity(&WRITTEN), Some(wanted));
        assert_eq!(identity(&sample(wanted)), Some(wanted));
        assert_eq!(wanted.to_string(), "member 32326af0e011bf0a of cluster aeba6e6486c3f17a");
    }

    #[test]
    fn damaged_or_unrelated_bytes_are_refused() {
        let whole = sample(Identity { cluster: 1, member: 2 });
        for length in 0..whole.len() - 8 {
            identity(&whole[..length]);
        }
        assert_eq!(identity(&WRITTEN[..40]), None);
        assert_eq!(identity(&[0xff; 64]), None);
        assert_eq!(identity(&[0; 4096]), None);
        assert_eq!(identity(b"kind: Pod\n"), None);
    }
}
