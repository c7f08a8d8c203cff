//! Checks of the network: ports, proxies, kernel parameters.

use super::finding::{Finding, Repair};
use super::holding::Whose;
use super::inputs::Check;
use super::inputs::ports;
use super::inputs::{Inputs, Scene};
use crate::base::proxy::Proxies;
use crate::config::model::{Arg, Etcd};
use crate::domain::paths::manifest;
use crate::host::{HostError, modules, sysctl};
use std::net::IpAddr;

/// The parameters of a kernel module.
const BRIDGED: &str = "net.bridge.";
/// The first minor version whose kubeadm no longer requires bridged traffic in iptables.
pub(super) const NO_BRIDGE_CHECK: u16 = 30;

/// Ports that must be free, or used by our own components.
pub(super) fn port_checks<'a>(inputs: &Inputs<'a>) -> Vec<Check<'a>> {
    ports(inputs)
        .into_iter()
        .map(|(port, program)| {
            let id = format!("Port-{port}");
            Check::live(id.clone(), move |scene| check_port(scene, &id, port, program))
        })
        .collect()
}

fn check_port(scene: &Scene<'_>, id: &str, port: u16, program: &str) -> Vec<Finding> {
    let listeners = match scene.listeners() {
        Ok(listeners) => listeners,
        Err(error) => return vec![Finding::unknown(id, error)],
    };
    let Some(listener) = listeners.iter().find(|listener| listener.port == port) else { return Vec::new() };
    if listener.program.as_deref() == Some(program) {
        // The kubelet is a service that we configure and restart; the others are static Pods.
        let holding = scene.inputs.holding;
        if program == "kubelet" || holding.is_ours() || scene.inputs.rerun.is_ours(scene.files(), &manifest(program)) {
            return Vec::new();
        }
        let whose = match &holding.whose {
            Whose::Foreign(why) => format!("of another cluster ({why})"),
            Whose::Ours | Whose::Unknown => "of a cluster that this host already runs".into(),
        };
        let what = format!("port {port} is in use by the {program} {whose}");
        return vec![Finding::error(id, format!("port {port}"), what, holding.leave_running())];
    }
    let shown = listener.shown();
    let what = format!("port {port}, which {program} needs, is in use by {shown}");
    let fix = match listener.pid {
        Some(pid) => format!("stop it: run 'systemctl status {pid}' to see which service it belongs to"),
        None => format!("run 'ss -ltnp sport = :{port}' as root to see what it is, and stop it"),
    };
    let finding = Finding::error(id, format!("port {port}"), what, fix);
    let is_needed = needed(scene.inputs, program);
    vec![if is_needed { finding.vital("it cannot start without this port") } else { finding }]
}

/// True if a program uses its default address and port: with another one it may run beside the listener.
fn needed(inputs: &Inputs<'_>, program: &str) -> bool {
    let args = |list: &[Arg]| {
        const ELSEWHERE: [&str; 4] = ["bind-address", "secure-port", "listen-client-urls", "listen-peer-urls"];
        list.iter().any(|arg| ELSEWHERE.contains(&arg.name.as_str()))
    };
    let Some(cluster) = inputs.cluster else { return true };
    !match program {
        "kube-apiserver" => args(&cluster.api_server.extra_args),
        "kube-controller-manager" => args(&cluster.controller_manager.extra_args),
        "kube-scheduler" => args(&cluster.scheduler.extra_args),
        "etcd" => matches!(&cluster.etcd, Etcd::Local(etcd) if args(&etcd.component.extra_args)),
        _ => {
            let moved = ["port", "address"].iter().any(|field| cluster.kubelet.contains_key(*field));
            moved || inputs.node.kubelet_extra_args.iter().any(|arg| ["port", "address"].contains(&arg.name.as_str()))
        }
    }
}

/// Proxies between this host and the cluster.
pub(super) fn proxies<'a>(inputs: &Inputs<'a>) -> Vec<Check<'a>> {
    let mut checks = Vec::new();
    let host = if inputs.is_control_plane() {
        Some(inputs.node.local_endpoint.advertise_address.to_string())
    } else {
        inputs.api_host.map(str::to_owned)
    };
    if let Some(host) = host {
        checks.push(Check::live("HTTPProxy", move |scene| {
            proxied(scene, "HTTPProxy", &host, &format!("the API server at {host}"), &host)
        }));
    }
    let networks = inputs.cluster.map(|c| &c.networking).filter(|_| inputs.is_control_plane());
    for subnet in networks.into_iter().flat_map(|n| n.service_subnets.iter().chain(&n.pod_subnets)) {
        checks.push(Check::live("HTTPProxyCIDR", move |scene| {
            // The first address represents the network.
            let first = match subnet.network() {
                IpAddr::V4(ip) => IpAddr::from(ip.to_bits().wrapping_add(1).to_be_bytes()),
                IpAddr::V6(ip) => IpAddr::from(ip.to_bits().wrapping_add(1).to_be_bytes()),
            };
            let what = format!("the network {subnet}");
            proxied(scene, "HTTPProxyCIDR", &first.to_string(), &what, &subnet.to_string())
        }));
    }
    checks
}

