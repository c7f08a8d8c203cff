//! Changes small buckets of a bbolt file that no program has open, in the pages that they have: no page is added or moved, so
//! that the state of the last transaction stays the valid one.
//!
//! Reads and writes: one open file, which is a copy that is of no use until all changes are made.

use super::Bolt;
use super::error::{BoltError, damaged};
pub use super::page::Pair;
use super::page::{self, Page};
use std::os::unix::fs::FileExt;

/// The length of a bucket's root page number and sequence number.
const BUCKET: usize = 16;

impl Bolt<'_> {
    /// Replaces the keys of buckets of the first level by what `change` returns for a bucket's name and keys; None leaves them.
    pub fn change_buckets(&self, change: &dyn Fn(&[u8], Vec<Pair>) -> Option<Vec<Pair>>) -> Result<(), BoltError> {
        self.left.set(self.meta.end);
        let root = self.page(self.meta.root)?;
        let mut buckets = root.pairs()?;
        for bucket in buckets.iter_mut().filter(|bucket| bucket.is_bucket) {
            let Some((number, inline)) = page::bucket(&bucket.value) else {
                return damaged("a bucket has no root page");
            };
            let page = if number == 0 { Page::inline(inline)? } else { self.page(number)? };
            // Only large buckets have branches, and nobody changes those here.
            let Ok(pairs) = page.pairs() else { continue };
            let Some(mut changed) = change(&bucket.key, pairs) else { continue };
            changed.sort_by(|a, b| a.key.cmp(&b.key));
            if number == 0 {
                let fixed = bucket.value.get(..BUCKET).unwrap_or_default();
                bucket.value = [fixed, &page.with(&changed, None)?].concat();
            } else {
                self.write(number, &page.with(&changed, Some(page.length()))?)?;
            }
        }
        self.write(self.meta.root, &root.with(&buckets, Some(root.length()))?)
    }

    fn write(&self, number: u64, bytes: &[u8]) -> Result<(), BoltError> {
        Ok(self.file.write_all_at(bytes, number.saturating_mul(self.meta.page_size))?)
    }
}

impl Page {
    /// The entries of a leaf, in order.
    fn pairs(&self) -> Result<Vec<Pair>, BoltError> {
        if self.is_branch() {
            return damaged("a small bucket has more than one page");
        }
        (0..self.count())
            .map(|nth| {
                let entry = self.entry(nth)?;
                Ok(Pair { is_bucket: entry.is_bucket, key: entry.key.to_vec(), value: entry.value.to_vec() })
            })
            .collect()
    }

    /// The same page with these entries, filled up to `length` bytes.
    fn with(&self, pairs: &[Pair], length: Option<usize>) -> Result<Vec<u8>, BoltError> {
        let mut bytes = page::leaf(self.head(), pairs);
        if let Some(length) = length {
            if bytes.len() > length {
                return damaged("a page has no room for what has to be stored in it");
            }
            bytes.resize(length, 0);
        }
        Ok(bytes)
    }
}
