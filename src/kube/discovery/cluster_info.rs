//! Parses the `ConfigMap` `cluster-info`.

use super::super::kind::{CONFIG_MAP, ObjectRef};
use super::ca::certificates;
use super::grace::Unsigned;
use super::jws;
use crate::base::sanitize;
use crate::config::kubeconfig::{Base64, Kubeconfig};
use crate::config::tree::Node;
use crate::config::untrusted;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The cluster information that anonymous clients can read. It must not be trusted before it is verified, so only the
/// CA certificates are parsed until then.
pub struct ClusterInfo {
    /// The kubeconfig as written: it is signed and compared in this form.
    pub text: String,
    /// Its CA certificates, PEM.
    pub ca_pem: Vec<u8>,
    /// The same, DER.
    pub ca_certificates: Vec<Vec<u8>>,
    kubeconfig: Node,
    made: Option<i64>,
    data: Value,
}

impl ClusterInfo {
    /// The reference to it.
    pub fn place() -> ObjectRef {
        ObjectRef::new(&CONFIG_MAP, "kube-public", "cluster-info")
    }

    /// Parses the `ConfigMap`, or returns the problem.
    pub fn parse(config_map: &Value) -> Result<Self, String> {
        let data = config_map["data"].clone();
        let text = data["kubeconfig"].as_str().unwrap_or_default().to_owned();
        if text.is_empty() {
            return Err("it has no kubeconfig".into());
        }
        let kubeconfig = untrusted::document(text.as_bytes()).map_err(|error| unreadable(&error.to_string()))?;
        let ca_pem = ca_data(&kubeconfig)?;
        let ca_certificates = certificates(&ca_pem).ok_or("its CA certificate is missing or not a certificate")?;
        let made = config_map["metadata"]["creationTimestamp"].as_str();
        let made = made.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()).map(OffsetDateTime::unix_timestamp);
        Ok(Self { text, ca_pem, ca_certificates, kubeconfig, made, data })
    }

    /// The address of the API server in it, or the problem.
    pub fn server(&self) -> Result<String, String> {
        let kubeconfig = Kubeconfig::of_document(&self.kubeconfig).map_err(|reason| unreadable(&reason))?;
        let server = kubeconfig.clusters.first().map(|named| named.cluster.server.clone()).unwrap_or_default();
        if server.starts_with("https://") {
            Ok(server)
        } else {
            let server = sanitize::line(&server);
            Err(format!("its kubeconfig names {server:?}, which is not an https:// address"))
        }
    }

    /// The signature with the token of this id, if there is one.
    pub fn signature(&self, id: &str) -> Option<&str> {
        self.data[format!("{}{id}", jws::KEY_PREFIX)].as_str().filter(|signature| !signature.is_empty())
    }

    /// The state of the signer if that signature is missing.
    pub fn unsigned(&self) -> Unsigned {
        let mut keys = self.data.as_object().into_iter().flatten().map(|(key, _)| key);
        Unsigned { made: self.made, for_others: keys.any(|key| key.starts_with(jws::KEY_PREFIX)) }
    }
}

fn unreadable(reason: &str) -> String {
    format!("its kubeconfig cannot be parsed: {}", sanitize::line(reason))
}

/// The CA certificates of the only cluster (PEM); empty without any.
fn ca_data(kubeconfig: &Node) -> Result<Vec<u8>, String> {
    let clusters = kubeconfig.entry("clusters").map(|entry| entry.value.items()).unwrap_or_default();
    let [named] = clusters else { return Err("its kubeconfig must name exactly one cluster".into()) };
    let cluster = named.entry("cluster");
    match cluster.and_then(|cluster| cluster.value.entry("certificate-authority-data")) {
        None => Ok(Vec::new()),
        Some(data) => {
            let data: Base64 = untrusted::typed(&data.value).map_err(|error| unreadable(&error.to_string()))?;
            Ok(data.0)
        }
    }
}
