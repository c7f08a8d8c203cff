//! Virtual servers of the kernel's load balancer that kube-proxy made in its IPVS mode.
//!
//! Reads: `/proc/net/ip_vs`, and with `ip` the addresses of `kube-ipvs0`. Writes:
//! removes virtual servers one by one with `ipvsadm`, through the gate. Those of others, such as keepalived, stay.

use super::command::{Command, Host};
use super::error::HostError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

const TABLE: &str = "/proc/net/ip_vs";
/// kube-proxy binds the addresses of Services to this link, in this mode only.
const LINK: &str = "kube-ipvs0";
/// The ports of Services on the addresses of nodes: kube-apiserver's `--service-node-port-range`.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;

/// A virtual server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `TCP`, `UDP` or `SCTP`.
    protocol: String,
    /// Where it takes packets.
    address: SocketAddr,
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.protocol.to_lowercase())
    }
}

/// The virtual servers of kube-proxy; none on a host without its link, where it never worked in this mode.
///
/// # Errors
/// When the table is there and cannot be read.
pub fn found(host: &Host) -> Result<Vec<Server>, HostError> {
    if !host.files().exists(&Path::new("/sys/class/net").join(LINK)) {
        return Ok(Vec::new());
    }
    let table = host.files().read_text(Path::new(TABLE))?.unwrap_or_default();
    if table.lines().all(|line| server(line).is_none()) {
        return Ok(Vec::new());
    }
    let bound = host.read_text(&Command::new(["ip", "-o", "address", "show", "dev", LINK]))?;
    let bound: Vec<IpAddr> = bound.lines().filter_map(address).collect();
    let is_ours = |server: &Server| bound.contains(&server.address.ip()) || NODE_PORTS.contains(&server.address.port());
    Ok(table.lines().filter_map(server).filter(is_ours).collect())
}

/// Removes them; returns how many there were.
///
/// # Errors
/// When `ipvsadm` is missing or refuses.
pub fn remove(host: &Host) -> Result<usize, HostError> {
    let servers = found(host)?;
    for Server { protocol, address } in &servers {
        let flag = match protocol.as_str() {
            "UDP" => "-u",
            "SCTP" => "--sctp-service",
            _ => "-t",
        };
        let words = ["ipvsadm".to_owned(), "-D".into(), flag.into(), address.to_string()];
        host.change("remove a virtual server of kube-proxy", &Command::new(words))?;
    }
    Ok(servers.len())
}

/// `TCP  0A600001:01BB rr `; lines of real servers start with `->`.
fn server(line: &str) -> Option<Server> {
    let mut words = line.split_whitespace();
    let protocol = words.next().filter(|word| ["TCP", "UDP", "SCTP"].contains(word))?;
    let (host, port) = words.next()?.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let ip = match host.strip_prefix('[') {
        Some(v6) => IpAddr::V6(v6.trim_end_matches(']').parse::<Ipv6Addr>().ok()?),
        None => IpAddr::V4(Ipv4Addr::from(u32::from_str_radix(host, 16).ok()?)),
    };
    Some(Server { protocol: protocol.into(), address: SocketAddr::new(ip, port) })
}

/// The address of a line such as `5: kube-ipvs0    inet 10.96.0.1/32 scope global kube-ipvs0`.
fn address(line: &str) -> Option<IpAddr> {
    let mut words = line.split_whitespace().skip_while(|word| !word.starts_with("inet"));
    words.nth(1)?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    const SERVERS: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A600001:01BB rr
  -> 0A000005:192B      Masq    1      0          0
UDP  [fd00:0000:0000:0000:0000:0000:0000:000a]:0035 rr
TCP  C0A80164:0050 wlc
TCP  0A000005:7530 rr
";
    const ADDRESSES: &str = "5: kube-ipvs0    inet 10.96.0.1/32 scope global kube-ipvs0\\       valid_lft forever\n\
                             5: kube-ipvs0    inet6 fd00::a/128 scope global nodad\n";

    #[test]
    fn virtual_servers_of_services_go_and_those_of_others_stay() {
        let host = FakeHost::new()
            .file("/sys/class/net/kube-ipvs0/mtu", "1500")
            .file(TABLE, SERVERS)
            .on("ip -o address show dev kube-ipvs0", ADDRESSES)
            .on("ipvsadm -D -t 10.96.0.1:443", "")
            .on("ipvsadm -D -u [fd00::a]:53", "")
            .on("ipvsadm -D -t 10.0.0.5:30000", "");
        assert_eq!(remove(&host.live()).unwrap(), 3);
        assert_eq!(server("TCP  C0A80164:0050 wlc").unwrap().to_string(), "192.168.1.100:80/tcp");
    }

    #[test]
    fn a_host_without_kube_proxys_link_has_none_of_its() {
        assert_eq!(remove(&FakeHost::new().file(TABLE, SERVERS).live()).unwrap(), 0);
    }
}
