//! Every pattern and its cause: three nodes, of which each asks all, in networks that fail in one way.

use super::super::members::Member;
use super::super::questions::{Server, observations, questions};
use super::super::seen::NameOf;
use super::super::setting::PLUGINS;
use super::super::table::ROWS;
use super::super::test_nodes::{Rule, answer, is_service, node_of};
use super::*;
use crate::domain::network_probe::{Answer, Ask, Failure, KUBELET_PORT, LARGE, Question, SMALL};

fn setting() -> Setting {
    Setting {
        nodes: ["n1", "n2", "n3"].map(str::to_owned).into(),
        plugin: PLUGINS.first(),
        without_kube_proxy: Some(Vec::new()),
        has_dns: true,
        dns_pods: 2,
        dns_ready: 2,
        name_servers: [1, 2].map(|node| (format!("n{node}"), format!("10.244.{node}.53:53").parse().unwrap())).into(),
        api: "10.96.0.1:443".parse().ok(),
        without_endpoint: Vec::new(),
    }
}

fn servers(nodes: usize) -> Vec<Server> {
    let server = |number: usize| Server {
        member: Member {
            name: format!("n{number}"),
            address: format!("10.0.0.{number}").parse().ok(),
            image: "i".into(),
        },
        pod: format!("10.244.{number}.2").parse().unwrap(),
        service: format!("10.96.1.{number}").parse().unwrap(),
    };
    (1..=nodes).map(server).collect()
}

fn seen(nodes: usize, setting: &Setting, answer: impl Fn(usize, bool, &Question) -> Answer) -> Vec<Seen> {
    let mut all = Vec::new();
    for node in 1..=nodes {
        for network in [Network::Pod, Network::Host] {
            let name = format!("n{node}");
            let asked = questions(network, &name, &servers(nodes), setting);
            let answers: Vec<Answer> =
                asked.iter().map(|(_, question)| answer(node, network == Network::Host, question)).collect();
            all.extend(observations(&name, network, &asked, &answers));
        }
    }
    all
}

fn named(rule: Rule) -> Vec<(&'static str, String)> {
    shown(&causes(&setting(), &seen(3, &setting(), |node, of_host, question| answer(rule, node, of_host, question))))
}

fn shown(causes: &[Cause]) -> Vec<(&'static str, String)> {
    causes.iter().map(|cause| (cause.id, cause.nodes.join(" "))).collect()
}

const LOST: Option<Failure> = Some(Failure::TimedOut);

fn lost_if(lost: bool) -> Option<Failure> {
    if lost { LOST } else { None }
}

/// Asked of another node's Pod, or by its Service.
fn crosses(node: usize, question: &Question) -> bool {
    node_of(question).is_some_and(|to| to != node) && !is_kubelet(question)
}

fn is_kubelet(question: &Question) -> bool {
    question.at.is_some_and(|at| at.port() == KUBELET_PORT)
}

fn is_name(question: &Question) -> bool {
    matches!(question.ask, Ask::Name { .. })
}

fn by_service(question: &Question) -> bool {
    is_service(question) || (is_name(question) && question.at.is_none())
}

