//! Changes the Corefile before a version of CoreDNS runs that does not accept it as it is.
//!
//! Reads: the ConfigMap `kube-system/coredns`. Writes: this ConfigMap, in which the former text is kept.

use crate::base::fault::Result;
use crate::context::{Run, Upgrading};
use crate::kube::cluster::Cluster;
use crate::phases::addon::COREFILE_BACKUP;
use crate::state::upgrade::corefile::{COREFILE, Corefile, config_map, read};

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
    replace(cluster, &done.text)?;
    cx.events.message(format!(
        "changed the Corefile in {map} for {new}; the former text is kept there as {COREFILE_BACKUP}:\n{}",
        done.difference.join("\n")
    ));
    Ok(true)
}

/// Keeps the former text first, by a change of its own: in one, a plan would show the lines that go as lines that stay, in the copy.
fn replace(cluster: &Cluster, text: &str) -> Result<()> {
    let map = config_map();
    cluster.modify(&map, |live| {
        if live["data"][COREFILE] != text {
            live["data"][COREFILE_BACKUP] = live["data"][COREFILE].clone();
        }
    })?;
    cluster.modify(&map, |live| live["data"][COREFILE] = text.into())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::{Change, Gate};
    use crate::domain::paths::ADMIN_CONF;
    use crate::state::upgrade::fixture::FakeCluster;
    use serde_json::json;
    use std::path::Path;

    /// In a dry run the removed lines were shown as unchanged, because the copy of the former text has them.
    #[test]
    fn the_plan_shows_what_goes_from_a_corefile_apart_from_its_copy() {
        let mut fake = FakeCluster::new("v1.20.2");
        fake.set(
            "/api/v1/namespaces/kube-system/configmaps/coredns",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"Corefile": "a\nupstream\n"},
                "metadata": {"name": "coredns", "namespace": "kube-system"}}),
        );
        let mut running = fake.start();
        running.cx.close_cluster();
        running.cx.host.gate = Gate::recording();
        replace(&running.cx.running_cluster(Path::new(ADMIN_CONF)).unwrap(), "a\n").unwrap();
        let entries = running.cx.host.gate.entries();
        let shown = |nth: usize| match &entries[nth].change {
            Change::Request { exchange: Some(exchange), .. } => exchange.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(entries.len(), 2);
        let (kept, changed) = (shown(0), shown(1));
        assert!(!kept.before.contains(COREFILE_BACKUP) && kept.after.matches("upstream").count() == 2, "{kept:?}");
        assert_eq!(changed.before, kept.after);
        assert_eq!(changed.after.matches("upstream").count(), 1, "{changed:?}");
    }
}
