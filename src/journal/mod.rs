//! Layer 3: what kubewright wrote and changed on this host.
//!
//! Reads and writes /var/lib/kubewright/journal.json, root-only and atomically. It is a record, never
//! the source of truth: files, services and the cluster are inspected directly. It is used to undo fixes, by
//! `reset`, to detect drift, and to distinguish kubewright's files from foreign ones on a second run.

mod error;
mod record;
mod store;
mod undo;
pub mod unfinished;

pub use error::{JournalError, UndoError};
pub use record::{FileRecord, HostChange, Inverse, Ownership, PATH};
pub use store::Journal;
pub(crate) use store::sha256;
pub use undo::{Undone, undo};
