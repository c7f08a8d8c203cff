//! The versions of an upgrade over several minor versions, and where the kubelet of each comes from.
//!
//! Reads: the directory of packages that was given. Writes: nothing.

use super::finding::Outcome;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault, Result};
use crate::base::files::HostFiles;
use crate::host::Host;
use crate::host::packages::{self, SUMS};
use crate::versions::releases::newest_known;
use crate::versions::{Version, facts_of};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// One upgrade of the sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    pub version: Version,
    /// The directory with its kubelet; None: the package repositories of this host.
    pub packages: Option<PathBuf>,
}

/// Where the sequence ends: a release, or a minor version of which the newest release is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    minor: Version,
    is_exact: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum HopError {
    #[error("--to {text} is not a version")]
    NotAVersion { text: String },
    #[error("{} has no directory for {}", .directory.display(), .minors.join(", "))]
    NoPackages { directory: PathBuf, minors: Vec<String> },
}

impl Fault for HopError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotAVersion { .. } => "write a minor version such as v1.36, or a release such as v1.36.2".into(),
            Self::NoPackages { directory, .. } => format!(
                "put the packages or programs of each release with their {SUMS} into a directory of its version, such as {}",
                directory.join("v1.36.2").display()
            ),
        })
    }
}

impl Destination {
    /// This release.
    pub fn exact(version: Version) -> Self {
        Self { minor: version, is_exact: true }
    }
}

impl FromStr for Destination {
    type Err = HopError;

    fn from_str(text: &str) -> Result<Self, HopError> {
        let minor = text.parse().map_err(|_| HopError::NotAVersion { text: text.into() })?;
        Ok(Self { minor, is_exact: text.matches('.').count() > 1 })
    }
}

/// Every upgrade from `from` on, one minor version at a time. With `repeats`, the first one is `from` itself, because this host is
/// not entirely there yet. A directory with packages has one for each release, unless a single one is needed.
pub fn hops(
    files: &HostFiles,
    from: &Version,
    repeats: bool,
    to: &Destination,
    packages: Option<&Path>,
) -> Result<Vec<Hop>> {
    facts_of(&to.minor)?;
    let own = repeats.then(|| (from.minor, Some(from.clone())));
    let between = (from.minor.saturating_add(1)..to.minor.minor).map(|minor| (minor, None));
    let last = (to.minor.minor, to.is_exact.then(|| to.minor.clone()));
    // Within one minor version nothing is between, and a cluster that is there is not upgraded twice.
    let is_there = repeats && if to.is_exact { to.minor == *from } else { to.minor.minor == from.minor };
    let wanted: Vec<(u16, Option<Version>)> =
        own.into_iter().chain(between).chain((!is_there).then_some(last)).collect();
    let Some(directory) = packages else {
        // A newer release than the newest that is known may run.
        let newest =
            |minor| newest_known(minor).map(|known| if minor == from.minor { known.max(from.clone()) } else { known });
        let known = wanted.into_iter().filter_map(|(minor, version)| version.or_else(|| newest(minor)));
        return Ok(known.map(|version| Hop { version, packages: None }).collect());
    };
    let found: Vec<Version> = releases(files, directory)?.into_iter().filter(|version| version >= from).collect();
    let is_single = wanted.len() == 1 && files.exists(&directory.join(SUMS));
    let (mut hops, mut missing) = (Vec::new(), Vec::new());
    for (minor, exact) in wanted {
        let fits = |version: &&Version| exact.as_ref().map_or(version.minor == minor, |exact| *exact == **version);
        match (found.iter().filter(fits).max(), exact.clone()) {
            (Some(version), _) => {
                hops.push(Hop { version: version.clone(), packages: Some(directory.join(version.to_string())) });
            }
            (None, Some(version)) if is_single => hops.push(Hop { version, packages: Some(directory.into()) }),
            (None, exact) => missing.push(exact.map_or_else(|| format!("v1.{minor}"), |version| version.to_string())),
        }
    }
    if missing.is_empty() {
        Ok(hops)
    } else {
        Err(HopError::NoPackages { directory: directory.into(), minors: missing }.into())
    }
}

/// The newest release of a minor version that has a directory.
pub fn newest_in(files: &HostFiles, directory: &Path, minor: u16) -> Result<Option<Version>> {
    Ok(releases(files, directory)?.into_iter().filter(|version| version.minor == minor).max())
}

