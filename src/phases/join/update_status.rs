//! Adds the endpoint of this host's API server to a document of the cluster, in minor versions that have it.
//!
//! Reads: the node's configuration, the ConfigMap `kube-system/kubeadm-config`. Writes: `ClusterStatus` in it.

use crate::base::fault::Result;
use crate::base::files::Written;
use crate::base::go_yaml;
use crate::config::untrusted;
use crate::context::Context;
use crate::domain::paths::ADMIN_CONF;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CONFIG_MAP, ObjectRef};
use crate::phases::join::error::JoinError;
use crate::pipeline::{Action, Target};
use serde_json::{Value, json};
use std::path::Path;

/// The key in the `ConfigMap`.
pub const KEY: &str = "ClusterStatus";

pub struct UpdateStatus;

impl Action for UpdateStatus {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        if !cx.facts()?.cluster_status {
            cx.events.message("this minor version has no ClusterStatus: nothing to do");
            return Ok(());
        }
        let cluster = cx.running_cluster(Path::new(ADMIN_CONF))?;
        add(cx, &cluster)
    }
}

/// Adds this host's API server to those in the `ConfigMap`.
pub fn add(cx: &Context, cluster: &Cluster) -> Result<()> {
    let node = cx.node()?;
    let endpoint = json!({
        "advertiseAddress": node.local_endpoint.advertise_address,
        "bindPort": node.local_endpoint.bind_port,
    });
    let empty = json!({"apiVersion": cx.facts()?.api_version.to_string(), "kind": KEY});
    let map = ObjectRef::new(&CONFIG_MAP, "kube-system", "kubeadm-config");
    // An unreadable one is not overwritten.
    parse(&cluster.read(&map)?)?;
    let written = cluster.modify(&map, |map| {
        put(map, &empty, &node.name, &endpoint);
    })?;
    if written != Written::Unchanged {
        cx.events.message(format!("added the API server of {} to the ClusterStatus", node.name));
    }
    Ok(())
}

fn put(map: &mut Value, empty: &Value, node: &str, endpoint: &Value) {
    let Ok(status) = parse(map) else { return };
    let mut status = status.unwrap_or_else(|| empty.clone());
    if status["apiEndpoints"][node] != *endpoint {
        status["apiEndpoints"][node] = endpoint.clone();
        map["data"][KEY] = go_yaml::to_string(&status).into();
    }
}

/// The document in the `ConfigMap`; None if there is none.
pub fn parse(map: &Value) -> Result<Option<Value>, JoinError> {
    let text = map["data"][KEY].as_str();
    text.map(|text| untrusted::value(text.as_bytes())).transpose().map_err(JoinError::BadStatus)
}

#[cfg(test)]
mod tests;
