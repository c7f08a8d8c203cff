//! Virtual servers of the kernel's load balancer that kube-proxy made in its IPVS mode.
//!
//! Reads: `/proc/net/ip_vs`, and with `ip` the addresses of `kube-ipvs0`. Writes:
//! removes virtual servers one by one with `ipvsadm`, through the gate. Those of others, such as keepalived, stay.

use super::command::{Command, Host};
use super::error::HostError;
use super::tally::Tally;
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

/// Virtual servers of this host.
#[derive(Debug, Default)]
pub struct Found {
    /// Those of kube-proxy.
    pub ours: Vec<Server>,
    /// Those on node ports whose owner is unknown.
    pub doubtful: Vec<Server>,
}

/// Looks at them; there are none on a host without kube-proxy's link, where it never worked in this mode. On the
/// address of a node a server of kube-proxy leads to Pods of a Service, so that its own server leads there too.
pub fn found(host: &Host) -> Result<Found, HostError> {
    if !host.files.exists(&Path::new("/sys/class/net").join(LINK)) {
        return Ok(Found::default());
    }
    let servers = servers(&host.files.read_text(Path::new(TABLE))?.unwrap_or_default());
    if servers.is_empty() {
        return Ok(Found::default());
    }
    let bound = host.read_text(&Command::new(["ip", "-o", "address", "show", "dev", LINK]))?;
    let bound: Vec<IpAddr> = bound.lines().filter_map(address).collect();
    let (ours, others): (Vec<_>, Vec<_>) =
        servers.into_iter().partition(|(server, _)| bound.contains(&server.address.ip()));
    let pods: Vec<SocketAddr> = ours.iter().flat_map(|(_, leads_to)| leads_to.clone()).collect();
    let mut found = Found { ours: ours.into_iter().map(|(server, _)| server).collect(), doubtful: Vec::new() };
    for (server, leads_to) in others.into_iter().filter(|(server, _)| NODE_PORTS.contains(&server.address.port())) {
        if leads_to.is_empty() {
            found.doubtful.push(server);
        } else if leads_to.iter().all(|pod| pods.contains(pod)) {
            found.ours.push(server);
        }
    }
    Ok(found)
}

/// Removes those of kube-proxy.
pub fn remove(host: &Host) -> Tally {
    let mut tally = Tally::default();
    let servers = match found(host) {
        Ok(found) => found.ours,
        Err(error) => return Tally { failed: vec![error], ..tally },
    };
    for Server { protocol, address } in &servers {
        let flag = match protocol.as_str() {
            "UDP" => "-u",
            "SCTP" => "--sctp-service",
            _ => "-t",
        };
        let words = ["ipvsadm".to_owned(), "-D".into(), flag.into(), address.to_string()];
        tally.add(1, host.change("remove a virtual server of kube-proxy", &Command::new(words)));
    }
    tally
}

/// The table's servers, each with where it leads to.
fn servers(table: &str) -> Vec<(Server, Vec<SocketAddr>)> {
    let mut servers: Vec<(Server, Vec<SocketAddr>)> = Vec::new();
    for line in table.lines() {
        if let Some(found) = server(line) {
            servers.push((found, Vec::new()));
        } else if let Some(real) = line.trim_start().strip_prefix("->")
            && let Some(at) = real.split_whitespace().next().and_then(socket)
            && let Some((_, leads_to)) = servers.last_mut()
        {
            leads_to.push(at);
        }
    }
    servers
}

/// `TCP  0A600001:01BB rr `; lines of real servers start with `->`.
fn server(line: &str) -> Option<Server> {
    let mut words = line.split_whitespace();
    let protocol = words.next().filter(|word| ["TCP", "UDP", "SCTP"].contains(word))?;
    Some(Server { protocol: protocol.into(), address: socket(words.next()?)? })
}

/// `0A600001:01BB`, or `[fd00:…:000a]:0035`.
fn socket(word: &str) -> Option<SocketAddr> {
    let (host, port) = word.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let ip = match host.strip_prefix('[') {
        Some(v6) => IpAddr::V6(v6.trim_end_matches(']').parse::<Ipv6Addr>().ok()?),
        None => IpAddr::V4(Ipv4Addr::from(u32::from_str_radix(host, 16).ok()?)),
    };
    Some(SocketAddr::new(ip, port))
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
  -> 0A000005:192B      Masq    1      0          0
TCP  0A000009:7531 wlc
  -> C0A80107:0050      Route   1      0          0
TCP  0A000005:7532 rr
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
        assert_eq!(remove(&host.live()).done, 3);
        let doubtful = found(&host.live()).unwrap().doubtful;
        assert_eq!(doubtful.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.5:30002/tcp"]);
        assert_eq!(server("TCP  C0A80164:0050 wlc").unwrap().to_string(), "192.168.1.100:80/tcp");
    }

    #[test]
    fn a_host_without_kube_proxys_link_has_none_of_its() {
        assert_eq!(remove(&FakeHost::new().file(TABLE, SERVERS).live()).done, 0);
    }
}
