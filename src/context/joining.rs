//! The options of `join`, and the cluster that it discovered.

use crate::base::go_yaml;
use crate::config::kubeconfig::User;
use crate::config::model::ControlPlaneJoin;
use crate::config::untrusted;
use crate::etcd::Member;
use crate::kube::cluster::Cluster;
use crate::kube::discovery::Found;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;

/// A cluster that was discovered and verified, and how this host joins it.
pub struct Joining {
    /// Its endpoint and CA.
    pub found: Found,
    /// The credentials with which this host may ask for a certificate.
    pub user: User,
    /// A client of the cluster with these credentials.
    pub api: Arc<Cluster>,
    /// The configuration that all its kubelets share.
    pub kubelet: String,
    /// Where the cluster's CA certificate is written on this host.
    pub ca_cert_path: PathBuf,
    /// Some if the host becomes a control plane.
    pub control_plane: Option<ControlPlaneJoin>,
    /// Fix what preflight can fix.
    pub fix: bool,
    /// The members of the cluster's etcd, once listed.
    pub etcd_members: Vec<Member>,
}

impl Joining {
    /// The host, without port, of the API server that responded.
    pub fn api_host(&self) -> &str {
        let address = self.found.endpoint.trim_start_matches("https://");
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        host.trim_matches(['[', ']'])
    }

    /// Sets a field of this host's kubelet unless the cluster sets it; true when it was unset.
    pub fn set_kubelet_default(&mut self, field: &str, value: &Value) -> bool {
        // The phase that needs the mapping reports if it is not one.
        let Ok(mut config) = untrusted::read::<Map<String, Value>>(self.kubelet.as_bytes()) else { return false };
        let is_new = !config.contains_key(field);
        if is_new {
            config.insert(field.to_owned(), value.clone());
            self.kubelet = go_yaml::to_string(&Value::Object(config));
        }
        is_new
    }
}
