//! Removes unfinished files of interrupted runs from the directories that kubewright writes to.
//!
//! Reads: those directories, and the journal for directories that the user configured. Writes: removes files with the
//! hidden names of unfinished ones. That is bookkeeping, so no plan lists it.

use super::store::Journal;
use crate::base::files::{HostFiles, Leftovers};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Directories, and the depth of their subdirectories to search.
const WRITTEN: [(&str, usize); 3] = [("/etc", 6), ("/var/lib/kubewright", 32), ("/var/lib/kubelet", 1)];

/// Only for a run that holds the host lock.
pub fn remove(files: &HostFiles) -> Leftovers {
    let mut found = Leftovers::default();
    for (directory, depth) in WRITTEN {
        files.remove_unfinished(Path::new(directory), depth, &mut found);
    }
    // A journal that cannot be read is reported by the command that needs it.
    let own: BTreeSet<PathBuf> = Journal::load(files).map(|journal| journal.parent_directories()).unwrap_or_default();
    for directory in own {
        files.remove_unfinished(&directory, 0, &mut found);
    }
    found
}
