//! What an upgrade makes of the cluster's Corefile.
//!
//! Reads: the ConfigMap `kube-system/coredns`. Writes: nothing.

use super::component::numbers;
use crate::base::fault::Result;
use crate::config::images::is_replaced_by;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CONFIG_MAP, ObjectRef};
use crate::render::objects::corefile::{Migrated, migrate};

/// Its key in the ConfigMap.
pub const COREFILE: &str = "Corefile";

/// What the new version of CoreDNS makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Corefile {
    /// It is used as it is.
    Stays,
    /// It changes, or CoreDNS refuses it.
    Migrated(Migrated),
    /// Whether it has to change is not known, and why.
    Unknown(String),
}

/// The ConfigMap with it.
pub fn config_map() -> ObjectRef {
    ObjectRef::new(&CONFIG_MAP, "kube-system", "coredns")
}

/// Reads the Corefile for an upgrade of CoreDNS from one image to another.
pub fn read(cluster: &Cluster, old: &str, new: &str) -> Result<Corefile> {
    if !is_replaced_by(old, new) {
        return Ok(Corefile::Stays);
    }
    let Some(map) = cluster.find(&config_map())? else { return Ok(Corefile::Stays) };
    Ok(of(map["data"][COREFILE].as_str().unwrap_or_default(), new))
}

fn of(text: &str, image: &str) -> Corefile {
    let tag = image.rsplit(':').next().unwrap_or_default();
    let version = numbers(tag);
    if version.is_empty() {
        return Corefile::Unknown(format!("the tag {tag} of its image does not say which version of CoreDNS it has"));
    }
    match migrate(text, &version) {
        Some(done) if done.difference.is_empty() && done.obstacles.is_empty() => Corefile::Stays,
        Some(done) => Corefile::Migrated(done),
        None => Corefile::Unknown("the Corefile cannot be read: a block or a quoted text does not end".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_version_and_a_corefile_that_cannot_be_read_are_not_a_pass() {
        let text = ".:53 {\n    kubernetes a {\n        transfer to *\n    }\n}\n";
        assert!(matches!(of(text, "k8s.gcr.io/coredns/coredns:v1.8.0"), Corefile::Migrated(_)));
        assert_eq!(of(text, "k8s.gcr.io/coredns:1.7.0"), Corefile::Stays);
        assert!(matches!(of(text, "r.io/coredns:ours"), Corefile::Unknown(_)));
        assert!(matches!(of("}", "r.io/coredns:v1.8.0"), Corefile::Unknown(_)));
    }
}
