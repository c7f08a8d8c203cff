//! The versions that an upgrade over several minor versions goes through.

use crate::versions::Version;
use crate::versions::releases::newest_known;

/// Every version to upgrade to, one after the other, from a cluster of version `from`: in each minor version in between the newest
/// known patch release, then `to`.
pub fn hops(from: &Version, to: &Version) -> Vec<Version> {
    let between = (from.minor.saturating_add(1)..to.minor).filter_map(newest_known);
    between.chain([to.clone()]).collect()
}
