//! What is known of packages and programs, of whatever package manager: their names, and the versions that packages have.

use crate::versions::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What is replaced, as far as it is installed.
pub const NAMES: [&str; 3] = ["kubelet", "kubectl", "kubeadm"];
/// The one that always is.
pub const KUBELET: &str = "kubelet";
/// A download over a slow line, and the scripts of the packages.
pub const LIMIT: Duration = Duration::from_mins(15);

/// How the programs of this host were installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Apt,
    Dnf,
    /// No package owns them.
    Programs,
}

/// Names with their versions, or their paths for programs.
pub type Installed = BTreeMap<String, String>;

/// One package or program of the wanted version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub name: String,
    /// What the package manager is given, such as `kubelet=1.34.2-1.1` or a path; the path of a program.
    pub argument: String,
    /// The SHA-256 hash of a program.
    pub hash: Option<String>,
}

/// What this host has, and what of the wanted version replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub kind: Kind,
    pub version: Version,
    /// What is installed now.
    pub installed: Installed,
    /// The directory that was given instead of a repository.
    pub directory: Option<PathBuf>,
    /// What is to be installed. Empty if all is of the wanted version.
    pub choices: Vec<Choice>,
    /// Names that the repositories, as far as they are known to this host, do not have in the wanted version.
    pub missing: Vec<String>,
    /// The newest kubelet that they have.
    pub newest: Option<String>,
}

/// The version of the program in a package's version, such as 1.34.2 in `1.34.2-1.1`.
pub fn upstream(package: &str) -> String {
    let bare = package.split_once(':').map_or(package, |(_, rest)| rest);
    bare.rsplit_once('-').map_or(bare, |(version, _)| version).replace('~', "-")
}

/// True if a package is of the version, or newer: then it stays.
pub fn is_done(package: &str, wanted: &Version) -> bool {
    upstream(package).parse::<Version>().is_ok_and(|there| there >= *wanted)
}

/// As it is written in packages.
pub fn bare(version: &Version) -> String {
    version.to_string().trim_start_matches('v').to_owned()
}
