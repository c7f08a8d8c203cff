//! The networks for Pods that the objects of a manifest are written for.

use ipnet::IpNet;
use serde_json::Value;

/// A network that a manifest is written for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Where it is stated.
    pub place: String,
    /// The network.
    pub net: IpNet,
    /// It must be one of the cluster's, and not only a part of one.
    pub is_whole: bool,
}

/// The networks in one object: in flannel's `net-conf.json`, Calico's variable and pools, and Cilium's configuration.
pub(super) fn by(object: &Value) -> Vec<Stated> {
    let mut found = Vec::new();
    let mut add = |place: &str, text: &str, is_whole: bool| {
        let nets = text.split([',', ' ']).filter_map(|part| part.trim().parse().ok());
        found.extend(nets.map(|net| Stated { place: place.to_owned(), net, is_whole }));
    };
    let data = |key: &str| object["data"].get(key).and_then(Value::as_str);
    if let Some(settings) = data("net-conf.json").and_then(|text| serde_json::from_str::<Value>(text).ok()) {
        for field in ["Network", "IPv6Network"] {
            add(&format!("{field} in net-conf.json"), settings[field].as_str().unwrap_or_default(), true);
        }
    }
    for field in ["cluster-pool-ipv4-cidr", "cluster-pool-ipv6-cidr"] {
        add(field, data(field).unwrap_or_default(), true);
    }
    if object["kind"] == "Installation" {
        for pool in object.pointer("/spec/calicoNetwork/ipPools").and_then(Value::as_array).into_iter().flatten() {
            add("ipPools", pool["cidr"].as_str().unwrap_or_default(), false);
        }
    }
    for variable in ["CALICO_IPV4POOL_CIDR", "CALICO_IPV6POOL_CIDR"] {
        visit_maps(object, &mut |map| {
            if map["name"] == variable {
                add(variable, map["value"].as_str().unwrap_or_default(), false);
            }
        });
    }
    found
}

fn visit_maps(value: &Value, look: &mut dyn FnMut(&Value)) {
    match value {
        Value::Object(map) => {
            look(value);
            map.values().for_each(|value| visit_maps(value, look));
        }
        Value::Array(list) => list.iter().for_each(|value| visit_maps(value, look)),
        _ => {}
    }
}
