//! The configuration that is stored in a running cluster.
//!
//! Reads: the ConfigMap `kube-system/kubeadm-config`. Writes: nothing.

use crate::base::fault::Result;
use crate::config::{ClusterConfig, Facts, documents};
use crate::context::Context;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CONFIG_MAP, ObjectRef};
use serde_json::Value;

/// The name of the configuration in errors.
const SOURCE: &str = "ConfigMap kube-system/kubeadm-config";

/// The cluster's configuration; None if the `ConfigMap` does not exist.
pub fn read(cx: &Context, cluster: &Cluster) -> Result<Option<ClusterConfig>> {
    let map = map(cluster)?;
    let Some(text) = map.as_ref().and_then(|map| map["data"]["ClusterConfiguration"].as_str()) else {
        return Ok(None);
    };
    let documents = documents::parse(SOURCE, text.as_bytes())?;
    // The cluster part of a configuration needs nothing from the host.
    Ok(Some(documents.cluster(&Facts::placeholder(cx.random.clone()))?.config))
}

/// The `ConfigMap` itself; None when the cluster has none.
pub fn map(cluster: &Cluster) -> Result<Option<Value>> {
    Ok(cluster.find(&ObjectRef::new(&CONFIG_MAP, "kube-system", "kubeadm-config"))?)
}
