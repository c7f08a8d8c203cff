//! The versions that a cluster can be upgraded to, without internet: the one that the user names, or those that this program knows.

use crate::versions::releases::newest_known;
use crate::versions::{Version, upgrade_policy};
use serde::Serialize;

/// Where a version comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// The argument or the configuration file.
    Given,
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
    /// Every version on the way, ending with the goal.
    pub hops: Vec<Version>,
}

impl Goal {
    fn new(cluster: &Version, version: Version, source: Source) -> Self {
        let description = if !version.pre.is_empty() {
            if version.pre.starts_with("rc") { "release candidate version" } else { "experimental version" }.into()
        } else if version.minor == cluster.minor {
            format!("version in the v1.{} series", version.minor)
        } else {
            "stable version".into()
        };
        let hops = upgrade_policy::hops(cluster, &version);
        Self { version, source, description, hops }
    }
}

/// The goals of a cluster, oldest first. Without a given version: the newest known patch release of its minor version and of the
/// next one.
pub fn goals(cluster: &Version, given: Option<&Version>) -> Vec<Goal> {
    if let Some(given) = given {
        return vec![Goal::new(cluster, given.clone(), Source::Given)];
    }
    let known = [Some(cluster.minor), cluster.minor.checked_add(1)].into_iter().flatten().filter_map(newest_known);
    known.filter(|version| version > cluster).map(|version| Goal::new(cluster, version, Source::Known)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(cluster: &str, given: Option<&str>) -> Vec<String> {
        let given: Option<Version> = given.map(|text| text.parse().unwrap());
        let goals = goals(&cluster.parse().unwrap(), given.as_ref());
        goals.iter().map(|goal| format!("{} ({}, {:?})", goal.version, goal.description, goal.source)).collect()
    }

    #[test]
    fn without_a_version_the_newest_known_releases_are_proposed() {
        assert_eq!(
            shown("v1.33.2", None),
            ["v1.33.6 (version in the v1.33 series, Known)", "v1.34.2 (stable version, Known)"]
        );
        assert_eq!(shown("v1.33.99", None), ["v1.34.2 (stable version, Known)"]);
        assert_eq!(shown("v1.37.9", None), [""; 0]);
    }

    #[test]
    fn a_given_version_is_the_only_goal() {
        assert_eq!(shown("v1.33.2", Some("v1.36.1")), ["v1.36.1 (stable version, Given)"]);
        assert_eq!(shown("v1.33.2", Some("v1.34.0-rc.1")), ["v1.34.0-rc.1 (release candidate version, Given)"]);
        assert_eq!(shown("v1.33.2", Some("v1.33.2")), ["v1.33.2 (version in the v1.33 series, Given)"]);
    }
}
