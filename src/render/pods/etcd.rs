//! etcd's manifest, for the first member of a cluster and for joining members.

use super::command::{arg, command, last_value};
use super::host_paths::HostPaths;
use super::probe::Endpoint;
use super::{Pair, PodInput, StaticPod};
use crate::config::images;
use crate::config::model::{Arg, HostPathMount, HostPort, LocalEtcd};
use crate::render::engine::TemplateError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The annotation with the client URL of an etcd Pod.
pub const CLIENT_URLS: &str = "kubeadm.kubernetes.io/etcd.advertise-client-urls";

const CLIENT_PORT: u16 = 2379;
const PEER_PORT: u16 = 2380;
/// Where etcd serves metrics and health without client certificates.
const METRICS_PORT: u16 = 2381;

/// Flags of etcd 3.6 with their names in older versions, and their values.
const RENAMED_FLAGS: [(&str, &str, &str); 2] = [
    ("feature-gates", "experimental-initial-corrupt-check", "true"),
    ("watch-progress-notify-interval", "experimental-watch-progress-notify-interval", "5s"),
];

/// A member of an etcd cluster, for `--initial-cluster`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdMember {
    /// The name of its node.
    pub name: String,
    /// `https://ADDRESS:2380`.
    pub peer_url: String,
}

/// The manifest of this host's etcd. `members` is empty for a new cluster; a joining member lists all members including
/// itself.
/// [`TemplateError`], which is a fault of ours.
pub fn etcd(input: &PodInput<'_>, local: &LocalEtcd, members: &[EtcdMember]) -> Result<String, TemplateError> {
    let address = input.node.local_endpoint.advertise_address;
    let component = &local.component;
    let image = images::etcd(input.cluster, input.facts);
    let mut defaults = defaults(input, local, members);
    defaults.extend(minor_args(input, &image.tag));
    let mut requests = vec![Pair::new("cpu", "100m")];
    requests.extend(input.facts.etcd_requests.iter().map(|(name, value)| Pair::new(name, *value)));
    requests.sort_by(|a, b| a.name.cmp(&b.name));
    StaticPod {
        name: "etcd",
        annotation: Some(Pair::new(CLIENT_URLS, client_url(address))),
        command: command("etcd", defaults, &component.extra_args, !input.facts.sorts_extra_args),
        extra_envs: &component.extra_envs,
        proxied: false,
        image: image.to_string(),
        probes: input.facts.etcd_probes,
        endpoint: metrics_endpoint(&component.extra_args, localhost(address)),
        requests,
        mounts: mounts(input, local),
    }
    .render(input)
}

/// The client URL of a host's member: `https://ADDRESS:2379`.
pub fn client_url(address: IpAddr) -> String {
    url("https", address, CLIENT_PORT)
}

/// The peer URL of a host's member: `https://ADDRESS:2380`.
pub fn peer_url(address: IpAddr) -> String {
    url("https", address, PEER_PORT)
}

/// The loopback address of the same family.
pub(super) fn localhost(address: IpAddr) -> IpAddr {
    if address.is_ipv6() { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() }
}

fn url(scheme: &str, address: IpAddr, port: u16) -> String {
    format!("{scheme}://{}", HostPort { host: address.to_string(), port: None }.with_port(port))
}

fn mounts(input: &PodInput<'_>, local: &LocalEtcd) -> Vec<HostPathMount> {
    let mut paths = HostPaths::new();
    paths.add_dir("etcd-data", &local.data_dir.to_string_lossy(), false);
    paths.add_dir("etcd-certs", &input.certificate("etcd"), false);
    let mut mounts = paths.into_mounts(&[]);
    mounts.reverse();
    mounts
}

