//! The address by which others reach this host, chosen as Kubernetes chooses it.
//!
//! Reads: `/proc/net/route`, `/proc/net/ipv6_route` and the interfaces. Writes nothing.
//!
//! The rule (k8s.io/apimachinery/pkg/util/net, `ChooseHostInterface`): the first global unicast
//! address of the interface of the first default route, IPv4 before IPv6; where that interface has
//! none (RFC 5549 networks), that of the loopback interface; without a routing table, that of the
//! first interface that is up.

use super::command::Host;
use super::error::HostError;
use serde::Serialize;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::Path;

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Address {
    /// The interface's name.
    pub interface: String,
    /// The address.
    pub ip: IpAddr,
    /// The interface is up.
    pub up: bool,
    /// The interface is the loopback.
    pub loopback: bool,
    /// The interface has one peer only, such as a VPN's.
    pub point_to_point: bool,
}

/// A default route's interface and family.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Route {
    interface: String,
    v6: bool,
}

/// Interface flags of `linux/if.h`.
const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;
const IFF_POINTOPOINT: u32 = 0x10;

/// Every address of this machine, in the kernel's order.
pub fn addresses(host: &Host) -> Result<Vec<Address>, HostError> {
    if !host.is_live() {
        return Err(HostError::NotLive { root: host.files.root().to_path_buf(), command: "ip address".into() });
    }
    let found =
        if_addrs::get_if_addrs().map_err(|source| HostError::NotStarted { command: "ip address".into(), source })?;
    Ok(found
        .into_iter()
        .map(|interface| {
            let file = format!("/sys/class/net/{}/flags", interface.name);
            let flags = host.files.read_text(Path::new(&file)).ok().flatten().unwrap_or_default();
            let flags = u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16).unwrap_or(IFF_UP);
            Address {
                ip: interface.ip(),
                up: flags & IFF_UP != 0,
                loopback: flags & IFF_LOOPBACK != 0 || interface.is_loopback(),
                point_to_point: flags & IFF_POINTOPOINT != 0,
                interface: interface.name,
            }
        })
        .collect())
}

/// True when a program of this machine can listen at the address.
pub fn is_own(ip: IpAddr) -> bool {
    // Another reason than that the address is not here says nothing about it.
    !matches!(TcpListener::bind((ip, 0)), Err(error) if error.kind() == ErrorKind::AddrNotAvailable)
}

/// The address to advertise. `prefer_v6` is for a host whose given address is an unspecified IPv6 one.
pub fn default_address(host: &Host, prefer_v6: bool) -> Result<IpAddr, HostError> {
    let addresses = addresses(host)?;
    let v4 = host.files.read_text(Path::new("/proc/net/route"))?;
    let v6 = host.files.read_text(Path::new("/proc/net/ipv6_route")).ok().flatten().unwrap_or_default();
    let routes = v4.map(|v4| [routes_v4(&v4), routes_v6(&v6)].concat());
    choose(routes.as_deref(), &addresses, prefer_v6).map_err(|why| HostError::NoAddress { why })
}

fn choose(routes: Option<&[Route]>, addresses: &[Address], prefer_v6: bool) -> Result<IpAddr, String> {
    let families = if prefer_v6 { [true, false] } else { [false, true] };
    let first = |v6: bool, take: &dyn Fn(&Address) -> bool| {
        addresses.iter().find(|a| a.up && a.ip.is_ipv6() == v6 && is_global(a.ip) && take(a)).map(|a| a.ip)
    };
    let Some(routes) = routes else {
        return families
            .into_iter()
            .find_map(|v6| first(v6, &|a| !a.loopback && !a.point_to_point))
            .ok_or_else(|| "no interface has a global address".into());
    };
    if routes.is_empty() {
        return Err("no default route found".into());
    }
    for v6 in families {
        for route in routes.iter().filter(|route| route.v6 == v6) {
            let found = first(v6, &|a| a.interface == route.interface).or_else(|| first(v6, &|a| a.loopback));
            if let Some(ip) = found {
                return Ok(ip);
            }
        }
    }
    let names: Vec<&str> = routes.iter().map(|route| route.interface.as_str()).collect();
    Err(format!("no interface of a default route ({}) has a global address", names.join(", ")))
}

