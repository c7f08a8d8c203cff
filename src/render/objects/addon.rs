//! What an addon is: a part of a cluster that runs as ordinary Pods and that `init` installs by default. `addons` lists them.

use super::{Object, ObjectError};
use crate::config::model::ClusterConfig;
use crate::render::patches::Target;
use crate::versions::Minor;
use serde::Serialize;
use std::net::IpAddr;

/// An addon: a row of the table.
#[derive(Debug)]
pub struct Addon {
    /// The name of its phase below `addon`, of its workload and of that workload's container.
    pub name: &'static str,
    /// What its phase in `init` does: one line for help.
    pub install: &'static str,
    /// What its phase in upgrades does: one line for help.
    pub upgrade: &'static str,
    /// Its field in a ClusterConfiguration, which can have `disabled`.
    pub field: &'static str,
    /// True if the cluster is not to have it.
    pub is_disabled: fn(&ClusterConfig) -> bool,
    /// Makes that so.
    pub disable: fn(&mut ClusterConfig),
    /// The patches that apply to its workload.
    pub patches: Option<Target>,
    /// All objects in the order in which they are sent; `--print-manifest` prints them.
    pub objects: fn(&AddonInput<'_>) -> Result<Vec<Object>, ObjectError>,
    /// The objects that any supported minor version would have created instead: the states of an addon that was not changed by a user.
    pub known: fn(&AddonInput<'_>) -> Result<Vec<Object>, ObjectError>,
}

impl PartialEq for Addon {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// The input of addons.
#[derive(Clone, Copy, Debug)]
pub struct AddonInput<'a> {
    pub facts: &'static Minor,
    /// The cluster, with the user's component configurations.
    pub cluster: &'a ClusterConfig,
    /// The shared URL of the API server.
    pub server: &'a str,
    /// The address of this host's API server.
    pub advertise_address: IpAddr,
    /// The HTTP proxy variables of this process.
    pub proxy_env: &'a [EnvVar],
}

/// An environment variable of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnvVar {
    pub name: String,
    pub value: String,
}

impl Object {
    /// True for what runs the Pods of an addon.
    pub fn is_workload(&self) -> bool {
        matches!(self.kind.as_str(), "Deployment" | "DaemonSet")
    }
}
