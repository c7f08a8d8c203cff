//! Who asks what: every Pod asks every other, its own node's too, and names; every node asks every Pod.

use super::members::Member;
use super::objects::HEADLESS;
use super::seen::{NameOf, Network, Seen, What};
use super::setting::Setting;
use crate::domain::network_probe::{Answer, Ask, KUBELET_PORT, LARGE, PORT, Question, SMALL};
use std::net::{IpAddr, SocketAddr};

/// A name that always exists.
const OUTSIDE: &str = "kubernetes.io.";
/// A name of every cluster.
const CLUSTER: &str = "kubernetes.default.svc";

/// A node whose Pod answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub member: Member,
    pub pod: IpAddr,
    /// Its Service.
    pub service: IpAddr,
}

/// What the Pod of a network on any node is asked to ask, in the order of the numbers.
pub fn questions(network: Network, from: &str, servers: &[Server], setting: &Setting) -> Vec<(What, Question)> {
    let mut all = Vec::new();
    for server in servers {
        let to = server.member.name.clone();
        let pod = SocketAddr::new(server.pod, PORT);
        let kubelet = server.member.address.map(|address| SocketAddr::new(address, KUBELET_PORT));
        all.push((What::Tcp { to: to.clone() }, Ask::Stream(SMALL), Some(pod)));
        all.push((What::Service { to: to.clone() }, Ask::Stream(SMALL), Some(SocketAddr::new(server.service, PORT))));
        if network == Network::Pod {
            all.push((What::Udp { to: to.clone() }, Ask::Datagram, Some(pod)));
            all.push((What::Large { to: to.clone() }, Ask::Stream(LARGE), Some(pod)));
            all.push((What::Packet { to: to.clone() }, Ask::Packet, Some(pod)));
        }
        // A node does not ask itself.
        if kubelet.is_some() && (network == Network::Pod || from != to) {
            all.push((What::Kubelet { to }, Ask::Connect, kubelet));
        }
    }
    if network == Network::Pod {
        all.extend(names(setting));
    }
    let numbered = all.into_iter().enumerate();
    numbered.map(|(id, (what, ask, at))| (what, Question { id, ask, at })).collect()
}

fn names(setting: &Setting) -> Vec<(What, Ask, Option<SocketAddr>)> {
    let v6 = setting.api.is_some_and(|api| api.is_ipv6());
    let ask = |name: &str| Ask::Name { name: name.into(), v6 };
    let mut all = Vec::new();
    if let Some(api) = setting.api {
        all.push((What::Api, Ask::Connect, Some(api)));
    }
    for (name, text) in [(NameOf::Cluster, CLUSTER), (NameOf::Test, HEADLESS), (NameOf::Outside, OUTSIDE)] {
        all.push((What::Name { name }, ask(text), None));
    }
    for (node, at) in &setting.name_servers {
        all.push((What::NameServer { to: node.clone() }, ask(CLUSTER), Some(*at)));
    }
    all
}

/// What a Pod saw. Answers to nothing that was asked are dropped.
pub fn observations(from: &str, network: Network, asked: &[(What, Question)], answers: &[Answer]) -> Vec<Seen> {
    let seen = |(what, question): &(What, Question)| {
        let answer = answers.iter().find(|answer| answer.id == question.id)?;
        Some(Seen::new(from, network, what.clone(), answer))
    };
    asked.iter().filter_map(seen).collect()
}
