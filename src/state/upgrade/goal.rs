//! The versions that a cluster can be upgraded to, without internet: the one that the user names, those in a directory of packages, or
//! those that this program knows.
//!
//! Reads: the directory of packages that was given. Writes: nothing.

use super::hops::{Destination, Hop, hops, newest_in};
use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::versions::Version;
use crate::versions::releases::newest_known;
use serde::Serialize;
use std::path::Path;

/// Where a version comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// The argument or the configuration file.
    Given,
    /// The directory with packages.
    Packages,
    /// The table of releases in this program.
    Known,
}

/// A version to upgrade to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    pub version: Version,
    pub source: Source,
    /// kubeadm's words for it.
    pub description: String,
    /// Every upgrade on the way, as 'upgrade apply --to' makes them, ending with the goal.
    pub hops: Vec<Hop>,
}

/// Where the cluster and its host stand, and where the packages of releases are.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    pub files: &'a HostFiles,
    pub cluster: &'a Version,
    /// This host has an older API server, or kubelet, than the cluster has.
    pub is_behind: bool,
    pub packages: Option<&'a Path>,
}

impl Goal {
    fn new(now: Situation<'_>, to: &Destination, source: Source) -> Result<Self> {
        let hops = hops(now.files, now.cluster, now.is_behind, to, now.packages)?;
        let version = hops.last().map_or_else(|| now.cluster.clone(), |hop| hop.version.clone());
        let description = if !version.pre.is_empty() {
            if version.pre.starts_with("rc") { "release candidate version" } else { "experimental version" }.into()
        } else if version.minor == now.cluster.minor {
            format!("version in the v1.{} series", version.minor)
        } else {
            "stable version".into()
        };
        Ok(Self { version, source, description, hops })
    }
}

/// The goals of a cluster, oldest first. Without a given version: the newest patch release of its minor version and of the next one
/// that the directory has, or without one that are known.
pub fn goals(now: Situation<'_>, given: Option<&Destination>) -> Result<Vec<Goal>> {
    if let Some(given) = given {
        return Ok(vec![Goal::new(now, given, Source::Given)?]);
    }
    let mut goals = Vec::new();
    for minor in [now.cluster.minor, now.cluster.minor.saturating_add(1)] {
        let (newest, source) = match now.packages {
            Some(directory) => (newest_in(now.files, directory, minor)?, Source::Packages),
            None => (newest_known(minor), Source::Known),
        };
        if let Some(version) = newest.filter(|version| version > now.cluster) {
            goals.push(Goal::new(now, &Destination::exact(version), source)?);
        }
    }
    Ok(goals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;

    fn shown(cluster: &str, given: Option<&str>, releases: Option<&[&str]>) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        for name in releases.into_iter().flatten() {
            std::fs::create_dir_all(root.path().join("p").join(name)).unwrap();
        }
        let (cluster, packages) = (cluster.parse().unwrap(), releases.map(|_| Path::new("/p")));
        let now = Situation { files: &files, cluster: &cluster, is_behind: false, packages };
        let given: Option<Destination> = given.map(|text| text.parse().unwrap());
        let steps = |goal: &Goal| goal.hops.iter().map(|hop| hop.version.to_string()).collect::<Vec<_>>().join(" ");
        let one = |goal: &Goal| format!("{}: {} ({}, {:?})", steps(goal), goal.version, goal.description, goal.source);
        goals(now, given.as_ref()).unwrap().iter().map(one).collect()
    }

    #[test]
    fn without_a_version_the_newest_known_releases_are_proposed() {
        assert_eq!(
            shown("v1.33.2", None, None),
            ["v1.33.6: v1.33.6 (version in the v1.33 series, Known)", "v1.34.2: v1.34.2 (stable version, Known)"]
        );
        assert_eq!(shown("v1.33.99", None, None), ["v1.34.2: v1.34.2 (stable version, Known)"]);
        assert_eq!(shown("v1.37.9", None, None), [""; 0]);
    }

    #[test]
    fn a_given_version_is_the_only_goal() {
        assert_eq!(
            shown("v1.33.2", Some("v1.36.1"), None),
            ["v1.34.2 v1.35.5 v1.36.1: v1.36.1 (stable version, Given)"]
        );
        assert_eq!(shown("v1.33.2", Some("v1.34"), None), ["v1.34.2: v1.34.2 (stable version, Given)"]);
        assert_eq!(
            shown("v1.33.2", Some("v1.34.0-rc.1"), None),
            ["v1.34.0-rc.1: v1.34.0-rc.1 (release candidate version, Given)"]
        );
        assert_eq!(shown("v1.33.2", Some("v1.33.2"), None), ["v1.33.2: v1.33.2 (version in the v1.33 series, Given)"]);
    }

    /// The plan listed releases that this program knows, and the upgrade took those in the directory.
    #[test]
    fn a_plan_with_packages_has_the_steps_that_the_upgrade_takes() {
        let releases: &[&str] = &["v1.20.9", "v1.21.9", "v1.21.3", "v1.22.9"];
        assert_eq!(
            shown("v1.20.2", Some("v1.22"), Some(releases)),
            ["v1.21.9 v1.22.9: v1.22.9 (stable version, Given)"]
        );
        assert_eq!(
            shown("v1.20.2", None, Some(releases)),
            ["v1.20.9: v1.20.9 (version in the v1.20 series, Packages)", "v1.21.9: v1.21.9 (stable version, Packages)"]
        );
        assert_eq!(shown("v1.22.9", None, Some(releases)), [""; 0]);
    }
}
