//! The options and the state of the running command.

use super::etcd_task::{Found, Recovery, Restorable, Restoring, Saving, Work};
use super::leaving::Leaving;
use super::renewal::{Kept, Renewal, Renewed};
use super::rotation::{Plan, Rotation};
use super::upgrading::HostUpgrade;
use super::{Context, Joining, Missing, Task};
use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::config::ResetConfig;
use crate::config::model::{ClusterConfig, JoinConfig};
use std::path::Path;

impl Context {
    /// The configuration of `join`.
    pub fn join(&self) -> Result<&JoinConfig> {
        match &self.task {
            Task::Join(join, _) => Ok(join),
            _ => Err(Missing("the configuration of 'join'").into()),
        }
    }

    /// The cluster that this host joins.
    pub fn joining(&self) -> Result<&Joining> {
        self.joining.as_ref().ok_or_else(|| Missing("a discovered cluster").into())
    }

    /// Stores the discovered cluster.
    pub fn joins(&mut self, cluster: Joining) {
        self.joining = Some(cluster);
    }
}

impl Context {
    /// The node that is removed.
    pub fn leaving(&self) -> Result<&Leaving> {
        match &self.task {
            Task::Leave(leaving) => Ok(leaving),
            _ => Err(Missing("a node to remove").into()),
        }
    }

    /// The node that is removed, to record results.
    pub fn leaving_mut(&mut self) -> Result<&mut Leaving> {
        match &mut self.task {
            Task::Leave(leaving) => Ok(leaving),
            _ => Err(Missing("a node to remove").into()),
        }
    }

    /// The options of `reset`.
    pub fn reset(&self) -> Result<&ResetConfig> {
        Ok(self.leaving()?.reset.as_ref().ok_or(Missing("the configuration of 'reset'"))?)
    }
}

impl Context {
    /// The options of `certs renew`.
    pub fn renewal(&self) -> Result<&Renewal> {
        match &self.task {
            Task::Renew(renewal) => Ok(renewal),
            _ => Err(Missing("what to renew").into()),
        }
    }

    /// Backs up the current content of a file; an earlier backup stays. Does nothing if the file does not exist.
    pub fn keep(&mut self, path: &Path) -> Result<()> {
        let Task::Renew(renewal) = &mut self.task else { return Err(Missing("what to renew").into()) };
        if renewal.kept.iter().any(|kept| kept.path == path) {
            return Ok(());
        }
        if let Some(bytes) = self.files.read(path)?.map(Secret::new) {
            let mode = self.files.mode(path).unwrap_or(0o600);
            renewal.kept.push(Kept { path: path.to_path_buf(), bytes, mode });
        }
        Ok(())
    }

    /// Records that something was renewed.
    pub fn note_renewed(&mut self, renewed: Renewed) -> Result<()> {
        match &mut self.task {
            Task::Renew(renewal) => renewal.renewed.push(renewed),
            _ => return Err(Missing("what to renew").into()),
        }
        Ok(())
    }
}

impl Context {
    /// The options of `certs rotate-ca`.
    pub fn rotation(&self) -> Result<&Rotation> {
        Ok(self.renewal()?.rotation.as_ref().ok_or(Missing("a CA rotation"))?)
    }

    /// The same, to record results.
    pub fn rotation_mut(&mut self) -> Result<&mut Rotation> {
        match &mut self.task {
            Task::Renew(renewal) => Ok(renewal.rotation.as_mut().ok_or(Missing("a CA rotation"))?),
            _ => Err(Missing("a CA rotation").into()),
        }
    }

    /// The current rotation.
    pub fn rotation_plan(&self) -> Result<Plan> {
        Ok(self.rotation()?.plan.clone().ok_or(Missing("a CA rotation that has begun"))?)
    }
}

impl Context {
    /// The upgrade of this host.
    pub fn upgrade(&self) -> Result<&HostUpgrade> {
        Ok(self.renewal()?.upgrade.as_ref().ok_or(Missing("an upgrade of this host"))?)
    }

    /// The same, to record results.
    pub fn upgrade_mut(&mut self) -> Result<&mut HostUpgrade> {
        match &mut self.task {
            Task::Renew(renewal) => Ok(renewal.upgrade.as_mut().ok_or(Missing("an upgrade of this host"))?),
            _ => Err(Missing("an upgrade of this host").into()),
        }
    }

