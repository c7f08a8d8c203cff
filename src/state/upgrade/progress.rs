//! The record of an upgrade of this host that has begun and is not complete.
//!
//! Reads: `/var/lib/kubewright/upgrade.json`, which `ops::upgrade_progress` writes. Writes: nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::HostFiles;
use crate::context::upgrading::{Begun, Parts};
use crate::versions::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The path of the record.
pub const PROGRESS_FILE: &str = "/var/lib/kubewright/upgrade.json";

/// What is needed to continue the upgrade, or to go back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The version of this host before the upgrade.
    pub from: Option<Version>,
    pub to: Option<Version>,
    /// The directory with the files as they were.
    pub backup: PathBuf,
    /// The files in it, by their own paths, with their modes.
    pub kept: Vec<(PathBuf, u32)>,
    /// Files that did not exist before.
    pub created: Vec<PathBuf>,
    /// Objects of the cluster as they were.
    pub objects: Vec<Value>,
    /// The snapshot of etcd from before the upgrade.
    pub snapshot: Option<PathBuf>,
    /// The replacement of the kubelet, once all else is done. What was kept is only about the kubelet then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<Begun>,
    /// What a change of the configuration concerns; None for an upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Parts>,
}

/// The record cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{PROGRESS_FILE} is not the record of an upgrade: {why}")]
struct Broken {
    why: String,
}

impl Fault for Broken {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(format!(
            "run 'mv --backup=numbered {PROGRESS_FILE} /root/', then the same command again; the files from before the upgrade \
             are in /var/lib/kubewright/backup"
        ))
    }
}

/// The record of an interrupted upgrade; None if there is none.
pub fn progress(files: &HostFiles) -> Result<Option<Progress>> {
    let Some(bytes) = files.read(Path::new(PROGRESS_FILE))? else { return Ok(None) };
    let read = serde_json::from_slice(&bytes).map_err(|error| Broken { why: error.to_string() })?;
    Ok(Some(read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::files::Content;
    use crate::base::gate::Gate;

    #[test]
    fn a_record_is_read_back_and_a_broken_one_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        assert_eq!(progress(&files).unwrap(), None);
        let record = Progress {
            from: "v1.20.2".parse().ok(),
            to: "v1.20.9".parse().ok(),
            backup: "/b".into(),
            kept: vec![("/etc/a".into(), 0o600)],
            ..Progress::default()
        };
        let text = serde_json::to_string(&record).unwrap();
        files.write(Path::new(PROGRESS_FILE), &Content::public(text), 0o600).unwrap();
        assert_eq!(progress(&files).unwrap(), Some(record));
        files.write(Path::new(PROGRESS_FILE), &Content::public("x"), 0o600).unwrap();
        let error = progress(&files).unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Input);
        assert!(error.hint().unwrap().contains("--backup=numbered"));
    }
}
