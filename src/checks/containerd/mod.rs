//! containerd's configuration: which files make it up, what is in force, and edits of a file.
//!
//! Reads: the files of the configuration, and what containerd makes of them. Changes are `fix`'s.

mod document;
mod error;
mod files;
mod installation;
mod schema;
mod settings;

pub(super) use document::Document;
#[cfg(test)]
pub(super) use error::CONFIG;
pub use error::ContainerdError;
pub(super) use files::{ConfigFile, load, not_editable};
pub(super) use installation::{Installation, SERVICE};
pub(super) use schema::{CRI_PLUGINS, Schema};
pub(super) use settings::{Runtime, Settings};
