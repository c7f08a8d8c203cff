//! The endpoint of this host's API server.

use super::section::{Given, Section};
use crate::config::facts::Facts;
use crate::config::model::ApiEndpoint;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::validate::net;
use std::net::{IpAddr, Ipv4Addr};

/// The default port of kube-apiserver.
pub(super) const DEFAULT_PORT: u16 = 6443;

/// The endpoint of a control plane: as given, or the address of the default route.
pub(super) fn control_plane(
    section: &Section<'_>,
    address: Option<Given>,
    port: Option<Given>,
    facts: &Facts,
    report: &mut Report,
) -> ApiEndpoint {
    let given = address.or_else(|| section.text("advertiseAddress"));
    let advertise_address = match &given {
        None => host_address(facts, false, report),
        Some(given) => match given.validate(net::reachable_ip, report) {
            Some(ip) if ip.is_unspecified() => host_address(facts, ip.is_ipv6(), report),
            Some(ip) if ip.is_loopback() => loopback(given, facts, report),
            Some(ip) => ip,
            None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        },
    };
    let port = port.or_else(|| section.number("bindPort")).and_then(|given| given.validate(net::port, report));
    ApiEndpoint { advertise_address, bind_port: port.unwrap_or(DEFAULT_PORT) }
}

/// A placeholder for a worker, which has no API server.
pub(super) fn worker(facts: &Facts) -> ApiEndpoint {
    let address = facts.default_ipv4.map(IpAddr::V4).or(facts.default_ipv6.map(IpAddr::V6));
    ApiEndpoint { advertise_address: address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), bind_port: DEFAULT_PORT }
}

fn host_address(facts: &Facts, ipv6_first: bool, report: &mut Report) -> IpAddr {
    let (v4, v6) = (facts.default_ipv4.map(IpAddr::V4), facts.default_ipv6.map(IpAddr::V6));
    let address = if ipv6_first { v6.or(v4) } else { v4.or(v6) };
    address.unwrap_or_else(|| {
        let complaint = Complaint::with_help(
            "the host does not have a default route, so the address of its API server is unknown",
            "set --apiserver-advertise-address, or localAPIEndpoint.advertiseAddress in the file",
        );
        report.problem(Place::Host, complaint);
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    })
}

/// Replaces a loopback address by an address that is bound to the loopback interface and routed, as in some data
/// centers (RFC 5549).
fn loopback(given: &Given, facts: &Facts, report: &mut Report) -> IpAddr {
    facts.loopback_address.unwrap_or_else(|| {
        let complaint = Complaint::with_help(
            format!("{} is a loopback address, and the loopback interface has no other address", given.text),
            "use an address of this host that other machines can reach",
        );
        report.problem(given.place.clone(), complaint);
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    })
}
