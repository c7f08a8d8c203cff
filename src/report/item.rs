//! A change with the facts about the file that it writes.

use super::about::{About, Algorithm};
use crate::base::gate::{Change, Entry};
use crate::base::masked::{self, Format};
use crate::domain::paths::MANIFESTS_DIR;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A change, and the facts about the file that it writes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    #[serde(flatten)]
    pub entry: Entry,
    /// None if no file is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// None for a new file, and if nothing of the old content may be displayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about_before: Option<About>,
}

/// The changes with the facts about them.
pub fn items(entries: &[Entry]) -> Vec<Item> {
    let mut items: Vec<Item> = entries.iter().map(Item::new).collect();
    let algorithms = algorithms(&items);
    for item in &mut items {
        if let (Change::WriteFile { path, .. }, Some(About::PrivateKey(key))) = (&item.entry.change, &mut item.about) {
            *key = Algorithm { algorithm: algorithms.get(&path.with_extension("")).copied() };
        }
    }
    items
}

impl Item {
    fn new(entry: &Entry) -> Self {
        let mut entry = entry.clone();
        let (mut about, mut about_before) = (None, None);
        if let Change::WriteFile { path, before, after, .. } = &mut entry.change {
            about = Some(About::of(path, after));
            let old = before.as_deref().map(|before| About::of(path, before));
            about_before = old.filter(|old| !matches!(old, About::Hidden { .. }));
            if path.parent() == Some(Path::new(MANIFESTS_DIR)) {
                // Variables and flags of a user may hold credentials, such as those of a proxy.
                *after = masked::mask(after, Format::Yaml);
                *before = before.as_deref().map(|before| masked::mask(before, Format::Yaml));
            }
        }
        Self { entry, about, about_before }
    }
}

/// The algorithms of keys by the path without its extension: a key belongs to the certificate, request or public key
/// beside it.
fn algorithms(items: &[Item]) -> BTreeMap<PathBuf, &'static str> {
    let mut known = BTreeMap::new();
    for item in items {
        if let (Change::WriteFile { path, .. }, Some(about)) = (&item.entry.change, &item.about)
            && let Some(algorithm) = about.algorithm()
        {
            known.insert(path.with_extension(""), algorithm);
        }
    }
    known
}
