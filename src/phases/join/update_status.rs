//! Notes where this host's API server listens, in minors that keep that in a document of the cluster.
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

/// Where it is in the `ConfigMap`.
pub const KEY: &str = "ClusterStatus";

/// See the module's text.
pub struct UpdateStatus;

impl Action for UpdateStatus {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        if !cx.facts()?.cluster_status {
            cx.events.message("this minor keeps no ClusterStatus: nothing to do");
            return Ok(());
        }
        let cluster = cx.running_cluster(Path::new(ADMIN_CONF))?;
        note(cx, &cluster)
    }
}

/// Puts this host's API server beside those that the `ConfigMap` names.
///
/// # Errors
/// When the cluster has no such `ConfigMap`, what is in it cannot be read, or the server refuses.
pub fn note(cx: &Context, cluster: &Cluster) -> Result<()> {
    let node = cx.node()?;
    let endpoint = json!({
        "advertiseAddress": node.local_endpoint.advertise_address,
        "bindPort": node.local_endpoint.bind_port,
    });
    let empty = json!({"apiVersion": cx.facts()?.api_version.to_string(), "kind": KEY});
    let map = ObjectRef::new(&CONFIG_MAP, "kube-system", "kubeadm-config");
    // What cannot be read is not overwritten.
    parse(&cluster.read(&map)?)?;
    let written = cluster.modify(&map, |map| {
        put(map, &empty, &node.name, &endpoint);
    })?;
    if written != Written::Unchanged {
        cx.events.message(format!("noted the API server of {} in the ClusterStatus", node.name));
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

/// The document in the `ConfigMap`; None where there is none.
///
/// # Errors
/// When it cannot be read.
pub fn parse(map: &Value) -> Result<Option<Value>, JoinError> {
    let text = map["data"][KEY].as_str();
    text.map(|text| untrusted::value(text.as_bytes())).transpose().map_err(JoinError::BadStatus)
}

#[cfg(test)]
mod tests;