    /// Runs `act` with another task in place of this one.
    pub fn with_task<T>(&mut self, task: Task, act: impl FnOnce(&mut Self) -> Result<T>) -> (Result<T>, Task) {
        let own = std::mem::replace(&mut self.task, task);
        let done = act(self);
        (done, std::mem::replace(&mut self.task, own))
    }
}

impl Context {
    fn etcd_work(&self) -> Option<&Work> {
        if let Task::Etcd(task) = &self.task { Some(&task.work) } else { None }
    }

    fn etcd_work_mut(&mut self) -> Option<&mut Work> {
        if let Task::Etcd(task) = &mut self.task { Some(&mut task.work) } else { None }
    }

    /// The options of `etcd recover`.
    pub fn recovery(&self) -> Result<&Recovery> {
        match self.etcd_work() {
            Some(Work::Recover(recovery)) => Ok(recovery),
            _ => Err(Missing("a recovery").into()),
        }
    }

    /// The same, to record results.
    pub fn recovery_mut(&mut self) -> Result<&mut Recovery> {
        match self.etcd_work_mut() {
            Some(Work::Recover(recovery)) => Ok(recovery),
            _ => Err(Missing("a recovery").into()),
        }
    }

    /// What the check of `etcd recover` found.
    pub fn found(&self) -> Result<&Found> {
        Ok(self.recovery()?.found.as_ref().ok_or(Missing("a member to recover from"))?)
    }
}

impl Context {
    /// The options of `etcd snapshot restore`.
    pub fn restoring(&self) -> Result<&Restoring> {
        match self.etcd_work() {
            Some(Work::Restore(restoring)) => Ok(restoring),
            _ => Err(Missing("a snapshot to restore").into()),
        }
    }

    /// The same, to record results.
    pub fn restoring_mut(&mut self) -> Result<&mut Restoring> {
        match self.etcd_work_mut() {
            Some(Work::Restore(restoring)) => Ok(restoring),
            _ => Err(Missing("a snapshot to restore").into()),
        }
    }

    /// What the check of `etcd snapshot restore` found.
    pub fn restorable(&self) -> Result<&Restorable> {
        Ok(self.restoring()?.found.as_ref().ok_or(Missing("a member to restore"))?)
    }
}

impl Context {
    /// The options of `etcd snapshot save`.
    pub fn saving(&self) -> Result<&Saving> {
        match self.etcd_work() {
            Some(Work::Save(saving)) => Ok(saving),
            _ => Err(Missing("a snapshot to save").into()),
        }
    }

    /// The same, to record results.
    pub fn saving_mut(&mut self) -> Result<&mut Saving> {
        match self.etcd_work_mut() {
            Some(Work::Save(saving)) => Ok(saving),
            _ => Err(Missing("a snapshot to save").into()),
        }
    }
}

impl Context {
    /// Runs `act` with another configuration of the cluster, such as the one after the upgrade.
    pub fn with_cluster<T>(&mut self, config: ClusterConfig, act: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let before = std::mem::replace(self.upgraded_cluster()?, config);
        let result = act(self);
        *self.upgraded_cluster()? = before;
        result
    }

    fn upgraded_cluster(&mut self) -> Result<&mut ClusterConfig> {
        match &mut self.task {
            Task::Upgrade(upgrading) => Ok(&mut upgrading.cluster),
            Task::Renew(renewal) if renewal.upgrade.is_some() => Ok(&mut renewal.cluster),
            _ => Err(Missing("a cluster to upgrade").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::print;
    use crate::context::upgrading::Upgrading;
    use crate::versions::{Version, facts};

    #[test]
    fn another_configuration_holds_for_one_action_only() {
        let minor = facts(33).unwrap();
        let config = |version| print::default_cluster(version, minor);
        let mut cx = Context::for_tests("/");
        assert!(cx.with_cluster(config(Version::new(33, 6)), |_| Ok(())).is_err(), "this task has no cluster");
        let upgrading = Upgrading { cluster: config(Version::new(33, 2)), node: print::default_node(minor, "n1") };
        cx.task = Task::Upgrade(Box::new(upgrading));
        let inside = cx.with_cluster(config(Version::new(33, 6)), |cx| Ok(cx.cluster()?.version.patch)).unwrap();
        assert_eq!((inside, cx.cluster().unwrap().version.patch), (6, 2));
    }
}
