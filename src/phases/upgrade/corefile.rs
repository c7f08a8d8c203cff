//! Changes the Corefile before a version of CoreDNS runs that does not accept it as it is.
//!
//! Reads: the ConfigMap `kube-system/coredns`. Writes: this ConfigMap, in which the former text is kept.

use crate::base::fault::Result;
use crate::context::{Run, Upgrading};
use crate::kube::cluster::Cluster;
use crate::phases::addon::COREFILE_BACKUP;
use crate::state::upgrade::corefile::{COREFILE, Corefile, config_map, read};
use serde_json::Value;

/// Migrates it for an upgrade of CoreDNS from one image to another. False if CoreDNS cannot be upgraded, which preflight has reported and
/// the user ignores.
pub fn migrate(cx: &Run<Upgrading>, cluster: &Cluster, old: &str, new: &str) -> Result<bool> {
    let done = match read(cluster, old, new)? {
        Corefile::Stays => return Ok(true),
        Corefile::Unknown(why) => {
            cx.events.warning(format!("the Corefile stays as it is, and may have to be changed by hand: {why}"));
            return Ok(true);
        }
        Corefile::Migrated(done) => done,
    };
    if !done.obstacles.is_empty() {
        cx.events.warning(done.obstacles.join("; "));
        return Ok(false);
    }
    let map = config_map();
    cluster.modify(&map, |live| replace(live, &done.text))?;
    cx.events.message(format!(
        "changed the Corefile in {map} for {new}; the former text is kept there as {COREFILE_BACKUP}:\n{}",
        done.difference.join("\n")
    ));
    Ok(true)
}

fn replace(live: &mut Value, text: &str) {
    if live["data"][COREFILE] != text {
        live["data"][COREFILE_BACKUP] = live["data"][COREFILE].clone();
        live["data"][COREFILE] = text.into();
    }
}
