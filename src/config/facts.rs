//! What the host contributes to a configuration. Gathered by others, so that this module stays pure.

use crate::base::env::Random;
use crate::versions::Version;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the host says about itself.
#[derive(Clone)]
pub struct Facts {
    /// Its name.
    pub hostname: String,
    /// Its IPv4 address on the interface of the default route.
    pub default_ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address on the interface of the default route.
    pub default_ipv6: Option<Ipv6Addr>,
    /// An address on the loopback interface that is not itself a loopback address, for hosts that are
    /// reached at it.
    pub loopback_address: Option<IpAddr>,
    /// The version of the cluster that this host runs already; None on a host without one.
    pub cluster_version: Option<Version>,
    /// The version of the installed kubelet.
    pub kubelet_version: Option<Version>,
    /// Where random tokens come from.
    pub random: Random,
}

impl Facts {
    /// A host that is named `node` and has the address 1.2.3.4, as in kubeadm's printed defaults: for commands that
    /// judge or print a configuration and change nothing with it.
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
