//! Tests of SANs.

use super::*;
use crate::config::model::HostPort;
use crate::pki::fixture;
use crate::versions::facts;
use proptest::prelude::*;

fn sans(rule: SanRule, change: impl FnOnce(&mut ClusterConfig, &mut NodeConfig)) -> Sans {
    let (mut cluster, mut node) = (fixture::cluster(36), fixture::node());
    change(&mut cluster, &mut node);
    Sans::of(rule, "kubernetes", &cluster, &node, facts(36).unwrap()).unwrap()
}

#[test]
fn the_api_server_certificate_covers_its_service_its_node_and_its_endpoint() {
    let found = sans(SanRule::ApiServer, |cluster, _| {
        cluster.control_plane_endpoint = Some(HostPort { host: "lb.example.com".into(), port: None });
        cluster.api_server_cert_sans =
            ["lb.example.com", "*.corp.local", "203.0.113.10", "10.96.0.1", "api.corp.local"].map(str::to_owned).into();
    });
    assert_eq!(
        found.to_string(),
        "*.corp.local, api.corp.local, cp1, kubernetes, kubernetes.default, kubernetes.default.svc, \
         kubernetes.default.svc.cluster.local, lb.example.com, 10.96.0.1, 192.168.0.36, 203.0.113.10"
    );
}

#[test]
fn an_endpoint_may_be_an_address() {
    let found = sans(SanRule::ApiServer, |cluster, _| {
        cluster.control_plane_endpoint = Some(HostPort { host: "fd00::7".into(), port: Some(443) });
    });
    assert_eq!(found.ips.last(), Some(&"fd00::7".parse().unwrap()));
}

#[test]
fn a_dual_stack_api_server_has_the_address_of_its_first_network_only() {
    let found = sans(SanRule::ApiServer, |cluster, _| {
        cluster.networking.service_subnets = vec!["fd00:10:96::/112".parse().unwrap(), "10.96.0.0/16".parse().unwrap()];
    });
    assert_eq!(found.ips, ["fd00:10:96::1".parse::<IpAddr>().unwrap(), "192.168.0.36".parse().unwrap()]);
}

#[test]
fn the_etcd_certificate_covers_its_node_and_localhost() {
    let found = sans(SanRule::EtcdPeer, |cluster, _| {
        if let Etcd::Local(etcd) = &mut cluster.etcd {
            etcd.peer_cert_sans = vec!["etcd-peer.corp.local".into(), "::1".into(), "10.0.0.42".into()];
            etcd.server_cert_sans = vec!["only-for-the-server".into()];
        }
    });
    assert_eq!(found.to_string(), "cp1, etcd-peer.corp.local, localhost, 192.168.0.36, 127.0.0.1, ::1, 10.0.0.42");
}

#[test]
fn a_service_network_of_one_address_is_refused() {
    let (mut cluster, node) = (fixture::cluster(36), fixture::node());
    cluster.networking.service_subnets = vec!["10.96.0.0/32".parse().unwrap()];
    let error = Sans::of(SanRule::ApiServer, "", &cluster, &node, facts(36).unwrap()).unwrap_err();
    assert!(error.to_string().contains("10.96.0.0/32"), "{error}");
}

#[test]
fn a_wildcard_matches_one_label() {
    let have = Sans { dns: vec!["*.corp.local".into()], ips: vec![] };
    let needed = |name: &str| Sans { dns: vec![name.into()], ips: vec![] };
    assert!(have.missing(&needed("API.corp.local")).is_empty());
    assert!(have.missing(&needed("*.corp.local")).is_empty());
    for name in ["corp.local", "a.b.corp.local", ".corp.local"] {
        assert_eq!(have.missing(&needed(name)), [name]);
    }
}

proptest! {
    #[test]
    fn the_nth_address_lies_in_its_network(ip: u32, length in 0_u8..=31) {
        let network = IpNet::new(Ipv4Addr::from(ip).into(), length).unwrap();
        let first = nth_address(&network, 1).unwrap();
        prop_assert!(network.contains(&first));
        prop_assert_ne!(first, network.network());
    }

    #[test]
    fn each_name_comes_once_however_often_it_is_added(names: Vec<String>) {
        let mut sans = Sans::default();
        sans.add_all(&names);
        let once = sans.clone();
        sans.add_all(&names);
        prop_assert_eq!(&sans, &once);
        prop_assert!(sans.dns.is_sorted());
        prop_assert!(once.missing(&sans).is_empty());
    }
}
