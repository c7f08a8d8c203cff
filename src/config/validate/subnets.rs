//! Constraints on Pod and Service networks: sizes, families, node masks.

use super::{Validated, net};
use crate::config::problem::Complaint;
use ipnet::IpNet;

/// The DNS Service gets the tenth address (kubeadm's `MinimumAddressesInServiceSubnet`).
pub const MIN_SERVICE_ADDRESSES: u128 = 10;

/// kubeadm's `MinimumAddressesInPodSubnet`.
pub const MIN_POD_ADDRESSES: u128 = 14;

/// The API server allocates Service addresses from a bitmap of at most 2^20 (kubeadm's `MaximumBitsForServiceSubnet`).
const MAX_SERVICE_BITS: u8 = 20;

/// The controller manager allocates at most 2^16 node networks (kubeadm's `PodSubnetNodeMaskMaxDiff`).
const MAX_NODE_MASK_DIFFERENCE: u8 = 16;

/// One network, or two of different families separated by a comma, if `dual_stack` is enabled.
pub fn networks(text: &str, dual_stack: bool) -> Validated<Vec<IpNet>> {
    let nets = text.split(',').map(|part| net::cidr(part.trim())).collect::<Validated<Vec<_>>>()?;
    match nets.as_slice() {
        [a, b] if a.addr().is_ipv4() == b.addr().is_ipv4() => {
            let what = format!("{a} and {b} are of the same family");
            Err(Complaint::with_help(what, "use one network, or one IPv4 and one IPv6 network"))
        }
        [_, _] if !dual_stack => Err(Complaint::with_help(
            "two networks require the feature gate IPv6DualStack in this version",
            "set featureGates: {IPv6DualStack: true}, or use one network",
        )),
        [_] | [_, _] => Ok(nets),
        _ => {
            let what = format!("{} networks are given; a cluster has one, or one of each IP family", nets.len());
            Err(Complaint::new(what))
        }
    }
}

/// Refuses a network with fewer than `least` addresses.
pub fn large_enough(net: &IpNet, least: u128) -> Validated<()> {
    let bits = net.max_prefix_len() - net.prefix_len();
    let addresses = 1_u128.checked_shl(u32::from(bits)).unwrap_or(u128::MAX);
    if addresses >= least {
        return Ok(());
    }
    let plural = if addresses == 1 { "address" } else { "addresses" };
    let prefix = net.max_prefix_len() - 4;
    let what = format!("{net} has {addresses} {plural}; at least {least} are needed");
    Err(Complaint::with_help(what, format!("use a prefix length of {prefix} or less")))
}

/// Refuses a Service network that is too large for the API server.
pub fn service_small_enough(net: &IpNet) -> Validated<()> {
    let least = net.max_prefix_len() - MAX_SERVICE_BITS;
    if net.prefix_len() >= least {
        return Ok(());
    }
    let what = format!("{net} is larger than the API server allows for Services");
    Err(Complaint::with_help(what, format!("use a prefix length of {least} or more")))
}

/// Refuses a Pod network that does not fit the size of the network that each node gets from it.
pub fn node_mask_fits(net: &IpNet, node_mask: u8) -> Validated<()> {
    let pods = net.prefix_len();
    let (family, most) = if net.addr().is_ipv4() { ("ipv4", 32) } else { ("ipv6", 128) };
    let flag = format!("node-cidr-mask-size-{family} in controllerManager.extraArgs");
    if node_mask > most {
        return Err(Complaint::new(format!(
            "each node would get a /{node_mask}, which is not a prefix length of {family}"
        )));
    }
    if pods > node_mask {
        let what = format!("{net} is smaller than the /{node_mask} that each node gets from it");
        return Err(Complaint::with_help(what, format!("use a prefix length of {node_mask} or less, or set {flag}")));
    }
    if node_mask - pods > MAX_NODE_MASK_DIFFERENCE {
        let what =
            format!("{net} has more than 2^{MAX_NODE_MASK_DIFFERENCE} networks of /{node_mask}, one for each node");
        let least = node_mask - MAX_NODE_MASK_DIFFERENCE;
        return Err(Complaint::with_help(what, format!("use a prefix length of {least} or more, or set {flag}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn a_cluster_has_one_network_or_one_of_each_family() {
        assert_eq!(networks("10.0.0.0/16", false).unwrap().len(), 1);
        assert_eq!(networks("10.0.0.0/16, fd00::/56", true).unwrap().len(), 2);
        assert_eq!(networks("fd00::/56,10.0.0.0/16", true).unwrap()[0], net("fd00::/56"));
        assert!(networks("10.0.0.0/16,fd00::/56", false).unwrap_err().what.contains("IPv6DualStack"));
        assert!(networks("10.0.0.0/16,10.1.0.0/16", true).unwrap_err().what.contains("same family"));
        assert!(networks("10.0.0.0/16,fd00::/56,fd01::/56", true).is_err());
        assert!(networks("10.0.0.0/16,", true).is_err());
    }

    #[test]
    fn sizes_have_their_limits() {
        assert!(large_enough(&net("10.96.0.0/28"), MIN_SERVICE_ADDRESSES).is_ok());
        let complaint = large_enough(&net("10.96.0.0/30"), MIN_SERVICE_ADDRESSES).unwrap_err();
        assert_eq!(complaint.what, "10.96.0.0/30 has 4 addresses; at least 10 are needed");
        assert_eq!(complaint.help.unwrap(), "use a prefix length of 28 or less");
        assert!(large_enough(&net("::/0"), MIN_SERVICE_ADDRESSES).is_ok());
        assert!(service_small_enough(&net("10.96.0.0/12")).is_ok());
        assert!(service_small_enough(&net("10.0.0.0/11")).is_err());
        assert!(service_small_enough(&net("fd00::/108")).is_ok());
        assert!(service_small_enough(&net("fd00::/107")).is_err());
    }

    #[test]
    fn node_networks_must_fit_and_be_countable() {
        assert!(node_mask_fits(&net("10.0.0.0/8"), 24).is_ok());
        assert!(node_mask_fits(&net("10.0.0.0/24"), 24).is_ok());
        assert!(node_mask_fits(&net("10.0.0.0/25"), 24).is_err());
        assert!(node_mask_fits(&net("10.0.0.0/7"), 24).is_err());
        assert!(node_mask_fits(&net("fd00::/48"), 64).is_ok());
        assert!(node_mask_fits(&net("fd00::/47"), 64).is_err());
        assert!(node_mask_fits(&net("10.0.0.0/16"), 33).is_err());
    }
}
