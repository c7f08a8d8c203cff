//! The newest patch release of each minor version that was known when this version of kubewright was made.
//!
//! Sources: `finalPatchRelease` in `data/releases/eol.yaml` of kubernetes/website for minor versions without support, and
//! the releases named in the tables of this module for the others. Newer patch releases may exist.

use super::version::Version;

/// The minor version, and its newest known patch release.
const NEWEST: &[(u16, u16)] = &[
    (20, 15),
    (21, 14),
    (22, 17),
    (23, 17),
    (24, 17),
    (25, 16),
    (26, 15),
    (27, 16),
    (28, 15),
    (29, 15),
    (30, 14),
    (31, 14),
    (32, 10),
    (33, 6),
    (34, 2),
    (35, 5),
    (36, 2),
    (37, 0),
];

/// The newest known patch release of v1.`minor`; None if the minor version is not supported.
pub fn newest_known(minor: u16) -> Option<Version> {
    NEWEST.iter().find(|(known, _)| *known == minor).map(|(minor, patch)| Version::new(*minor, *patch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::{OLDEST, facts, newest};

    #[test]
    fn every_supported_minor_has_a_release_and_no_other() {
        let listed: Vec<u16> = NEWEST.iter().map(|(minor, _)| *minor).collect();
        assert_eq!(listed, (OLDEST..=newest()).collect::<Vec<_>>());
        assert_eq!(newest_known(newest() + 1), None);
        assert_eq!(newest_known(33).unwrap().to_string(), "v1.33.6");
    }

    /// A tag that first appears in a patch release proves that the release exists.
    #[test]
    fn the_newest_release_is_not_older_than_the_tables_of_image_tags() {
        for (minor, patch) in NEWEST {
            let facts = facts(*minor).unwrap();
            for tags in [facts.etcd_tag, facts.coredns_tag, facts.image_repository] {
                let last = tags.0.last().unwrap().0;
                assert!(last <= *patch, "v1.{minor}.{last} is in a table of tags");
            }
        }
    }
}
