//! Layer 3: what this tool wrote and changed on this host.
//!
//! Reads and writes /var/lib/kubewright/journal.json, root-only and whole. It explains; it is never
//! the truth: the files, services and the cluster are looked at themselves. It serves undoing fixes,
//! `reset`, drift detection, and telling our own files from foreign ones on a second run.

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
