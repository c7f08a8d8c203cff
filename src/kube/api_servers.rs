//! The addresses of the cluster's API servers, as they register themselves.
//!
//! Reads: the Endpoints `default/kubernetes`.

use super::cluster::Cluster;
use super::error::KubeError;
use super::kind::{ENDPOINTS, ObjectRef};
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};

/// The port of an API server that registers none.
const PORT: u16 = 6443;

/// The address and port of each.
pub fn addresses(cluster: &Cluster) -> Result<Vec<SocketAddr>, KubeError> {
    let found = cluster.find(&ObjectRef::new(&ENDPOINTS, "default", "kubernetes"))?;
    Ok(of(&found.unwrap_or_default()))
}

fn of(endpoints: &Value) -> Vec<SocketAddr> {
    let mut all = Vec::new();
    for subset in endpoints["subsets"].as_array().into_iter().flatten() {
        let port = subset["ports"][0]["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(PORT);
        for address in subset["addresses"].as_array().into_iter().flatten() {
            let ip = address["ip"].as_str().and_then(|ip| ip.parse::<IpAddr>().ok());
            all.extend(ip.map(|ip| SocketAddr::new(ip, port)));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_address_has_the_port_of_its_subset_and_what_is_none_is_left_out() {
        let endpoints = json!({"subsets": [
            {"addresses": [{"ip": "10.0.0.4"}, {"ip": "nowhere"}, {}], "ports": [{"name": "https", "port": 8443}]},
            {"addresses": [{"ip": "fd00::5"}]},
            {"ports": [{"port": 1}]},
        ]});
        let shown: Vec<String> = of(&endpoints).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.4:8443", "[fd00::5]:6443"]);
        assert!(of(&Value::Null).is_empty());
    }
}
