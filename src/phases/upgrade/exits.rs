//! Counts how often the components of this host exit.
//!
//! Reads: the container runtime. Writes: nothing.

use crate::base::fault::Result;
use crate::host::cri::ContainerState;
use crate::ops::running::{Running, TOO_MANY_EXITS};
use std::collections::BTreeSet;

/// The containers that were created after a moment, and have exited. The number of starts of a Pod also counts
/// power cuts.
pub struct Exits {
    /// In nanoseconds since the epoch.
    since: i64,
    /// The kubelet removes all but the last one.
    seen: BTreeSet<(&'static str, String)>,
}

impl Exits {
    /// None yet.
    pub fn since(since: i64) -> Self {
        Self { since, seen: BTreeSet::new() }
    }

    /// Looks again: the first of these components that does not recover.
    pub fn too_many(&mut self, names: &[&'static str], host: &dyn Running) -> Result<Option<&'static str>> {
        for name in names {
            let all = host.containers(name)?.into_iter();
            let exited = all.filter(|one| one.created > self.since && one.state == ContainerState::Exited);
            self.seen.extend(exited.map(|one| (*name, one.id)));
            if self.seen.iter().filter(|(of, _)| of == name).count() >= TOO_MANY_EXITS {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}
