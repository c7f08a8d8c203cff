//! The layout of a bbolt page: a head, then entries with the positions of their keys and values.

use super::error::{BoltError, damaged};

/// The length of a page's head: its number, flags, count and further pages.
pub const HEAD: usize = 16;
/// The length of a meta page after its head.
pub const META: usize = 64;
/// The length of an entry's fixed part.
const ENTRY: usize = 16;
/// The length of a bucket's value: its root page and a sequence number.
const BUCKET: usize = 16;

const BRANCH: u16 = 1;
const LEAF: u16 = 2;
const META_FLAG: u16 = 4;
/// The flag of an entry whose value is a bucket.
const IS_BUCKET: u32 = 1;

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;

/// The start of a transaction's state, of which a file has the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    pub page_size: u64,
    pub root: u64,
    /// The first page number that is not used.
    pub end: u64,
    pub transaction: u64,
}

/// A whole page, with the pages that continue it.
pub struct Page {
    bytes: Vec<u8>,
    is_branch: bool,
    count: usize,
}

/// A key and its value, to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub is_bucket: bool,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// A key and its value.
pub struct Entry<'a> {
    pub is_bucket: bool,
    pub key: &'a [u8],
    pub value: &'a [u8],
}

impl Page {
    /// Checks the head of the page with this number.
    pub fn of(bytes: Vec<u8>, number: u64) -> Result<Self, BoltError> {
        if u64_at(&bytes, 0) != Some(number) {
            return damaged(format!("page {number} has another number"));
        }
        Self::checked(bytes)
    }

    /// The page of a small bucket, which has no number.
    pub fn inline(bytes: &[u8]) -> Result<Self, BoltError> {
        Self::checked(bytes.to_vec())
    }

    fn checked(bytes: Vec<u8>) -> Result<Self, BoltError> {
        let (flags, count) = (u16_at(&bytes, 8), u16_at(&bytes, 10));
        let (Some(flags @ (BRANCH | LEAF)), Some(count)) = (flags, count) else {
            return damaged("a page is neither a branch nor a leaf");
        };
        Ok(Self { bytes, is_branch: flags == BRANCH, count: count.into() })
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Number, flags, count and further pages.
    pub fn head(&self) -> &[u8] {
        self.bytes.get(..HEAD).unwrap_or_default()
    }

    /// In bytes.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_branch(&self) -> bool {
        self.is_branch
    }

    /// The page that an entry of a branch refers to; None in a leaf.
    pub fn below(&self, nth: usize) -> Result<Option<u64>, BoltError> {
        if !self.is_branch {
            return Ok(None);
        }
        match u64_at(&self.bytes, HEAD + nth * ENTRY + 8) {
            Some(number) => Ok(Some(number)),
            None => damaged("a page is shorter than its entries"),
        }
    }

    /// An entry of a leaf.
    pub fn entry(&self, nth: usize) -> Result<Entry<'_>, BoltError> {
        let start = HEAD + nth * ENTRY;
        let field = |at: usize| u32_at(&self.bytes, start + at);
        let found = || {
            let (flags, place, key, value) = (field(0)?, field(4)?, field(8)?, field(12)?);
            let place = start.checked_add(usize::try_from(place).ok()?)?;
            let middle = place.checked_add(usize::try_from(key).ok()?)?;
            let end = middle.checked_add(usize::try_from(value).ok()?)?;
            let is_bucket = flags & IS_BUCKET != 0;
            Some(Entry { is_bucket, key: self.bytes.get(place..middle)?, value: self.bytes.get(middle..end)? })
        };
        found().map_or_else(|| damaged("an entry lies outside of its page"), Ok)
    }
}

/// A leaf with the number of another page and these entries.
pub fn leaf(head: &[u8], pairs: &[Pair]) -> Vec<u8> {
    let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let mut table = Vec::new();
    let mut data: Vec<u8> = Vec::new();
    for (nth, pair) in pairs.iter().enumerate() {
        // Positions count from the entry itself.
        let place = number((pairs.len() - nth) * ENTRY + data.len());
        let flags = u32::from(pair.is_bucket) * IS_BUCKET;
        table.extend([flags.to_le_bytes(), place, number(pair.key.len()), number(pair.value.len())].concat());
        data.extend_from_slice(&pair.key);
        data.extend_from_slice(&pair.value);
    }
    let count = u16::try_from(pairs.len()).unwrap_or(u16::MAX).to_le_bytes();
    let (id, further) = (head.get(..8).unwrap_or_default(), head.get(12..HEAD).unwrap_or_default());
    [id, &LEAF.to_le_bytes(), &count, further, &table, &data].concat()
}

/// The number of pages that a page occupies.
pub fn length(head: &[u8]) -> u64 {
    u64::from(u32_at(head, 12).unwrap_or_default()) + 1
}

/// The root page of a bucket, 0 for one that is kept in its parent, and what follows.
pub fn bucket(value: &[u8]) -> Option<(u64, &[u8])> {
    Some((u64_at(value, 0)?, value.get(BUCKET..)?))
}

/// A meta page with its head.
pub fn meta(bytes: &[u8]) -> Option<Meta> {
    let body = bytes.get(HEAD..HEAD + META)?;
    let is_one = u16_at(bytes, 8)? & META_FLAG != 0 && u32_at(body, 0)? == MAGIC && u32_at(body, 4)? == VERSION;
    let meta = Meta {
        page_size: u32_at(body, 8)?.into(),
        root: u64_at(body, 16)?,
        end: u64_at(body, 40)?,
        transaction: u64_at(body, 48)?,
    };
    (is_one && u64_at(body, 56)? == checksum(body.get(..56)?)).then_some(meta)
}

/// FNV-1a with 64 bits.
pub fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
