//! The changes of a run as a value.

use super::item::{Item, items};
use super::paint::Paint;
use super::{full, short, summary};
use crate::base::gate::Entry;
use serde::{Serialize, Serializer};

/// The changes that a run made or, in a dry run, would make. As JSON it is a list of items with their place,
/// what they are and what changes.
pub struct ChangeList(Vec<Entry>);

impl ChangeList {
    pub fn new(entries: Vec<Entry>) -> Self {
        Self(entries)
    }

    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The changes with the facts about them.
    pub fn items(&self) -> Vec<Item> {
        items(&self.0)
    }

    /// The plan of a dry run as text: a summary, then every change in short, or in full if `verbosity` is not 0.
    pub fn plan(&self, verbosity: u8, paint: Paint) -> String {
        if self.is_empty() {
            return "No changes.\n".into();
        }
        let items = self.items();
        let changes = if verbosity == 0 { short::text(&items, paint) } else { full::text(&items, paint) };
        summary::text(&items, verbosity, paint) + &changes
    }
}

impl Serialize for ChangeList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.items())
    }
}
