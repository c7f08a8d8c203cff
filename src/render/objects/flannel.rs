//! The pod network flannel: VXLAN between the nodes, with the network that each node was given.

use super::templates;
use super::{Object, ObjectError};
use ipnet::IpNet;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::Path;

/// The input of flannel.
#[derive(Clone, Copy, Debug)]
pub struct Flannel<'a> {
    /// The full references of the images of the daemon and of its CNI plugin.
    pub images: [&'a str; 2],
    /// The networks for Pods: one, or one of each IP family.
    pub pod_subnets: &'a [IpNet],
    /// The address of this node.
    pub node_address: IpAddr,
    /// Where the container runtime looks for CNI plugins.
    pub plugin_directory: &'a Path,
}

impl Flannel<'_> {
    /// All objects in order. Only by our own fault.
    pub fn objects(&self) -> Result<Vec<Object>, ObjectError> {
        let [image, plugin_image] = self.images;
        let first_is_v4 = self.pod_subnets.first().is_some_and(|net| net.addr().is_ipv4());
        templates::objects(
            "network/flannel.yaml.tera",
            &json!({
                "image": image,
                "plugin_image": plugin_image,
                "plugin_directory": self.plugin_directory.display().to_string(),
                "cni_conf": pretty(&cni_conf()),
                "net_conf": pretty(&self.net_conf()),
                // Of several interfaces, the one with the node's address leads to the other nodes.
                "by_address": first_is_v4 && self.node_address.is_ipv4(),
            }),
        )
    }

    fn net_conf(&self) -> Value {
        let of = |is_v4: bool| self.pod_subnets.iter().find(|net| net.addr().is_ipv4() == is_v4);
        let mut conf = json!({"EnableIPv4": of(true).is_some(), "EnableNFTables": false, "Backend": {"Type": "vxlan"}});
        if let Some(net) = of(true) {
            conf["Network"] = net.trunc().to_string().into();
        }
        if let Some(net) = of(false) {
            conf["EnableIPv6"] = true.into();
            conf["IPv6Network"] = net.trunc().to_string().into();
        }
        conf
    }
}

/// The configuration that the runtime reads on each node: flannel's plugin, and host ports.
fn cni_conf() -> Value {
    json!({
        "name": "cbr0",
        "cniVersion": "0.3.1",
        "plugins": [
            {"type": "flannel", "delegate": {"hairpinMode": true, "isDefaultGateway": true}},
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    })
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(subnets: &[&str]) -> Vec<Object> {
        let subnets: Vec<IpNet> = subnets.iter().map(|text| text.parse().unwrap()).collect();
        let flannel = Flannel {
            images: ["ghcr.io/flannel-io/flannel:v1", "ghcr.io/flannel-io/flannel-cni-plugin:v2"],
            pod_subnets: &subnets,
            node_address: "10.0.0.7".parse().unwrap(),
            plugin_directory: Path::new("/usr/lib/cni"),
        };
        flannel.objects().unwrap()
    }

    fn net_conf(objects: &[Object]) -> Value {
        let map = objects.iter().find(|object| object.kind == "ConfigMap").unwrap();
        serde_json::from_str(map.value["data"]["net-conf.json"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn the_network_of_the_cluster_is_that_of_flannel() {
        let objects = objects(&["10.128.0.0/14"]);
        let kinds: Vec<&str> = objects.iter().map(|object| object.kind.as_str()).collect();
        assert_eq!(
            kinds,
            ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet"]
        );
        assert_eq!(net_conf(&objects)["Network"], "10.128.0.0/14");
        assert_eq!(net_conf(&objects).get("IPv6Network"), None);
        let pod = &objects[5].value["spec"]["template"]["spec"];
        assert_eq!(pod["containers"][0]["args"][2], "--iface=$(NODE_ADDRESS)");
        assert_eq!(pod["initContainers"][0]["image"], "ghcr.io/flannel-io/flannel-cni-plugin:v2");
        assert_eq!(pod["volumes"][1]["hostPath"]["path"], "/usr/lib/cni");
        assert_eq!(pod["initContainers"][0]["command"][3], "/opt/cni/bin/flannel", "the place in the container");
    }

    #[test]
    fn both_ip_families_are_enabled() {
        let conf = net_conf(&objects(&["10.244.0.0/16", "fd00:1::/48"]));
        assert_eq!((&conf["EnableIPv6"], &conf["IPv6Network"]), (&json!(true), &json!("fd00:1::/48")));
        let conf = net_conf(&objects(&["fd00:1::/48"]));
        assert_eq!((&conf["EnableIPv4"], conf.get("Network")), (&json!(false), None));
    }

    #[test]
    fn the_configuration_for_the_runtime_names_flannels_plugin() {
        let objects = objects(&["10.244.0.0/16"]);
        let text = objects[4].value["data"]["cni-conf.json"].as_str().unwrap();
        let conf: Value = serde_json::from_str(text).unwrap();
        assert_eq!(conf["plugins"][0]["type"], "flannel");
    }
}