/// Whether the packages of every upgrade are there, and are those that the list of hashes names.
pub fn check_packages(host: &Host, hops: &[Hop]) -> Outcome {
    let mut outcome = Outcome::default();
    for Hop { version, packages } in hops {
        if let Err(error) = packages::find(host, version, packages.as_deref()) {
            let place =
                packages.as_ref().map_or_else(|| version.to_string(), |directory| directory.display().to_string());
            let failure = Failure::from(error);
            outcome.error(place, failure.with_causes(), failure.hint().unwrap_or_default());
        }
    }
    outcome
}

/// The versions that directories are named after.
fn releases(files: &HostFiles, directory: &Path) -> Result<Vec<Version>> {
    let names = files.list(directory)?;
    Ok(names.iter().filter_map(|name| name.strip_prefix('v')?.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;

    fn plan(from: &str, repeats: bool, to: &str, packages: Option<(&HostFiles, &str)>) -> Result<Vec<String>> {
        let empty = tempfile::tempdir().unwrap();
        let none = HostFiles::new(empty.path(), Gate::open());
        let (files, directory) =
            packages.map_or((&none, None), |(files, directory)| (files, Some(Path::new(directory))));
        let hops = hops(files, &from.parse().unwrap(), repeats, &to.parse().unwrap(), directory)?;
        let shown = |hop: &Hop| match &hop.packages {
            Some(packages) => format!("{} {}", hop.version, packages.display()),
            None => hop.version.to_string(),
        };
        Ok(hops.iter().map(shown).collect())
    }

    #[test]
    fn each_minor_version_is_a_step_and_the_last_is_as_given() {
        assert_eq!(plan("v1.33.2", false, "v1.36.1", None).unwrap(), ["v1.34.2", "v1.35.5", "v1.36.1"]);
        assert_eq!(plan("v1.33.2", false, "v1.34", None).unwrap(), ["v1.34.2"]);
        assert_eq!(plan("v1.33.2", false, "v1.33.6", None).unwrap(), ["v1.33.6"]);
        assert_eq!(plan("v1.34.2", false, "v1.34.2", None).unwrap(), ["v1.34.2"]);
        assert_eq!(plan("v1.33.99", false, "v1.33", None).unwrap(), ["v1.33.99"]);
    }

    #[test]
    fn a_host_that_is_behind_its_cluster_begins_with_the_version_of_the_cluster() {
        assert_eq!(plan("v1.34.1", true, "v1.35.5", None).unwrap(), ["v1.34.1", "v1.35.5"]);
        assert_eq!(plan("v1.34.1", true, "v1.34.1", None).unwrap(), ["v1.34.1"]);
        assert_eq!(plan("v1.34.1", true, "v1.34", None).unwrap(), ["v1.34.1"]);
        assert_eq!(plan("v1.34.1", true, "v1.34.2", None).unwrap(), ["v1.34.1", "v1.34.2"]);
    }

    #[test]
    fn directories_say_which_releases_there_are() {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        for name in ["v1.34.0", "v1.34.2", "v1.35.1", "notes"] {
            std::fs::create_dir_all(root.path().join("p").join(name)).unwrap();
        }
        assert_eq!(
            plan("v1.33.2", false, "v1.35", Some((&files, "/p"))).unwrap(),
            ["v1.34.2 /p/v1.34.2", "v1.35.1 /p/v1.35.1"]
        );
        let failure = plan("v1.32.2", false, "v1.36.1", Some((&files, "/p"))).unwrap_err();
        assert_eq!(failure.to_string(), "/p has no directory for v1.33, v1.36.1");
        // The directory itself serves a single step.
        std::fs::write(root.path().join("p").join(SUMS), "").unwrap();
        assert_eq!(plan("v1.35.2", false, "v1.36.1", Some((&files, "/p"))).unwrap(), ["v1.36.1 /p"]);
    }

    #[test]
    fn something_else_than_a_version_is_refused() {
        let failure = "newest".parse::<Destination>().unwrap_err();
        assert_eq!(failure.to_string(), "--to newest is not a version");
        assert!(plan("v1.33.2", false, "v1.99", None).is_err());
    }
}
