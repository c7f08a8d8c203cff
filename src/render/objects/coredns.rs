//! Phase `addon/coredns`: DNS for Services.

use super::templates;
use super::{Object, ObjectError};
use crate::versions::addons::addon_facts;
use crate::versions::{Minor, OLDEST, facts, newest};
use serde_json::json;
use std::net::IpAddr;

/// What CoreDNS is made from.
#[derive(Clone, Copy, Debug)]
pub struct CoreDns<'a> {
    /// The minor of the cluster.
    pub minor: u16,
    /// The whole name of the image, with its tag.
    pub image: &'a str,
    /// The cluster's domain: `cluster.local`.
    pub domain: &'a str,
    /// The Service's address: the tenth of the first Service network.
    pub cluster_ip: IpAddr,
    /// Two in a new cluster, later whatever the Deployment has.
    pub replicas: u32,
}

impl CoreDns<'_> {
    /// How many replicas a new cluster has.
    pub const REPLICAS: u32 = 2;

    /// All objects, in order; they are also what `--print-manifest` prints.
    ///
    /// # Errors
    /// Only by our own fault.
    pub fn objects(&self) -> Result<Vec<Object>, ObjectError> {
        templates::objects(
            "addons/coredns.yaml.tera",
            &json!({
                "facts": addon_facts(self.minor),
                "corefile": corefile(self.minor, self.domain)?,
                "image": self.image,
                "cluster_ip": self.cluster_ip.to_string(),
                "replicas": self.replicas,
            }),
        )
    }
}

/// What any minor of the window would have made in place of `ours`, with its own default image and with ours: the
/// states of an existing addon that no user has touched.
///
/// # Errors
/// Only by our own fault.
pub fn known(ours: &CoreDns<'_>) -> Result<Vec<Object>, ObjectError> {
    let mut objects = Vec::new();
    for minor in OLDEST..=newest() {
        let mut images = vec![ours.image.to_owned()];
        images.extend(facts(minor).into_iter().flat_map(default_images));
        for image in &images {
            objects.extend(CoreDns { minor, image, ..*ours }.objects()?);
        }
    }
    Ok(objects)
}

/// The images that the releases of a minor use when none is given.
fn default_images(facts: &Minor) -> Vec<String> {
    let folder = if facts.coredns_subpath { "coredns/" } else { "" };
    let tags = facts.coredns_tag.0.iter();
    tags.flat_map(|(_, tag)| {
        facts.image_repository.0.iter().map(move |(_, registry)| format!("{registry}/{folder}coredns:{tag}"))
    })
    .collect()
}

/// CoreDNS' own configuration as that minor writes it.
///
/// # Errors
/// Only by our own fault.
pub fn corefile(minor: u16, domain: &str) -> Result<String, ObjectError> {
    templates::text("addons/Corefile.tera", &json!({ "facts": addon_facts(minor), "domain": domain }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corefile_of_each_time_is_written() {
        let old = corefile(31, "corp.local").unwrap();
        assert!(old.contains("\n    kubernetes corp.local in-addr.arpa ip6.arpa {\n"), "{old}");
        assert!(old.contains("\n    cache 30\n    loop\n"), "{old}");
        let new = corefile(32, "corp.local").unwrap();
        assert!(new.contains("\n    cache 30 {\n       disable success corp.local\n"), "{new}");
        assert!(new.ends_with("\n    loadbalance\n}\n"), "{new}");
    }
}
