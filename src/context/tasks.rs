//! What a command was asked for and has found out, each for the commands that have it.

use super::leaving::Leaving;
use super::renewal::{Kept, Renewal, Renewed};
use super::rotation::{Plan, Rotation};
use super::{Context, Joining, Missing, Task};
use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::config::ResetConfig;
use crate::config::model::JoinConfig;
use std::path::Path;

impl Context {
    /// What `join` was asked for.
    ///
    /// # Errors
    /// When the command is another.
    pub fn join(&self) -> Result<&JoinConfig> {
        match &self.task {
            Task::Join(join, _) => Ok(join),
            _ => Err(Missing("the configuration of 'join'").into()),
        }
    }

    /// The cluster that this host joins.
    ///
    /// # Errors
    /// When none was found yet.
    pub fn joining(&self) -> Result<&Joining> {
        self.joining.as_ref().ok_or_else(|| Missing("a cluster that was found").into())
    }

    /// Remembers the cluster that was found.
    pub fn joins(&mut self, cluster: Joining) {
        self.joining = Some(cluster);
    }
}

impl Context {
    /// The node that leaves.
    ///
    /// # Errors
    /// When the command is another.
    pub fn leaving(&self) -> Result<&Leaving> {
        match &self.task {
            Task::Leave(leaving) => Ok(leaving),
            _ => Err(Missing("a node that leaves").into()),
        }
    }

    /// The node that leaves, to note what was found out.
    ///
    /// # Errors
    /// When the command is another.
    pub fn leaving_mut(&mut self) -> Result<&mut Leaving> {
        match &mut self.task {
            Task::Leave(leaving) => Ok(leaving),
            _ => Err(Missing("a node that leaves").into()),
        }
    }

    /// What `reset` was told.
    ///
    /// # Errors
    /// When the command is another.
    pub fn reset(&self) -> Result<&ResetConfig> {
        Ok(self.leaving()?.reset.as_ref().ok_or(Missing("the configuration of 'reset'"))?)
    }
}

impl Context {
    /// What `certs renew` was asked for.
    ///
    /// # Errors
    /// When the command is another.
    pub fn renewal(&self) -> Result<&Renewal> {
        match &self.task {
            Task::Renew(renewal) => Ok(renewal),
            _ => Err(Missing("what to renew").into()),
        }
    }

    /// Keeps a file as it is now, for putting it back; what was kept before stays. Does nothing where there is none.
    ///
    /// # Errors
    /// When the command is another, or the file cannot be read.
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

    /// Notes that something was renewed.
    ///
    /// # Errors
    /// When the command is another.
    pub fn note_renewed(&mut self, renewed: Renewed) -> Result<()> {
        match &mut self.task {
            Task::Renew(renewal) => renewal.renewed.push(renewed),
            _ => return Err(Missing("what to renew").into()),
        }
        Ok(())
    }
}

impl Context {
    /// What `certs rotate-ca` was asked for.
    ///
    /// # Errors
    /// When the command is another.
    pub fn rotation(&self) -> Result<&Rotation> {
        Ok(self.renewal()?.rotation.as_ref().ok_or(Missing("a change of CA"))?)
    }

    /// The same, to note what was found out.
    ///
    /// # Errors
    /// When the command is another.
    pub fn rotation_mut(&mut self) -> Result<&mut Rotation> {
        match &mut self.task {
            Task::Renew(renewal) => Ok(renewal.rotation.as_mut().ok_or(Missing("a change of CA"))?),
            _ => Err(Missing("a change of CA").into()),
        }
    }

    /// The change that is going on.
    ///
    /// # Errors
    /// When it is not known yet.
    pub fn rotation_plan(&self) -> Result<Plan> {
        Ok(self.rotation()?.plan.clone().ok_or(Missing("a change of CA that was begun"))?)
    }
}
