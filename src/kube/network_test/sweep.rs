//! Removes namespaces of tests that were interrupted.

use super::super::cluster::Cluster;
use super::super::error::KubeError;
use super::super::kind::{NAMESPACE, ObjectRef};
use super::objects::{EXPIRES, LABEL, PREFIX};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Namespaces of other tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub removed: Vec<String>,
    /// They have not expired: another test runs, or was interrupted a moment ago.
    pub young: Vec<String>,
}

pub fn sweep(cluster: &Cluster, now: i64) -> Result<Swept, KubeError> {
    let mut swept = Swept::default();
    for namespace in cluster.list_metadata(&NAMESPACE)? {
        let Some(name) = namespace["metadata"]["name"].as_str().filter(|_| is_ours(&namespace)) else { continue };
        let expires = namespace["metadata"]["annotations"][EXPIRES].as_str();
        let expires = expires.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        if !namespace["metadata"]["deletionTimestamp"].is_null() {
            continue;
        }
        if expires.is_none_or(|expires| expires.unix_timestamp() <= now) {
            cluster.delete(&ObjectRef::global(&NAMESPACE, name))?;
            swept.removed.push(name.into());
        } else {
            swept.young.push(name.into());
        }
    }
    Ok(swept)
}

/// By name and label, so that a namespace of someone else is never removed.
fn is_ours(namespace: &Value) -> bool {
    let name = namespace["metadata"]["name"].as_str().unwrap_or_default();
    name.starts_with(PREFIX) && namespace["metadata"]["labels"][LABEL.0] == LABEL.1
}
