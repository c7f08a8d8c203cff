//! Pod and Service networks and the DNS domain of the cluster.

use super::section::{Given, Section};
use crate::config::flags::InitFlags;
use crate::config::model::{Arg, Networking};
use crate::config::pod_network::PodNetwork;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::validate::subnets::{
    MIN_POD_ADDRESSES, MIN_SERVICE_ADDRESSES, large_enough, networks, node_mask_fits, service_small_enough,
};
use crate::config::validate::{Validated, name};
use crate::versions::Minor;
use ipnet::IpNet;
use std::collections::BTreeMap;

/// kubeadm's `DefaultServicesSubnet`.
const DEFAULT_SERVICE_SUBNET: IpNet = IpNet::V4(ipnet::Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 96, 0, 0), 12));

/// kubeadm's `DefaultServiceDNSDomain`.
const DEFAULT_DOMAIN: &str = "cluster.local";

/// The networks; `controller_args` and `gates` are those of the cluster.
pub(super) fn networking(
    cluster: &Section<'_>,
    flags: &InitFlags,
    controller_args: &[Arg],
    gates: &BTreeMap<String, bool>,
    minor: Option<&'static Minor>,
    report: &mut Report,
) -> Networking {
    let section = cluster.child("networking");
    let dual_stack = minor.is_none_or(|minor| is_dual_stack(minor, gates));
    let read = |flag: &'static str, value: &Option<String>, field: &str| {
        Given::flag(flag, value.as_deref()).filter(|g| !g.text.is_empty()).or_else(|| section.text(field))
    };
    let services = read("--service-cidr", &flags.service_cidr, "serviceSubnet");
    let pods = read("--pod-network-cidr", &flags.pod_network_cidr, "podSubnet");
    let domain = read("--service-dns-domain", &flags.service_dns_domain, "dnsDomain");

    let mut read_nets = |given: &Option<Given>, validate: &dyn Fn(&IpNet) -> Validated<()>| {
        let Some(given) = given else { return Vec::new() };
        let nets = given.validate(|text| networks(text, dual_stack), report).unwrap_or_default();
        for net in &nets {
            if let Err(complaint) = validate(net) {
                report.problem(given.place.clone(), complaint);
            }
            warn_of_odd_net(net, given, report);
        }
        nets
    };
    let mut service_subnets = read_nets(&services, &|net| {
        large_enough(net, MIN_SERVICE_ADDRESSES)?;
        service_small_enough(net)
    });
    if service_subnets.is_empty() {
        service_subnets.push(DEFAULT_SERVICE_SUBNET);
    }
    let masks = NodeMasks { args: controller_args, single: pods.as_ref().is_some_and(|g| !g.text.contains(',')) };
    let pod_subnets = read_nets(&pods, &|net| {
        large_enough(net, MIN_POD_ADDRESSES)?;
        masks.validate(net)
    });
    let pod_subnets = match &flags.chosen_network {
        None => pod_subnets,
        Some(network) => agreed(network, pod_subnets, controller_args, report),
    };
    let flag = || Given::flag("--pod-network", flags.pod_network.as_deref());
    warn_of_overlap(&service_subnets, &pod_subnets, pods.or_else(flag).as_ref(), report);
    let dns_domain = domain.and_then(|given| given.validate(name::subdomain, report));
    Networking { service_subnets, pod_subnets, dns_domain: dns_domain.unwrap_or_else(|| DEFAULT_DOMAIN.into()) }
}

/// The networks for Pods that the cluster and its pod network have in common; those of the pod network if the cluster's
/// configuration has none.
fn agreed(network: &PodNetwork, given: Vec<IpNet>, controller_args: &[Arg], report: &mut Report) -> Vec<IpNet> {
    let place = Place::Flag("--pod-network");
    let allocates = controller_args.iter().rfind(|arg| arg.name == "allocate-node-cidrs").map(|arg| arg.value.as_str());
    if *network == PodNetwork::Flannel && allocates == Some("false") {
        let what = "flannel needs a network for each node, and allocate-node-cidrs of kube-controller-manager is false";
        report.problem(place.clone(), Complaint::with_help(what, "remove allocate-node-cidrs from its extraArgs"));
    }
    let subnets = if given.is_empty() { network.default_subnets() } else { given };
    if let Some(stated) = network.conflict(&subnets) {
        let shown: Vec<String> = subnets.iter().map(ToString::to_string).collect();
        let what = format!(
            "{network} is for Pods in {} ({}), and the cluster has {}",
            stated.net,
            stated.place,
            shown.join(",")
        );
        let help = format!("change it in the file, or set --pod-network-cidr={} (networking.podSubnet)", stated.net);
        report.problem(place, Complaint::with_help(what, help));
    }
    subnets
}

/// Dual-stack had a feature gate until v1.23; later it does not.
fn is_dual_stack(minor: &'static Minor, gates: &BTreeMap<String, bool>) -> bool {
    const GATE: &str = "IPv6DualStack";
    minor.feature_gate(GATE).is_none() || minor.feature_enabled(GATE, gates.get(GATE).copied())
}

/// The sizes of node networks, as flags of the controller manager.
struct NodeMasks<'a> {
    args: &'a [Arg],
    single: bool,
}

impl NodeMasks<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.args.iter().rfind(|arg| arg.name == name).map(|arg| arg.value.as_str()).filter(|v| !v.is_empty())
    }

    fn validate(&self, net: &IpNet) -> Validated<()> {
        if self.value("allocate-node-cidrs") == Some("false") {
            return Ok(());
        }
        // The controller manager's own defaults.
        let (name, default) = match net {
            IpNet::V4(_) => ("node-cidr-mask-size-ipv4", 24),
            IpNet::V6(_) => ("node-cidr-mask-size-ipv6", 64),
        };
        let either = if self.single { self.value("node-cidr-mask-size") } else { None };
        let mask = match self.value(name).or(either) {
            None => default,
            Some(text) => text.parse().map_err(|_| {
                Complaint::new(format!("{name} of kube-controller-manager is {text:?}, which is not a prefix length"))
            })?,
        };
        node_mask_fits(net, mask)
    }
}

fn warn_of_odd_net(net: &IpNet, given: &Given, report: &mut Report) {
    if net.addr() != net.network() {
        let what = format!("{net} has bits set after its prefix");
        report.warn(&given.place, Complaint::with_help(what, format!("write '{}'", net.trunc())));
    }
    // fec0::/10, deprecated by RFC 3879.
    if let IpNet::V6(v6) = net
        && v6.network().segments()[0] & 0xffc0 == 0xfec0
    {
        let what = format!("{net} is in the deprecated site-local range fec0::/10");
        report.warn(&given.place, Complaint::with_help(what, "use a network of fd00::/8"));
    }
}

fn warn_of_overlap(services: &[IpNet], pods: &[IpNet], given: Option<&Given>, report: &mut Report) {
    let Some(given) = given else { return };
    for (service, pod) in services.iter().flat_map(|s| pods.iter().map(move |p| (s, p))) {
        if service.contains(&pod.network()) || pod.contains(&service.network()) {
            let what = format!("{pod} overlaps with the Service network {service}");
            report.warn(&given.place, Complaint::with_help(what, "use networks that do not overlap"));
        }
    }
}
