//! Asks containerd itself whether it accepts a configuration, before that replaces the one it runs with.
//!
//! Writes: the new text beside the file, so that relative imports are found, and removes it again.

use super::document::Document;
use super::{CONFIG, ContainerdError, SERVICE};
use crate::base::fault::Result;
use crate::base::files::{Content, HostFiles};
use crate::base::gate::Gate;
use crate::host::Host;
use crate::host::command::Command;
use std::path::{Path, PathBuf};

/// Has containerd read `text` in place of `file`; gives the configuration that would be in force, imports included.
/// None in a dry run, which may not write the text for containerd to read.
pub(super) fn read_as_configuration(host: &Host, file: &Path, text: &str) -> Result<Option<Document>> {
    host.gate().effect(|| {
        let beside = beside(file);
        // Not a change of this host: the file is gone before anything else happens.
        let files = HostFiles::new(host.files().root(), Gate::open());
        files.write(&beside, &Content::secret(text, ""), 0o600)?;
        let read = dump(host, &beside);
        files.remove(&beside)?;
        read
    })
}

/// The hidden name that every unfinished file has, so that one of a killed run is replaced by the next. It does not end
/// in `.toml`: an `imports` pattern must not match it.
fn beside(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.kubewright"))
}

/// What `containerd config dump` prints for a file.
fn dump(host: &Host, file: &Path) -> Result<Document> {
    let file = file.display().to_string();
    let output = host.read(&Command::new([SERVICE, "--config", &file, "config", "dump"]))?;
    if !output.is_success() {
        // Only its last line: standard output may show passwords of registries.
        let why = output.stderr.trim().lines().next_back().unwrap_or_default();
        let why = why.trim_start_matches("containerd: ").replace(&file, CONFIG);
        return Err(ContainerdError::Refused { why }.into());
    }
    let parsed = Document::parse(&output.stdout);
    parsed.map_err(|error| ContainerdError::Refused { why: format!("its dump is not TOML: {error}") }.into())
}
