//! The cluster that `join` has found: what its phases know of it.

use super::{Context, Missing, Task};
use crate::base::fault::Result;
use crate::base::go_yaml;
use crate::config::kubeconfig::User;
use crate::config::model::{ClusterConfig, JoinConfig};
use crate::config::untrusted;
use crate::kube::cluster::Cluster;
use crate::kube::discovery::Found;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A cluster that was found, proved and asked for its configuration.
pub struct Joining {
    /// Where it is and which CA it has.
    pub found: Found,
    /// The credentials with which this host may ask for a certificate.
    pub user: User,
    /// The cluster, entered with these credentials.
    pub api: Arc<Cluster>,
    /// Its configuration.
    pub cluster: ClusterConfig,
    /// The configuration that all its kubelets share.
    pub kubelet: String,
}

impl Joining {
    /// The host, without port, of the API server that answered.
    pub fn api_host(&self) -> &str {
        let address = self.found.endpoint.trim_start_matches("https://");
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        host.trim_matches(['[', ']'])
    }

    /// Sets a field of this host's kubelet unless the cluster sets it; true when it did not.
    pub(super) fn set_kubelet_default(&mut self, field: &str, value: &Value) -> bool {
        // What is no mapping is told by the phase that needs it.
        let Ok(mut config) = untrusted::read::<Map<String, Value>>(self.kubelet.as_bytes()) else { return false };
        let is_new = !config.contains_key(field);
        if is_new {
            config.insert(field.to_owned(), value.clone());
            self.kubelet = go_yaml::to_string(&Value::Object(config));
        }
        is_new
    }
}

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
