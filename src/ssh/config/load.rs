//! Reads the files of `ssh_config` and those that they include, within limits.

use super::error::{At, ConfigError};
use super::lines;
use super::place::Place;
use crate::base::sanitize;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// OpenSSH's own limit of includes within includes.
const DEPTH: usize = 16;
/// All files together.
const FILES: usize = 256;
/// All files together.
const BYTES: usize = 4 << 20;

/// A line, or what an `Include` stands for.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// `Host PATTERN…`
    Host(Vec<String>),
    /// `Match CRITERION…`
    Match(Vec<String>, At),
    Include(Vec<Item>),
    /// A keyword in lower case, and its value.
    Set(String, Vec<String>, At),
}

pub(super) struct Loader<'a> {
    place: &'a Place,
    files: usize,
    bytes: usize,
}

impl<'a> Loader<'a> {
    pub(super) fn new(place: &'a Place) -> Self {
        Self { place, files: 0, bytes: 0 }
    }

    /// The items of a file; none if it does not exist.
    pub(super) fn file(&mut self, path: &Path) -> Result<Vec<Item>, ConfigError> {
        self.at_depth(path, 0)
    }

    /// The items of a file that must exist.
    pub(super) fn required(&mut self, path: &Path) -> Result<Vec<Item>, ConfigError> {
        if let Err(error) = std::fs::metadata(path) {
            return Err(unreadable(path, &error));
        }
        self.file(path)
    }

    /// The items of a text.
    pub(super) fn text(&mut self, text: &str, file: &Path, depth: usize) -> Result<Vec<Item>, ConfigError> {
        let at = |line| At { file: file.to_owned(), line };
        let lines = lines::read(text).map_err(|(line, why)| ConfigError::Line { at: at(line), why })?;
        let mut items = Vec::new();
        for line in lines {
            let here = at(line.number);
            items.push(match line.keyword.as_str() {
                "host" => Item::Host(line.arguments),
                "match" => Item::Match(line.arguments, here),
                "include" => Item::Include(self.included(&line.arguments, &here, depth)?),
                _ => Item::Set(line.keyword, line.arguments, here),
            });
        }
        Ok(items)
    }

    fn included(&mut self, patterns: &[String], at: &At, depth: usize) -> Result<Vec<Item>, ConfigError> {
        if depth + 1 > DEPTH {
            return Err(ConfigError::Line {
                at: at.clone(),
                why: format!("more than {DEPTH} includes within one another"),
            });
        }
        let mut items = Vec::new();
        for pattern in patterns {
            let path = match pattern.strip_prefix("~/") {
                Some(rest) => self.place.home.join(rest),
                None if at.file.starts_with("/etc/ssh") => Path::new("/etc/ssh").join(pattern),
                None => self.place.home.join(".ssh").join(pattern),
            };
            let wrong = |why: String| ConfigError::Line { at: at.clone(), why };
            let found = glob::glob(&path.to_string_lossy())
                .map_err(|error| wrong(format!("'{}' is not a pattern of files: {error}", sanitize::line(pattern))))?;
            for path in found.flatten() {
                items.extend(self.at_depth(&path, depth + 1)?);
            }
        }
        Ok(items)
    }

    fn at_depth(&mut self, path: &Path, depth: usize) -> Result<Vec<Item>, ConfigError> {
        let mut bytes = Vec::new();
        let read = std::fs::File::open(path).and_then(|file| {
            let about = file.metadata()?;
            file.take(BYTES as u64 + 1).read_to_end(&mut bytes)?;
            Ok(about)
        });
        let about = match read {
            Ok(about) => about,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(unreadable(path, &error)),
        };
        // As OpenSSH: a user's file that others can change decides nothing.
        let system = path.starts_with("/etc/ssh");
        let owner = about.uid();
        if !system && (about.permissions().mode() & 0o022 != 0 || (owner != 0 && owner != self.place.uid)) {
            return Err(ConfigError::Permissions { file: path.to_owned() });
        }
        self.files += 1;
        self.bytes += bytes.len();
        if self.files > FILES || self.bytes > BYTES {
            let why = format!("the files of ssh_config are more than {FILES}, or larger than {BYTES} bytes");
            return Err(ConfigError::Unreadable { file: path.to_owned(), why });
        }
        let text = String::from_utf8_lossy(&bytes);
        self.text(&text, path, depth)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> ConfigError {
    ConfigError::Unreadable { file: PathBuf::from(path), why: error.to_string() }
}
