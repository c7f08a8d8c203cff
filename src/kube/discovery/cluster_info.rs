//! The `ConfigMap` `cluster-info`, taken apart.

use super::super::kind::{CONFIG_MAP, ObjectRef};
use super::ca::certificates;
use super::grace::Unsigned;
use super::jws;
use crate::base::sanitize;
use crate::config::kubeconfig::{Kubeconfig, NamedCluster};
use serde_json::Value;
use std::path::Path;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What a cluster tells strangers about itself. Nothing in it is to be believed before it is proved.
pub(super) struct ClusterInfo {
    /// The kubeconfig as written: what is signed and compared.
    pub text: String,
    /// The address of the API server in it.
    pub server: String,
    /// The CA certificates in it, PEM.
    pub ca_pem: Vec<u8>,
    /// The same, DER.
    pub ca_certificates: Vec<Vec<u8>>,
    made: Option<i64>,
    data: Value,
}

impl ClusterInfo {
    /// Where it is.
    pub fn place() -> ObjectRef {
        ObjectRef::new(&CONFIG_MAP, "kube-public", "cluster-info")
    }

    /// Takes the `ConfigMap` apart, or says what is wrong with it.
    pub fn parse(config_map: &Value) -> Result<Self, String> {
        let data = config_map["data"].clone();
        let text = data["kubeconfig"].as_str().unwrap_or_default().to_owned();
        if text.is_empty() {
            return Err("it has no kubeconfig".into());
        }
        let kubeconfig = Kubeconfig::parse(Path::new("cluster-info"), text.as_bytes())
            .map_err(|error| format!("its kubeconfig cannot be read: {}", sanitize::line(&error.reason)))?;
        let [NamedCluster { cluster, .. }] = kubeconfig.clusters.as_slice() else {
            return Err("its kubeconfig must name exactly one cluster".into());
        };
        let server = cluster.server.clone();
        if !server.starts_with("https://") {
            let server = sanitize::line(&server);
            return Err(format!("its kubeconfig names {server:?}, which is not an https:// address"));
        }
        let ca_pem = cluster.certificate_authority_data.as_ref().map(|data| data.0.clone()).unwrap_or_default();
        let ca_certificates = certificates(&ca_pem).ok_or("its CA certificate is missing or not a certificate")?;
        let made = config_map["metadata"]["creationTimestamp"].as_str();
        let made = made.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()).map(OffsetDateTime::unix_timestamp);
        Ok(Self { text, server, ca_pem, ca_certificates, made, data })
    }

    /// The signature with the token of this id, when there is one.
    pub fn signature(&self, id: &str) -> Option<&str> {
        self.data[format!("{}{id}", jws::KEY_PREFIX)].as_str().filter(|signature| !signature.is_empty())
    }

    /// What it tells of the signer when that signature is missing.
    pub fn unsigned(&self) -> Unsigned {
        let mut keys = self.data.as_object().into_iter().flatten().map(|(key, _)| key);
        Unsigned { made: self.made, for_others: keys.any(|key| key.starts_with(jws::KEY_PREFIX)) }
    }
}