/// Lines of /proc/net/route: interface, destination, gateway, … in little-endian hex.
fn routes_v4(text: &str) -> Vec<Route> {
    text.lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [interface, "00000000", _gateway, ..] = fields[..] else { return None };
            Some(Route { interface: interface.into(), v6: false })
        })
        .collect()
}

/// Lines of `/proc/net/ipv6_route`: destination, its length, source, its length, next hop, …, interface last.
/// The default route without a next hop is the kernel's own refusal on the loopback interface.
fn routes_v6(text: &str) -> Vec<Route> {
    const ZERO: &str = "00000000000000000000000000000000";
    text.lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [destination, _, _, _, hop, .., interface] = fields[..] else { return None };
            (destination == ZERO && hop != ZERO).then(|| Route { interface: interface.into(), v6: true })
        })
        .collect()
}

/// Global unicast as Go has it: private addresses count, loopback, link-local and multicast do not.
fn is_global(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            !(ip == Ipv4Addr::BROADCAST
                || ip.is_unspecified()
                || ip.is_loopback()
                || ip.is_multicast()
                || ip.is_link_local())
        }
        IpAddr::V6(ip) => {
            !(ip == Ipv6Addr::UNSPECIFIED || ip.is_loopback() || ip.is_multicast() || ip.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(interface: &str, ip: &str) -> Address {
        let loopback = interface == "lo";
        let point_to_point = interface.starts_with("tun");
        Address { interface: interface.into(), ip: ip.parse().unwrap(), up: true, loopback, point_to_point }
    }

    fn chosen(routes: Option<&str>, addresses: &[Address]) -> Result<String, String> {
        let routes = routes.map(|names| {
            names.split_whitespace().map(|n| Route { interface: n.into(), v6: false }).collect::<Vec<_>>()
        });
        choose(routes.as_deref(), addresses, false).map(|ip| ip.to_string())
    }

    #[test]
    fn an_address_is_our_own_when_one_can_listen_there() {
        assert!(is_own("127.0.0.1".parse().unwrap()));
        // TEST-NET-3 is reserved.
        assert!(!is_own("203.0.113.9".parse().unwrap()));
    }

    #[test]
    fn the_default_routes_interface_decides() {
        let addresses = [
            address("lo", "127.0.0.1"),
            address("docker0", "172.17.0.1"),
            address("eth1", "169.254.1.1"),
            address("eth1", "10.0.0.7"),
        ];
        assert_eq!(chosen(Some("eth1"), &addresses).unwrap(), "10.0.0.7");
        assert_eq!(chosen(None, &addresses).unwrap(), "172.17.0.1");
        assert_eq!(chosen(Some(""), &addresses).unwrap_err(), "no default route found");
        let error = chosen(Some("eth9"), &addresses).unwrap_err();
        assert_eq!(error, "no interface of a default route (eth9) has a global address");
    }

    #[test]
    fn a_global_address_on_the_loopback_counts_where_the_routes_interface_has_none() {
        let addresses = [address("lo", "127.0.0.1"), address("lo", "192.0.2.1"), address("eth0", "169.254.0.1")];
        assert_eq!(chosen(Some("eth0"), &addresses).unwrap(), "192.0.2.1");
    }

    #[test]
    fn without_routes_a_vpn_and_an_interface_that_is_down_are_passed_over() {
        let mut down = address("eth0", "10.0.0.1");
        down.up = false;
        let addresses = [address("tun0", "10.8.0.1"), down, address("eth1", "10.0.0.2")];
        assert_eq!(chosen(None, &addresses).unwrap(), "10.0.0.2");
    }

    #[test]
    fn routing_tables_are_read() {
        let v4 = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                  host0\t00000000\t0100630A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                  host0\t0000630A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(routes_v4(v4), [Route { interface: "host0".into(), v6: false }]);
        let zero = "0".repeat(32);
        let v6 = format!(
            "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 1 0 00450003 eth0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 1 0 00200200 lo\n"
        );
        assert_eq!(routes_v6(&v6), [Route { interface: "eth0".into(), v6: true }]);
    }

    #[test]
    fn an_ipv6_host_without_ipv4_routes_is_fine() {
        let addresses = [address("eth0", "fe80::1"), address("eth0", "2001:db8::7")];
        let routes = [Route { interface: "eth0".into(), v6: true }];
        assert_eq!(choose(Some(&routes), &addresses, false).unwrap().to_string(), "2001:db8::7");
    }
}
