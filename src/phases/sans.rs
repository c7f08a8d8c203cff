//! Adds SANs to the API server certificate: in the cluster's configuration, so that later certificates have them too,
//! and in the certificate of this host.
//!
//! Reads: the ConfigMap `kubeadm-config`, the certificate. Writes: both, if SANs are missing.

use crate::base::fault::Result;
use crate::base::files::Written;
use crate::base::go_yaml;
use crate::config::untrusted;
use crate::context::{Renewal, Run};
use crate::domain::paths::ADMIN_CONF;
use crate::kube::kind::{CONFIG_MAP, ObjectRef};
use crate::ops::renewal;
use crate::ops::renewal::cert;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog;
use crate::pki::sans::Sans;
use serde_json::{Value, json};
use std::path::Path;

/// The serving certificate of the API server.
const API_SERVER: &str = "apiserver";

/// Adds the SANs to the cluster's configuration.
pub struct StoreSans;

impl Phase<Renewal> for StoreSans {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Renewal>, _: &Target) -> Result<()> {
        // Before the SANs are stored for every control plane.
        let spec = catalog::cert(API_SERVER)?;
        cx.pki()?.require_renewal_permitted(spec, cx.cluster()?, cx.node()?, cx.work.names)?;
        let cluster = cx.running_cluster(Path::new(ADMIN_CONF))?;
        let names = cx.cluster()?.api_server_cert_sans.clone();
        let map = ObjectRef::new(&CONFIG_MAP, "kube-system", "kubeadm-config");
        let written = cluster.modify(&map, |map| {
            let text = map["data"]["ClusterConfiguration"].as_str().unwrap_or_default();
            if let Some(text) = with_names(text, &names) {
                map["data"]["ClusterConfiguration"] = json!(text);
            }
        })?;
        cx.events.message(match written {
            Written::Unchanged => "the cluster's configuration already has these SANs",
            _ => "added the SANs to the cluster's configuration, for all later certificates",
        });
        Ok(())
    }
}

/// Renews the certificate of the API server if it lacks a SAN.
pub struct AddSans;

impl Phase<Renewal> for AddSans {
    fn run(&self, cx: &mut Run<Renewal>, _: &Target) -> Result<()> {
        let spec = catalog::cert(API_SERVER)?;
        let store = cx.pki()?;
        renewal::finish_replacement(cx, spec)?;
        let old = store.load_certs(spec)?.and_then(|chain| chain.into_iter().next());
        let mut wanted = Sans::default();
        wanted.add_all(&cx.cluster()?.api_server_cert_sans);
        if old.as_ref().is_some_and(|old| old.sans.missing(&wanted).is_empty()) {
            cx.events.message("the certificate on the disk already has these SANs");
            return Ok(());
        }
        let renewed = cert(cx, spec)?;
        cx.events.message(format!("renewed {API_SERVER}: it is valid for {}", renewed.new.sans));
        cx.work.renewed.push(renewed);
        Ok(())
    }
}

/// The document with these SANs added to the API server; None if it already has them, or is not a mapping. Everything
/// else is kept.
fn with_names(text: &str, names: &[String]) -> Option<String> {
    let mut document = untrusted::value(text.as_bytes()).ok()?;
    let root = document.as_object_mut()?;
    let server = root.entry("apiServer").or_insert_with(|| json!({}));
    if server.is_null() {
        *server = json!({});
    }
    let mut listed = server["certSANs"].as_array().cloned().unwrap_or_default();
    let known = listed.len();
    for name in names {
        if !listed.iter().any(|one| one.as_str() == Some(name)) {
            listed.push(json!(name));
        }
    }
    if listed.len() == known {
        return None;
    }
    server.as_object_mut()?.insert("certSANs".into(), Value::Array(listed));
    Some(go_yaml::to_string(&document))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sans_are_added_once_and_the_rest_of_the_document_is_kept() {
        let text = "apiServer:\n  extraArgs:\n    v: \"2\"\nclusterName: x\nfutureField: 1\n";
        let names = ["lb.example.com".to_owned(), "10.0.0.9".to_owned()];
        let added = with_names(text, &names).unwrap();
        assert_eq!(
            added,
            "apiServer:\n  certSANs:\n  - lb.example.com\n  - 10.0.0.9\n  extraArgs:\n    v: \"2\"\nclusterName: x\nfutureField: 1\n"
        );
        assert_eq!(with_names(&added, &names), None);
        assert_eq!(with_names("apiServer:\n", &names[..1]).unwrap(), "apiServer:\n  certSANs:\n  - lb.example.com\n");
        assert_eq!(with_names("- no configuration\n", &names), None);
    }
}
