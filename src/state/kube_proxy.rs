//! kube-proxy as the cluster has it: its ConfigMap and its DaemonSet, and whether a change of its configuration was interrupted.
//!
//! Reads: both objects. Writes: nothing.

use crate::base::fault::Result;
use crate::config::untrusted;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CONFIG_MAP, DAEMON_SET, ObjectRef};
use serde_json::{Map, Value};

const NAMESPACE: &str = "kube-system";
const NAME: &str = "kube-proxy";
/// The key of the configuration in the ConfigMap.
pub const CONFIG: &str = "config.conf";
/// The annotation of the ConfigMap with the former configuration, until all nodes have the changed one.
pub const FORMER: &str = "kubewright.io/former-config";

pub struct KubeProxy {
    pub map: Value,
    pub daemons: Value,
}

/// Its ConfigMap.
pub fn config_map() -> ObjectRef {
    ObjectRef::new(&CONFIG_MAP, NAMESPACE, NAME)
}

/// Its DaemonSet.
pub fn daemon_set() -> ObjectRef {
    ObjectRef::new(&DAEMON_SET, NAMESPACE, NAME)
}

impl KubeProxy {
    /// None in a cluster without it.
    pub fn find(cluster: &Cluster) -> Result<Option<Self>> {
        let Some(map) = cluster.find(&config_map())?.filter(|map| map["data"][CONFIG].is_string()) else {
            return Ok(None);
        };
        Ok(cluster.find(&daemon_set())?.map(|daemons| Self { map, daemons }))
    }

    /// Its configuration as it is stored.
    pub fn text(&self) -> &str {
        self.map["data"][CONFIG].as_str().unwrap_or_default()
    }

    /// The same without its kind.
    pub fn document(&self) -> Map<String, Value> {
        let mut document: Map<String, Value> = untrusted::read(self.text().as_bytes()).unwrap_or_default();
        document.shift_remove("apiVersion");
        document.shift_remove("kind");
        document
    }

    /// What it was before a change that has not ended.
    pub fn former(&self) -> Option<&str> {
        self.map["metadata"]["annotations"][FORMER].as_str()
    }
}