fn proxied(scene: &Scene<'_>, id: &str, host: &str, what: &str, exception: &str) -> Vec<Finding> {
    let port = scene.inputs.node.local_endpoint.bind_port;
    let Some(proxy) = Proxies::from_vars(scene.inputs.vars).shown("https", host, port) else { return Vec::new() };
    let what = format!("connections to {what} would go through the proxy {proxy}");
    vec![Finding::warning(id, "NO_PROXY", what, format!("add {exception} to NO_PROXY"))]
}

/// Kernel parameters that packet forwarding needs.
pub(super) fn parameters<'a>(inputs: &Inputs<'a>, minor: u16) -> Vec<Check<'a>> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    if inputs.is_control_plane() {
        addresses.push(inputs.node.local_endpoint.advertise_address);
        let networks = inputs.cluster.map(|c| &c.networking);
        addresses.extend(
            networks.into_iter().flat_map(|n| n.service_subnets.iter().chain(&n.pod_subnets)).map(ipnet::IpNet::addr),
        );
    } else {
        addresses.extend(inputs.api_host.and_then(|host| host.parse::<IpAddr>().ok()));
    }
    let v6 = addresses.iter().any(IpAddr::is_ipv6);
    // A host name has no address family; nearly every cluster has IPv4.
    let v4 = addresses.iter().any(IpAddr::is_ipv4) || addresses.is_empty();
    let bridge = minor < NO_BRIDGE_CHECK;
    [
        (v4 && bridge, "net.bridge.bridge-nf-call-iptables"),
        (v4, "net.ipv4.ip_forward"),
        (v6 && bridge, "net.bridge.bridge-nf-call-ip6tables"),
        (v6, "net.ipv6.conf.default.forwarding"),
    ]
    .into_iter()
    .filter(|(applies, _)| *applies)
    .map(|(_, key)| {
        let id = format!("FileContent-{}", sysctl::path(key).display().to_string().replace('/', "-"));
        Check::live(id.clone(), move |scene| check_parameter(scene, &id, key))
    })
    .collect()
}

fn check_parameter(scene: &Scene<'_>, id: &str, key: &str) -> Vec<Finding> {
    let place = sysctl::path(key).display().to_string();
    let repair = Repair::Sysctl { key: key.into(), value: "1".into() };
    let fix = "run the same command with '--fix'";
    match sysctl::value(scene.host(), key) {
        // For the kernel any number except 0 means on.
        Ok(Some(value)) if value != "0" => match comes_at_boot(scene, key) {
            Ok(true) => Vec::new(),
            Ok(false) => {
                let fix = format!("{fix}, or {}", by_hand(key));
                let what = format!("{key} is on now, but will be off after the next boot");
                vec![Finding::warning(id, place, what, fix).fixed_by(repair)]
            }
            Err(error) => vec![Finding::unknown(id, &error)],
        },
        Ok(Some(_)) => {
            let fix = format!("{fix}, or run 'sysctl -w {key}=1' and write it to /etc/sysctl.d");
            vec![Finding::error(id, place, format!("{key} is off"), fix).fixed_by(repair)]
        }
        Ok(None) if key.starts_with(BRIDGED) => {
            let fix = format!("{fix}, or run 'modprobe br_netfilter' and list it in /etc/modules-load.d");
            let what = format!("{key} does not exist: the kernel module br_netfilter is not loaded");
            vec![Finding::error(id, place, what, fix).fixed_by(repair)]
        }
        Ok(None) => {
            let what = format!("{key} does not exist: the kernel does not support this protocol");
            vec![Finding::error(id, place, what, "boot without ipv6.disable=1, or do not use this protocol")]
        }
        Err(error) => vec![Finding::unknown(id, &error)],
    }
}

/// True if the parameter is also on after the next boot.
fn comes_at_boot(scene: &Scene<'_>, key: &str) -> Result<bool, HostError> {
    let value = sysctl::at_boot(scene.host(), key)?;
    if key.starts_with(BRIDGED) {
        // These are on by default when their module is loaded.
        return Ok(value.is_none_or(|value| value != "0") && modules::comes_at_boot(scene.host(), modules::BRIDGE)?);
    }
    Ok(value.is_some_and(|value| value != "0"))
}

fn by_hand(key: &str) -> String {
    if key.starts_with(BRIDGED) {
        return format!("list {} in /etc/modules-load.d, and remove '{key} = 0' from /etc/sysctl.d", modules::BRIDGE);
    }
    format!("write '{key} = 1' to a file in /etc/sysctl.d")
}
