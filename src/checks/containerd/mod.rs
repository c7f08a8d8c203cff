//! containerd's configuration: its files, the effective settings, and edits of a file.
//!
//! Reads: the files of the configuration, and containerd's interpretation of them. Changes are made in `fix`.

mod document;
mod error;
mod files;
mod installation;
mod schema;
mod settings;

pub use document::{Document, DocumentError};
#[cfg(test)]
pub(super) use error::CONFIG;
pub use error::ContainerdError;
pub(super) use files::{ConfigFile, load, not_editable};
pub(super) use installation::{Installation, SERVICE};
pub(super) use schema::{CRI_PLUGINS, Schema};
pub use settings::{Runtime, Settings};
