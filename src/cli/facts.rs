//! Facts about the host that a configuration may need.

use super::session::Session;
use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::config::Facts;
use crate::host::{Host, facts, network};
use crate::state::existing_cluster;
use std::net::IpAddr;

/// Gathers the facts. What cannot be determined is left open; the configuration reports it where it is needed.
pub fn gather(session: &Session) -> Result<Facts> {
    let gate = Gate::recording();
    let files = HostFiles::new(session.root(), gate.clone());
    let host = Host::new(&session.env.vars, session.env.clock.clone(), files, gate);
    let address = |prefer_v6| network::default_address(&host, prefer_v6).ok();
    Ok(Facts {
        hostname: facts::hostname(&host)?,
        default_ipv4: address(false).and_then(|ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None }),
        default_ipv6: address(true).and_then(|ip| if let IpAddr::V6(ip) = ip { Some(ip) } else { None }),
        loopback_address: None,
        cluster_version: None,
        kubelet_version: facts::kubelet_version(&host).ok(),
        random: session.env.random.clone(),
    })
}

/// [`gather`] for `init`. If this host already is a control plane, the version of its cluster is used.
pub fn for_init(session: &Session) -> Result<Facts> {
    Ok(Facts { cluster_version: existing_cluster::version(&session.context(false)), ..gather(session)? })
}
