//! Facts about the host that a configuration needs. Collected elsewhere, so that this module stays pure.

use crate::base::env::Random;
use crate::versions::Version;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Facts about the host.
#[derive(Clone)]
pub struct Facts {
    pub hostname: String,
    /// The IPv4 address on the interface of the default route.
    pub default_ipv4: Option<Ipv4Addr>,
    /// The IPv6 address on the interface of the default route.
    pub default_ipv6: Option<Ipv6Addr>,
    /// An address of the loopback interface that is not a loopback address, for hosts that are reached at it.
    pub loopback_address: Option<IpAddr>,
    /// The version of the cluster that this host belongs to; None if it belongs to none.
    pub cluster_version: Option<Version>,
    pub kubelet_version: Option<Version>,
    /// The source of random tokens.
    pub random: Random,
}

impl Facts {
    /// A host named `node` with the address 1.2.3.4, as in kubeadm's default documents: for commands that only validate
    /// or print a configuration.
    pub fn placeholder(random: Random) -> Self {
        Self {
            hostname: "node".into(),
            default_ipv4: Some(Ipv4Addr::new(1, 2, 3, 4)),
            default_ipv6: None,
            loopback_address: None,
            cluster_version: None,
            kubelet_version: None,
            random,
        }
    }
}