fn defaults(input: &PodInput<'_>, local: &LocalEtcd, members: &[EtcdMember]) -> Vec<Arg> {
    let address = input.node.local_endpoint.advertise_address;
    let (client, peer) = (client_url(address), peer_url(address));
    let pki = |name: &str| input.certificate(&format!("etcd/{name}"));
    let mut args = vec![
        arg("advertise-client-urls", &client),
        arg("cert-file", &pki("server.crt")),
        arg("client-cert-auth", "true"),
        arg("data-dir", &local.data_dir.to_string_lossy()),
        arg("initial-advertise-peer-urls", &peer),
        arg("key-file", &pki("server.key")),
        arg("listen-client-urls", &format!("{},{client}", client_url(localhost(address)))),
        arg("listen-metrics-urls", &url("http", localhost(address), METRICS_PORT)),
        arg("listen-peer-urls", &peer),
        arg("name", &input.node.name),
        arg("peer-cert-file", &pki("peer.crt")),
        arg("peer-client-cert-auth", "true"),
        arg("peer-key-file", &pki("peer.key")),
        arg("peer-trusted-ca-file", &pki("ca.crt")),
        arg("snapshot-count", "10000"),
        arg("trusted-ca-file", &pki("ca.crt")),
    ];
    if members.is_empty() {
        args.push(arg("initial-cluster", &format!("{}={peer}", input.node.name)));
    } else {
        let all: Vec<_> = members.iter().map(|m| format!("{}={}", m.name, m.peer_url)).collect();
        args.push(arg("initial-cluster", &all.join(",")));
        args.push(arg("initial-cluster-state", "existing"));
    }
    args
}

/// The flags that were renamed over time, with the names that the etcd of this tag knows.
fn minor_args(input: &PodInput<'_>, tag: &str) -> Vec<Arg> {
    let before_3_6 = version_of_tag(tag).is_some_and(|version| version < (3, 6));
    let name_for_tag =
        |(name, value): &(&'static str, &'static str)| match RENAMED_FLAGS.iter().find(|(new, ..)| new == name) {
            Some((_, old, old_value)) if before_3_6 => arg(old, old_value),
            _ => arg(name, value),
        };
    input.facts.etcd_args.iter().map(name_for_tag).collect()
}

/// The (3, 5) of `3.5.24-0` or `v3.5.24`; None for tags of another format.
fn version_of_tag(tag: &str) -> Option<(u32, u32)> {
    let mut numbers = tag.strip_prefix('v').unwrap_or(tag).split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The user's first metrics URL, or loopback.
fn metrics_endpoint(extra: &[Arg], localhost: IpAddr) -> Endpoint {
    let default = Endpoint { host: localhost.to_string(), port: METRICS_PORT, scheme: "HTTP" };
    let first = last_value(extra, "listen-metrics-urls").and_then(|urls| urls.split(',').next());
    let Some((scheme, rest)) = first.and_then(|url| url.trim().split_once("://")) else { return default };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    Endpoint {
        host: if host.is_empty() { default.host } else { host.to_owned() },
        port: port.and_then(|p| p.parse().ok()).filter(|p| *p > 0).unwrap_or(METRICS_PORT),
        scheme: if scheme == "https" { "HTTPS" } else { "HTTP" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_follows_the_first_metrics_url() {
        let localhost: IpAddr = "127.0.0.1".parse().unwrap();
        for (urls, host, port, scheme) in [
            (None, "127.0.0.1", 2381, "HTTP"),
            (Some("http://0.0.0.0:9979,http://127.0.0.1:2381"), "0.0.0.0", 9979, "HTTP"),
            (Some("https://[fd00::1]:2400/x"), "fd00::1", 2400, "HTTPS"),
            (Some("http://:99"), "127.0.0.1", 99, "HTTP"),
            (Some("http://metrics"), "metrics", 2381, "HTTP"),
            (Some("http://metrics:0"), "metrics", 2381, "HTTP"),
            (Some("nonsense"), "127.0.0.1", 2381, "HTTP"),
        ] {
            let extra: Vec<Arg> = urls.iter().map(|u| arg("listen-metrics-urls", u)).collect();
            let endpoint = metrics_endpoint(&extra, localhost);
            assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.scheme), (host, port, scheme), "{urls:?}");
        }
    }

    #[test]
    fn tags_contain_the_version() {
        for (tag, version) in
            [("3.5.24-0", Some((3, 5))), ("v3.6.8", Some((3, 6))), ("latest", None), ("3", None), ("", None)]
        {
            assert_eq!(version_of_tag(tag), version, "{tag}");
        }
    }
}
