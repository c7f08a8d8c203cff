//! Phase `addon/coredns`: DNS for Services.

use crate::config::images;
use crate::render::dns_address;
use crate::render::engine::Templates;
use crate::render::objects::addon::{Addon, AddonInput};
use crate::render::objects::{Object, ObjectError, templates};
use crate::render::patches::Target;
use crate::versions::addons::addon_facts;
use crate::versions::{OLDEST, facts, newest};
use serde_json::json;
use std::net::IpAddr;
use std::sync::LazyLock;

#[expect(clippy::redundant_closure_for_method_calls, reason = "the method has the lifetime of one input")]
pub static ADDON: Addon = Addon {
    name: "coredns",
    install: "Install CoreDNS, the DNS server of the cluster",
    upgrade: "Upgrade CoreDNS",
    field: "dns",
    is_disabled: |cluster| cluster.dns.disabled,
    disable: |cluster| cluster.dns.disabled = true,
    patches: Some(Target::CorednsDeployment),
    objects: |input| with(input, |ours| ours.objects()),
    known: |input| with(input, known),
};

const MANIFEST: &str = "addons/coredns.yaml.tera";
const COREFILE: &str = "addons/Corefile.tera";

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| {
    Templates::new(&[
        (MANIFEST, include_str!("../../../../templates/objects/addons/coredns.yaml.tera")),
        (COREFILE, include_str!("../../../../templates/objects/addons/Corefile.tera")),
    ])
});

fn with<T>(
    input: &AddonInput<'_>,
    make: impl FnOnce(&CoreDns<'_>) -> Result<T, ObjectError>,
) -> Result<T, ObjectError> {
    let AddonInput { facts, cluster, .. } = *input;
    let image = images::coredns(cluster, facts).to_string();
    let address = cluster.networking.service_subnets.first().and_then(dns_address);
    make(&CoreDns {
        minor: facts.minor,
        image: &image,
        domain: &cluster.networking.dns_domain,
        cluster_ip: address.ok_or(ObjectError::NoDnsAddress)?,
        replicas: CoreDns::REPLICAS,
    })
}

/// The input of CoreDNS.
#[derive(Clone, Copy, Debug)]
pub struct CoreDns<'a> {
    pub minor: u16,
    /// The full image reference with its tag.
    pub image: &'a str,
    /// `cluster.local` by default.
    pub domain: &'a str,
    /// The Service's address: the tenth of the first Service network.
    pub cluster_ip: IpAddr,
    /// Two in a new cluster, later the value of the Deployment.
    pub replicas: u32,
}

impl CoreDns<'_> {
    /// The number of replicas in a new cluster.
    pub const REPLICAS: u32 = 2;

    /// All objects in order, also for `--print-manifest`. Only by our own fault.
    pub fn objects(&self) -> Result<Vec<Object>, ObjectError> {
        let values = json!({
            "facts": addon_facts(self.minor),
            "corefile": corefile(self.minor, self.domain)?,
            "image": self.image,
            "cluster_ip": self.cluster_ip.to_string(),
            "replicas": self.replicas,
        });
        templates::parse(MANIFEST, &TEMPLATES.render(MANIFEST, &values)?)
    }
}

/// The objects that any supported minor version would have created instead of `ours`, with its default image and with
/// ours: the states of an addon that was not changed by a user. Tags are ignored, so one per registry is enough.
pub fn known(ours: &CoreDns<'_>) -> Result<Vec<Object>, ObjectError> {
    let mut objects = Vec::new();
    for facts in (OLDEST..=newest()).filter_map(facts) {
        let directory = if facts.coredns_subpath { "coredns/" } else { "" };
        let tag = facts.coredns_tag.newest();
        let defaults =
            facts.image_repository.0.iter().map(|(_, registry)| format!("{registry}/{directory}coredns:{tag}"));
        for image in defaults.chain([ours.image.to_owned()]) {
            objects.extend(CoreDns { minor: facts.minor, image: &image, ..*ours }.objects()?);
        }
    }
    Ok(objects)
}

/// The Corefile of that minor version. Only by our own fault.
pub fn corefile(minor: u16, domain: &str) -> Result<String, ObjectError> {
    Ok(TEMPLATES.render(COREFILE, &json!({ "facts": addon_facts(minor), "domain": domain }))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corefile_of_each_minor_is_written() {
        let old = corefile(31, "corp.local").unwrap();
        assert!(old.contains("\n    kubernetes corp.local in-addr.arpa ip6.arpa {\n"), "{old}");
        assert!(old.contains("\n    cache 30\n    loop\n"), "{old}");
        let new = corefile(32, "corp.local").unwrap();
        assert!(new.contains("\n    cache 30 {\n       disable success corp.local\n"), "{new}");
        assert!(new.ends_with("\n    loadbalance\n}\n"), "{new}");
    }
}
