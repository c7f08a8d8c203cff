//! The SANs of certificates.

use super::catalog::SanRule;
use super::error::PkiError;
use crate::config::model::{ClusterConfig, Etcd, NodeConfig};
use crate::versions::Minor;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Distinct names and addresses. A certificate lists the names first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sans {
    /// DNS names, sorted, as in kubeadm.
    pub dns: Vec<String>,
    /// Addresses in the order in which they were added.
    pub ips: Vec<IpAddr>,
}

impl Sans {
    /// The SANs of a certificate with this rule.
    pub fn of(
        rule: SanRule,
        own_name: &str,
        cluster: &ClusterConfig,
        node: &NodeConfig,
        minor: &Minor,
    ) -> Result<Self, PkiError> {
        let mut sans = Self::default();
        match rule {
            SanRule::None => {}
            SanRule::OwnName => {
                if minor.ca_dns_name {
                    sans.add(own_name);
                }
            }
            SanRule::ApiServer => sans.add_api_server(cluster, node)?,
            SanRule::EtcdServer | SanRule::EtcdPeer => {
                sans.add_etcd(node);
                if let Etcd::Local(etcd) = &cluster.etcd {
                    let more = if rule == SanRule::EtcdPeer { &etcd.peer_cert_sans } else { &etcd.server_cert_sans };
                    sans.add_all(more);
                }
            }
        }
        Ok(sans)
    }

    /// Adds a DNS name or an address, unless it is already present.
    pub fn add(&mut self, name: &str) {
        if let Ok(ip) = name.parse::<IpAddr>() {
            self.add_ip(ip);
        } else if let Err(place) = self.dns.binary_search_by(|known| known.as_str().cmp(name)) {
            self.dns.insert(place, name.into());
        }
    }

    /// Adds an address, unless it is already present.
    pub fn add_ip(&mut self, ip: IpAddr) {
        // ::ffff:10.0.0.1 and 10.0.0.1 are the same address; Go's library writes the short form.
        let ip = ip.to_canonical();
        if !self.ips.contains(&ip) {
            self.ips.push(ip);
        }
    }

    pub fn add_all(&mut self, names: &[String]) {
        for name in names {
            self.add(name);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.dns.is_empty() && self.ips.is_empty()
    }

    /// The part of `needed` that is missing here. A wildcard matches one label, as in TLS.
    pub fn missing(&self, needed: &Self) -> Vec<String> {
        let names = needed.dns.iter().filter(|name| !self.dns.iter().any(|have| covers(have, name))).cloned();
        let ips = needed.ips.iter().filter(|ip| !self.ips.contains(ip)).map(ToString::to_string);
        names.chain(ips).collect()
    }

    fn add_api_server(&mut self, cluster: &ClusterConfig, node: &NodeConfig) -> Result<(), PkiError> {
        self.add(&node.name);
        for name in ["kubernetes", "kubernetes.default", "kubernetes.default.svc"] {
            self.add(name);
        }
        if !cluster.networking.dns_domain.is_empty() {
            self.add(&format!("kubernetes.default.svc.{}", cluster.networking.dns_domain));
        }
        // The API server listens on the second address of the first network only, dual-stack or not.
        if let Some(subnet) = cluster.networking.service_subnets.first() {
            let ip =
                nth_address(subnet, 1).ok_or_else(|| PkiError::ServiceSubnetTooSmall { subnet: subnet.to_string() })?;
            self.add_ip(ip);
        }
        self.add_ip(node.local_endpoint.advertise_address);
        if let Some(endpoint) = &cluster.control_plane_endpoint {
            self.add(&endpoint.host);
        }
        self.add_all(&cluster.api_server_cert_sans);
        Ok(())
    }

    fn add_etcd(&mut self, node: &NodeConfig) {
        self.add(&node.name);
        self.add("localhost");
        self.add_ip(node.local_endpoint.advertise_address);
        self.add_ip(Ipv4Addr::LOCALHOST.into());
        self.add_ip(Ipv6Addr::LOCALHOST.into());
    }
}

impl std::fmt::Display for Sans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ips = self.ips.iter().map(ToString::to_string);
        f.write_str(&self.dns.iter().cloned().chain(ips).collect::<Vec<_>>().join(", "))
    }
}

/// The n-th address of a network, counted from its network address as 0; None if it is out of range.
fn nth_address(network: &IpNet, n: u32) -> Option<IpAddr> {
    let ip: IpAddr = match network.network() {
        IpAddr::V4(first) => u32::from(first).checked_add(n).map(Ipv4Addr::from)?.into(),
        IpAddr::V6(first) => u128::from(first).checked_add(n.into()).map(Ipv6Addr::from)?.into(),
    };
    network.contains(&ip).then_some(ip)
}

fn covers(have: &str, name: &str) -> bool {
    if have.eq_ignore_ascii_case(name) {
        return true;
    }
    match (have.strip_prefix("*."), name.split_once('.')) {
        (Some(parent), Some((label, rest))) => !label.is_empty() && label != "*" && parent.eq_ignore_ascii_case(rest),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