/// A pattern, and the causes with their nodes.
type Case = (Rule, &'static [(&'static str, &'static str)]);

const CASES: &[Case] = &[
    (|_, _, _| None, &[]),
    // The overlay's port is blocked everywhere, or of one node. DNS and Services fail with it and are not named.
    (
        |node, _, question| {
            lost_if(crosses(node, question) || (is_name(question) && question.at.is_none() && node == 3))
        },
        &[("OverlayBlocked", "n1 n2 n3")],
    ),
    (
        |node, of_host, question| {
            lost_if(!of_host && crosses(node, question) && (node == 3 || node_of(question) == Some(3)))
        },
        &[("OverlayBlocked", "n3")],
    ),
    // The same from all nodes, also from the nodes themselves.
    (
        |node, _, question| lost_if(crosses(node, question) && (node == 3 || node_of(question) == Some(3))),
        &[("OverlayBlocked", "n3")],
    ),
    // The host is cut off.
    (
        |node, _, question| lost_if(node_of(question).is_some_and(|to| to != node && (node == 2 || to == 2))),
        &[("NodesApart", "n2")],
    ),
    // Nothing leaves a Pod of one node.
    (
        |node, of_host, question| {
            lost_if(!of_host && (node == 1 || node_of(question) == Some(1)) && !is_kubelet(question))
        },
        &[("PodsOfOneNode", "n1")],
    ),
    (
        |node, of_host, question| {
            lost_if(
                !of_host && crosses(node, question) && matches!(question.ask, Ask::Stream(_)) && !is_service(question),
            )
        },
        &[("ChecksumOffload", "n1 n2 n3")],
    ),
    // Services with Pods on other nodes only.
    (|node, _, question| lost_if(is_service(question) && crosses(node, question)), &[("ChecksumOffload", "n1 n2 n3")]),
    // The same from the nodes only, all of whose Services fail.
    (|_, of_host, question| lost_if(of_host && is_service(question)), &[("ChecksumOffload", "n1 n2 n3")]),
    (
        |node, of_host, question| lost_if(!of_host && crosses(node, question) && question.ask == Ask::Datagram),
        &[("UdpBlocked", "n1 n2 n3")],
    ),
    (
        |node, _, question| {
            let pair = node_of(question).is_some_and(|to| to != node && (to == 2 || node == 2));
            lost_if(pair && matches!(question.ask, Ask::Packet | Ask::Stream(LARGE)))
        },
        &[("PacketSize", "n2")],
    ),
    // Only the full packet, as between virtual machines that merge TCP.
    (
        |node, _, question| lost_if(crosses(node, question) && question.ask == Ask::Packet),
        &[("PacketSize", "n1 n2 n3")],
    ),
    (
        |node, of_host, question| lost_if(of_host && node == 2 && question.ask == Ask::Stream(SMALL)),
        &[("NodeToPods", "n2")],
    ),
    (|node, _, question| lost_if(node == 2 && by_service(question)), &[("KubeProxy", "n2")]),
    (|_, _, question| lost_if(by_service(question)), &[("KubeProxy", "n1 n2 n3")]),
    // Some rules are missing.
    (|_, _, question| lost_if(is_service(question) && node_of(question) == Some(3)), &[("KubeProxy", "n1 n2 n3")]),
    (
        |node, of_host, question| lost_if(!of_host && is_service(question) && node_of(question) == Some(node)),
        &[("BridgeFilter", "n1 n2 n3")],
    ),
    (|_, _, question| lost_if(is_service(question) && node_of(question).is_none()), &[("ApiService", "n1 n2 n3")]),
    (|_, _, question| lost_if(is_name(question) && !is_outside(question)), &[("DnsPods", "n1 n2 n3")]),
    (|_, _, question| lost_if(is_name(question) && question.at.is_none()), &[("DnsService", "n1 n2 n3")]),
    (
        |_, _, question| if is_name(question) && !is_outside(question) { Some(Failure::NoName) } else { None },
        &[("DnsAnswers", "n1 n2 n3")],
    ),
    (
        |_, _, question| if is_outside(question) { Some(Failure::ServerFailure) } else { None },
        &[("DnsUpstream", "n1 n2 n3")],
    ),
    (
        |_, of_host, question| lost_if(!of_host && is_kubelet(question) && node_of(question) == Some(1)),
        &[("PodsToNode", "n1")],
    ),
    // A firewall lets only the control plane to the kubelets: no cause.
    (|_, of_host, question| lost_if(of_host && is_kubelet(question)), &[]),
    // One UDP probe failed on its own node.
    (
        |node, of_host, question| lost_if(!of_host && node_of(question) == Some(node) && question.ask == Ask::Datagram),
        &[("UdpBlocked", "n1 n2 n3")],
    ),
    // Two independent causes.
    (
        |node, _, question| {
            let large =
                crosses(node, question) && question.ask == Ask::Packet && (node == 2 || node_of(question) == Some(2));
            lost_if(large || (node == 1 && by_service(question)))
        },
        &[("PacketSize", "n2"), ("KubeProxy", "n1")],
    ),
];

fn is_outside(question: &Question) -> bool {
    matches!(&question.ask, Ask::Name { name, .. } if name.ends_with('.'))
}

#[test]
fn every_pattern_has_its_cause() {
    for (number, (rule, expected)) in CASES.iter().enumerate() {
        let expected: Vec<(&str, String)> = expected.iter().map(|(id, nodes)| (*id, (*nodes).to_owned())).collect();
        assert_eq!(named(*rule), expected, "case {number}");
    }
}

#[test]
fn without_dns_pods_that_is_the_cause_and_not_the_service() {
    let setting = Setting { dns_ready: 0, name_servers: Vec::new(), ..setting() };
    let rule: Rule = |_, _, question| if is_name(question) { Some(Failure::Refused) } else { None };
    let found = causes(&setting, &seen(3, &setting, |node, of_host, question| answer(rule, node, of_host, question)));
    assert_eq!(shown(&found), [("DnsNotRunning", String::new())]);
    assert!(found[0].next.contains("--replicas=2") && found[0].evidence[0].contains("none of them ready"), "{found:?}");
}

#[test]
fn a_service_without_endpoints_is_not_blamed_on_kube_proxy() {
    let setting = Setting { without_endpoint: ["n1", "n2", "n3"].map(str::to_owned).into(), ..setting() };
    let rule: Rule = |_, _, question| lost_if(is_service(question) && node_of(question).is_some());
    let found = causes(&setting, &seen(3, &setting, |node, of_host, question| answer(rule, node, of_host, question)));
    assert_eq!(shown(&found), [("NoEndpoints", "n1 n2 n3".into())]);
}

#[test]
fn a_host_with_a_smaller_mtu_than_others_is_the_one_that_is_named() {
    let rule: Rule = |node, _, question| lost_if(crosses(node, question) && question.ask == Ask::Packet);
    let setting = Setting { nodes: ["n1", "n2"].map(str::to_owned).into(), ..setting() };
    let found = causes(
        &setting,
        &seen(2, &setting, |node, of_host, question| {
            let mut answer = answer(rule, node, of_host, question);
            if of_host && node == 2 && is_kubelet(question) {
                answer.mtu = Some(1300);
            }
            answer
        }),
    );
    assert_eq!(shown(&found), [("PacketSize", "n2".into())]);
    let evidence = found[0].evidence.join("\n");
    assert!(evidence.contains("1500 bytes do not come back, the largest that came back 1280"), "{evidence}");
    assert!(evidence.contains("n1 1500, n2 1300"), "{evidence}");
}

/// A node whose interface got a smaller MTU lost the news of the API, too, and kube-proxy was blamed.
#[test]
fn services_that_fail_because_of_the_packet_size_are_not_blamed_on_kube_proxy() {
    let rule: Rule = |node, _, question| {
        let large =
            crosses(node, question) && question.ask == Ask::Packet && (node == 2 || node_of(question) == Some(2));
        lost_if(large || (node == 2 && is_service(question) && node_of(question).is_some()))
    };
    let found =
        causes(&setting(), &seen(3, &setting(), |node, of_host, question| answer(rule, node, of_host, question)));
    assert_eq!(shown(&found), [("PacketSize", "n2".into())]);
    assert!(found[0].evidence.iter().any(|line| line.contains("kube-proxy")), "{found:?}");
}

#[test]
fn connections_that_need_several_tries_are_slow() {
    let found = causes(
        &setting(),
        &seen(3, &setting(), |node, of_host, question| {
            let mut answer = answer(|_, _, _| None, node, of_host, question);
            if !of_host && crosses(node, question) && question.ask == Ask::Stream(SMALL) && !is_service(question) {
                answer.tries = 4;
            }
            answer
        }),
    );
    assert_eq!(shown(&found), [("Slow", "n1 n2 n3".into())]);
}

#[test]
fn of_one_node_services_and_dns_are_tested() {
    let setting = Setting { nodes: vec!["n1".into()], ..setting() };
    let find = |rule: Rule| {
        shown(&causes(&setting, &seen(1, &setting, |node, of_host, question| answer(rule, node, of_host, question))))
    };
    assert_eq!(find(|_, _, _| None), []);
    assert_eq!(find(|_, _, question| lost_if(by_service(question))), [("KubeProxy", "n1".into())]);
}

#[test]
fn a_failure_that_fits_no_pattern_is_never_a_pass() {
    // A node that does not reach a Pod of which nothing else is known.
    let one = Answer { id: 0, tries: 5, millis: 9, failure: LOST, bytes: None, mtu: None };
    let seen = [Seen::new("n1", Network::Host, What::Name { name: NameOf::Cluster }, &one)];
    let found = causes(&Setting::default(), &seen);
    assert_eq!(found.len(), 1, "{found:?}");
    let odd = [Seen::new(
        "n1",
        Network::Pod,
        What::Large { to: "n2".into() },
        &Answer { failure: Some(Failure::Local), ..one },
    )];
    assert!(!causes(&Setting::default(), &odd).is_empty());
}

#[test]
fn the_table_has_each_cause_once_and_texts_without_gaps() {
    let with_all_nodes: Vec<String> = setting().nodes;
    for (at, row) in ROWS.iter().enumerate() {
        assert!(ROWS.iter().skip(at + 1).all(|other| other.id != row.id), "{}", row.id);
        let (setting, seen) = (setting(), Vec::new());
        let mut rules = Rules { setting: &setting, seen: &seen, explained: Vec::new(), causes: Vec::new() };
        rules.conclude(row.id, with_all_nodes.clone(), &[], Vec::new());
        let cause = &rules.causes[0];
        for text in [&cause.what, &cause.next] {
            assert!(!text.contains('{') && !text.contains("  "), "{}: {text}", row.id);
        }
    }
    assert_eq!(listed(&["a", "b"].map(str::to_owned)), "a and b");
    assert_eq!(listed(&(0..9).map(|n| n.to_string()).collect::<Vec<_>>()), "0, 1, 2 and 6 more");
}
