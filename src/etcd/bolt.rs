//! A reader of bbolt files, in which etcd keeps its keys; `edit` changes small buckets of a copy.
//!
//! The file may be damaged or made by another program: every position is checked, no page is larger than [`LARGEST`], and no more
//! pages are read than the file has. Only the order of bytes of today's processors is read.
//!
//! Reads: one open file. Writes: what `edit` changes.

mod edit;
mod error;
mod page;
#[cfg(test)]
pub mod sample;
#[cfg(test)]
mod tests;

pub use edit::Pair;
pub use error::BoltError;
use error::damaged;
use page::{Entry, Meta, Page};
use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// The largest run of pages that is read as one: etcd's own limit of a request is 1.5 MiB.
const LARGEST: u64 = 64 << 20;
/// The deepest tree: a page has room for dozens of references.
const DEEPEST: usize = 24;
/// The page sizes that bbolt uses, which are those of operating systems.
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 9..=16;

/// An open file.
pub struct Bolt<'a> {
    file: &'a File,
    /// The bytes of it that belong to the database.
    length: u64,
    meta: Meta,
    /// How many pages may still be read.
    left: Cell<u64>,
}

/// Where the keys of a bucket are.
pub struct Bucket(Page);

impl<'a> Bolt<'a> {
    /// Reads the state of the last complete transaction. `length` is that of the database in the file.
    pub fn open(file: &'a File, length: u64) -> Result<Self, BoltError> {
        let first = meta_at(file, 0, length)?;
        let second = if let Some(meta) = first {
            meta_at(file, meta.page_size, length)?
        } else {
            let mut others = PAGE_SIZES.map(|shift| meta_at(file, 1 << shift, length));
            others.find_map(Result::transpose).transpose()?
        };
        let metas = [first, second].into_iter().flatten();
        let Some(meta) = metas.max_by_key(|meta| meta.transaction) else { return Err(BoltError::NotBolt) };
        if meta.end.checked_mul(meta.page_size).is_none_or(|end| end > length) {
            return damaged("it ends before its last page");
        }
        Ok(Self { file, length, meta, left: Cell::new(meta.end) })
    }

    /// A bucket of the first level; None if there is none of this name.
    pub fn bucket(&self, name: &[u8]) -> Result<Option<Bucket>, BoltError> {
        self.left.set(self.meta.end);
        let root = self.page(self.meta.root)?;
        let mut found = None;
        self.walk(&root, false, 0, &mut |entry| {
            if entry.is_bucket && entry.key == name {
                found = Some(entry.value.to_vec());
            }
            found.is_none()
        })?;
        let Some(value) = found else { return Ok(None) };
        let Some((number, inline)) = page::bucket(&value) else { return damaged("a bucket has no root page") };
        // A small bucket is kept in its parent's page.
        let page = if number == 0 { Page::inline(inline)? } else { self.page(number)? };
        Ok(Some(Bucket(page)))
    }

    /// Shows the keys and values of a bucket in order, until `look` returns false.
    pub fn each(&self, bucket: &Bucket, mut look: impl FnMut(&[u8], &[u8]) -> bool) -> Result<(), BoltError> {
        self.visit(bucket, false, &mut look)
    }

    /// The same from the last key on.
    pub fn each_backwards(&self, bucket: &Bucket, mut look: impl FnMut(&[u8], &[u8]) -> bool) -> Result<(), BoltError> {
        self.visit(bucket, true, &mut look)
    }

    /// The value of a key of a small bucket.
    pub fn value(&self, bucket: &Bucket, key: &[u8]) -> Result<Option<Vec<u8>>, BoltError> {
        let mut found = None;
        self.each(bucket, |known, value| {
            if known == key {
                found = Some(value.to_vec());
            }
            found.is_none()
        })?;
        Ok(found)
    }

    fn visit(
        &self,
        bucket: &Bucket,
        backwards: bool,
        look: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), BoltError> {
        self.left.set(self.meta.end);
        self.walk(&bucket.0, backwards, 0, &mut |entry| entry.is_bucket || look(entry.key, entry.value)).map(drop)
    }

    /// False if `look` has seen enough.
    fn walk(
        &self,
        page: &Page,
        backwards: bool,
        depth: usize,
        look: &mut dyn FnMut(&Entry<'_>) -> bool,
    ) -> Result<bool, BoltError> {
        if depth > DEEPEST {
            return damaged("its pages refer to each other in a circle");
        }
        let count = page.count();
        for nth in 0..count {
            let at = if backwards { count - 1 - nth } else { nth };
            let goes_on = match page.below(at)? {
                Some(number) => self.walk(&self.page(number)?, backwards, depth + 1, look)?,
                None => look(&page.entry(at)?),
            };
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn page(&self, number: u64) -> Result<Page, BoltError> {
        let size = self.meta.page_size;
        let Some(start) = number.checked_mul(size).filter(|_| (2..self.meta.end).contains(&number)) else {
            return damaged(format!("it refers to page {number}, which does not exist"));
        };
        let mut head = [0; page::HEAD];
        self.file.read_exact_at(&mut head, start)?;
        let pages = page::length(&head);
        let bytes = pages.saturating_mul(size);
        if bytes > LARGEST || start.checked_add(bytes).is_none_or(|end| end > self.length) {
            return damaged(format!("page {number} is too large"));
        }
        let Some(left) = self.left.get().checked_sub(pages) else {
            return damaged("its pages refer to each other in a circle");
        };
        self.left.set(left);
        let mut whole = vec![0; usize::try_from(bytes).unwrap_or_default()];
        self.file.read_exact_at(&mut whole, start)?;
        Page::of(whole, number)
    }
}

/// The state in a page; None if it is not one, or its checksum is wrong, as after a power failure during a write.
fn meta_at(file: &File, start: u64, length: u64) -> Result<Option<Meta>, BoltError> {
    let mut bytes = [0; page::HEAD + page::META];
    if start.checked_add(bytes.len() as u64).is_none_or(|end| end > length) {
        return Ok(None);
    }
    file.read_exact_at(&mut bytes, start)?;
    Ok(page::meta(&bytes).filter(|meta| PAGE_SIZES.map(|shift| 1 << shift).any(|size: u64| size == meta.page_size)))
}
