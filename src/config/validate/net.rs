//! IP addresses, networks and ports.

use super::Validated;
use crate::config::problem::Complaint;
use ipnet::IpNet;
use std::net::IpAddr;

/// An IPv4 or IPv6 address.
pub fn ip(text: &str) -> Validated<IpAddr> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let what = format!("{text:?} is not an IP address");
    let octets: Vec<&str> = text.split('.').collect();
    let padded = octets.iter().any(|o| o.len() > 1 && o.starts_with('0'));
    if octets.len() == 4 && octets.iter().all(|o| !o.is_empty() && o.bytes().all(|b| b.is_ascii_digit())) {
        let help = if padded { "remove leading zeros" } else { "each of the four numbers is at most 255" };
        return Err(Complaint::with_help(what, help));
    }
    if text.contains('/') {
        return Err(Complaint::with_help(what, "remove the prefix length"));
    }
    Err(Complaint::new(what))
}

/// An address at which other hosts can reach an API server. Loopback and `0.0.0.0` are replaced by the caller.
pub fn reachable_ip(text: &str) -> Validated<IpAddr> {
    let address = ip(text)?;
    let kind = match address {
        IpAddr::V4(v4) if v4.is_broadcast() => "a broadcast",
        IpAddr::V4(v4) if v4.is_link_local() => "a link-local",
        IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfe80 => "a link-local",
        _ if address.is_multicast() => "a multicast",
        _ => return Ok(address),
    };
    let what = format!("{text} is {kind} address, which cannot be used for an API server");
    Err(Complaint::with_help(what, "use an address of this host that other machines can reach"))
}

/// A network such as `10.244.0.0/16`.
pub fn cidr(text: &str) -> Validated<IpNet> {
    let fail = |help: String| Complaint::with_help(format!("{text:?} is not a network such as 10.244.0.0/16"), help);
    let Some((address, length)) = text.split_once('/') else {
        return Err(match ip(text) {
            Ok(IpAddr::V4(_)) => fail(format!("add the prefix length: '{text}/16'")),
            Ok(IpAddr::V6(_)) => fail(format!("add the prefix length: '{text}/64'")),
            Err(_) => fail("write an address, '/' and a prefix length".into()),
        });
    };
    let address = ip(address).map_err(|complaint| fail(complaint.what))?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let plain = digits && (length == "0" || !length.starts_with('0'));
    let length = plain.then(|| length.parse().ok()).flatten().filter(|n| *n <= most);
    let net = length.and_then(|n| IpNet::new(address, n).ok());
    net.ok_or_else(|| {
        let family = if most == 32 { "IPv4" } else { "IPv6" };
        fail(format!("the prefix length of an {family} network is a number from 0 to {most}"))
    })
}

/// A TCP port.
pub fn port(text: &str) -> Validated<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = if digits { text.parse().ok().filter(|n| *n != 0) } else { None };
    number.ok_or_else(|| Complaint::with_help(format!("{text:?} is not a port"), "a port is a number from 1 to 65535"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn invalid_addresses_are_explained() {
        assert_eq!(ip("300.1.2.3").unwrap_err().help.unwrap(), "each of the four numbers is at most 255");
        assert_eq!(ip("010.1.2.3").unwrap_err().help.unwrap(), "remove leading zeros");
        assert_eq!(ip("10.0.0.1/8").unwrap_err().help.unwrap(), "remove the prefix length");
        assert!(ip("").is_err() && ip("lb.example.com").is_err() && ip("fe80::1%eth0").is_err());
    }

    #[test]
    fn an_api_server_needs_an_address_that_others_can_reach() {
        for good in ["192.168.0.36", "fd00::1", "0.0.0.0", "127.0.0.1", "8.8.8.8"] {
            assert!(reachable_ip(good).is_ok(), "{good}");
        }
        for bad in ["224.0.0.1", "255.255.255.255", "169.254.1.1", "fe80::1", "ff02::1"] {
            assert!(reachable_ip(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn invalid_networks_are_explained() {
        let help = |text: &str| cidr(text).unwrap_err().help.unwrap();
        assert_eq!(help("10.0.0.0/99"), "the prefix length of an IPv4 network is a number from 0 to 32");
        assert_eq!(help("10.0.0.0"), "add the prefix length: '10.0.0.0/16'");
        assert_eq!(help("fd00::/129"), "the prefix length of an IPv6 network is a number from 0 to 128");
        assert_eq!(help("10.0.0/8"), "\"10.0.0\" is not an IP address");
        for bad in ["", "/", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.0/+8", " 10.0.0.0/8"] {
            assert!(cidr(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ports_are_from_1_to_65535() {
        assert_eq!(port("6443").unwrap(), 6443);
        for bad in ["", "0", "65536", "-1", "+5", "x", "99999", "https"] {
            assert!(port(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_network_is_read_back(address in any::<IpAddr>(), length in 0_u8..=128) {
            let text = format!("{address}/{length}");
            let right = length <= if address.is_ipv4() { 32 } else { 128 };
            prop_assert_eq!(cidr(&text).is_ok(), right);
            if let Ok(net) = cidr(&text) {
                prop_assert_eq!(net.to_string(), text);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9a-f:./ ]{0,40}") {
            let _ = (cidr(&text), ip(&text), port(&text));
        }
    }
}
