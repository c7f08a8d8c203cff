//! `ssh_config`, as users of OpenSSH wrote it: the user's file, then the system's; the first value of a keyword counts.
//!
//! Keywords that decide where and how a connection is made are followed or, if they apply to the host and this program
//! cannot follow them, refused by name. Keywords about other things are ignored.

mod error;
mod expand;
mod keywords;
mod lines;
mod load;
pub mod pattern;
mod place;
mod resolve;
mod scope;
mod values;

pub use error::ConfigError;
pub use place::Place;

use super::target::{Address, Overrides, Target};
use std::path::Path;

/// The lines of the files, in order.
#[derive(Clone, Debug, Default)]
pub struct SshConfig {
    place: Place,
    items: Vec<load::Item>,
}

/// The system's file.
const SYSTEM: &str = "/etc/ssh/ssh_config";

impl SshConfig {
    /// Reads the user's file and the system's, or the one that `place` names instead. Files that do not exist are empty.
    pub fn read(place: &Place) -> Result<Self, ConfigError> {
        let mut loader = load::Loader::new(place);
        let mut items = Vec::new();
        if let Some(file) = &place.file {
            items.extend(loader.required(file)?);
        } else {
            items.extend(loader.file(&place.home.join(".ssh/config"))?);
            items.extend(loader.file(Path::new(SYSTEM))?);
        }
        Ok(Self { place: place.clone(), items })
    }

    /// From the text of one file; for tests and for what does not come from a file.
    pub fn parse(text: &str, file: &Path, place: &Place) -> Result<Self, ConfigError> {
        let items = load::Loader::new(place).text(text, file, 0)?;
        Ok(Self { place: place.clone(), items })
    }

    /// What a host that was typed means. Values of `overrides` count before those of the files.
    pub fn resolve(&self, address: &Address, overrides: &Overrides) -> Result<Target, ConfigError> {
        resolve::target(&self.items, &self.place, address, overrides, &[])
    }
}

#[cfg(test)]
mod tests;
