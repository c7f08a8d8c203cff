//! The host in the context.

use super::Context;
use crate::base::fault::Result;
use crate::base::gate::{Change, Entry};
use crate::base::go_yaml;
use crate::config::encode;
use crate::config::model::ClusterConfig;
use crate::host::facts;
use crate::host::service::Services;
use crate::journal::{self, Journal};

/// The kubelet's service.
const KUBELET: &str = "kubelet";

impl Context {
    /// The host's own name, as the kubelet determines it. A root directory without one is assumed to
    /// be the host of its node's name.
    pub fn host_name(&self) -> Result<String> {
        let name = facts::hostname(&self.host)?;
        if name.is_empty() { Ok(self.node()?.name.clone()) } else { Ok(name) }
    }

    /// True when systemd-resolved runs, so that Pods must not get its local address as their name server.
    pub fn systemd_resolved(&self) -> bool {
        facts::has_resolved(&self.host)
    }

    /// Records in the host's journal the files and directories that were written or removed since the gate's list of changes had
    /// `since` entries. That is internal bookkeeping, so the plan does not list it.
    pub fn note_files(&self, since: usize) -> Result<()> {
        if !self.host.files.is_live() {
            return Ok(());
        }
        let entries = self.host.gate.entries().split_off(since);
        let is_file = |entry: &Entry| {
            matches!(entry.change, Change::WriteFile { .. } | Change::CreateDirectory { .. } | Change::Remove { .. })
        };
        if !entries.iter().any(is_file) {
            return Ok(());
        }
        let input = self.cluster_document().map_or_else(|_| String::new(), |text| journal::sha256(text.as_bytes()));
        self.host.gate.effect(|| {
            let mut journal = Journal::load(&self.host.files)?;
            journal.note(&self.host.files, &entries, &input, self.host.clock.now())?;
            journal.keep(&self.host)
        })?;
        Ok(())
    }

    /// The `ClusterConfiguration` as it is stored in the cluster.
    pub fn cluster_document(&self) -> Result<String> {
        let (config, node, facts) = (self.cluster()?, self.node()?, self.facts()?);
        Ok(go_yaml::to_string(&encode::uploaded_cluster_configuration(config, facts, &node.timeouts)))
    }

    /// Restarts the kubelet, after its files have changed.
    pub fn restart_kubelet(&self) -> Result<()> {
        if self.host.files.is_live() {
            Services::of(&self.host).restart(KUBELET)?;
        }
        Ok(())
    }

    /// Writes files of the kubelet while it is stopped, and starts it; if nothing `changes`, it is only
    /// started if it is not running. An interrupted run leaves a stopped kubelet, never one that
    /// runs with files it has not read, so the next run can continue.
    pub fn around_kubelet(&mut self, changes: bool, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if !self.host.files.is_live() {
            return write(self);
        }
        let runs = Services::of(&self.host).state(KUBELET)?.active;
        if runs && changes {
            Services::of(&self.host).stop(KUBELET)?;
        }
        write(self)?;
        if changes || !runs {
            Services::of(&self.host).start(KUBELET)?;
        }
        Ok(())
    }

    /// Runs `act` with another configuration of the cluster, such as the one after the upgrade.
    pub fn with_cluster<T>(&mut self, config: ClusterConfig, act: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let before = self.config.cluster.replace(config);
        let result = act(self);
        self.config.cluster = before;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::print;
    use crate::versions::{Version, facts};

    #[test]
    fn another_configuration_holds_for_one_action_only() {
        let minor = facts(33).unwrap();
        let config = |version| print::default_cluster(version, minor);
        let patch = |cx: &Context| Ok(cx.cluster()?.version.patch);
        let mut cx = Context::for_tests("/");
        assert_eq!(cx.with_cluster(config(Version::new(33, 6)), patch).unwrap(), 6);
        assert!(cx.cluster().is_err(), "this command has no cluster");
        let mut cx = cx.configured(config(Version::new(33, 2)), print::default_node(minor, "n1"));
        let inside = cx.with_cluster(config(Version::new(33, 6)), patch).unwrap();
        assert_eq!((inside, cx.cluster().unwrap().version.patch), (6, 2));
    }
}
