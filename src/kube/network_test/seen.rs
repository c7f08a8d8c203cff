//! What the Pods of a test asked, and what they saw: one observation for each question.

use crate::domain::network_probe::{Answer, Failure};
use serde::Serialize;

/// The network of the Pod that asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// A Pod of the Pod network.
    Pod,
    /// A Pod in the network of its node: asks as the node does.
    Host,
}

/// Names that are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NameOf {
    /// `kubernetes.default`.
    Cluster,
    /// The headless Service of the test.
    Test,
    /// A name of the Internet.
    Outside,
}

/// What was asked, and of which node's Pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "probe")]
pub enum What {
    /// The Pod of a node, by TCP with little data.
    Tcp { to: String },
    /// The same by UDP.
    Udp { to: String },
    /// By TCP with more than a packet of data.
    Large { to: String },
    /// By UDP with one packet as large as the interface allows.
    Packet { to: String },
    /// The Service with that Pod behind it.
    Service { to: String },
    /// The Service `kubernetes`: the API.
    Api,
    /// The kubelet's port of a node.
    Kubelet { to: String },
    /// A name, by the DNS Service.
    Name { name: NameOf },
    /// `kubernetes.default`, directly by the DNS Pod on a node.
    NameServer { to: String },
}

impl What {
    /// The node whose Pod is asked.
    pub fn to(&self) -> Option<&str> {
        match self {
            Self::Tcp { to }
            | Self::Udp { to }
            | Self::Large { to }
            | Self::Packet { to }
            | Self::Service { to }
            | Self::Kubelet { to }
            | Self::NameServer { to } => Some(to),
            Self::Api | Self::Name { .. } => None,
        }
    }

    /// As a noun phrase.
    pub fn text(&self) -> String {
        match self {
            Self::Tcp { to } => format!("a Pod on {to} by TCP"),
            Self::Udp { to } => format!("a Pod on {to} by UDP"),
            Self::Large { to } => format!("a Pod on {to} with 8 KiB by TCP"),
            Self::Packet { to } => format!("a Pod on {to} with a full packet"),
            Self::Service { to } => format!("the Service of a Pod on {to}"),
            Self::Api => "the Service of the API".into(),
            Self::Kubelet { to } => format!("the kubelet of {to}"),
            Self::Name { name: NameOf::Cluster } => "the name kubernetes.default".into(),
            Self::Name { name: NameOf::Test } => "the name of a new Service".into(),
            Self::Name { name: NameOf::Outside } => "a name outside the cluster".into(),
            Self::NameServer { to } => format!("the DNS Pod on {to}"),
        }
    }
}

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    pub from: String,
    pub network: Network,
    #[serde(flatten)]
    pub what: What,
    pub tries: u32,
    pub millis: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
}

impl Seen {
    pub fn new(from: &str, network: Network, what: What, answer: &Answer) -> Self {
        let Answer { tries, millis, failure, bytes, mtu, .. } = *answer;
        Self { from: from.into(), network, what, tries, millis, failure, bytes, mtu }
    }

    pub fn failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Asked on another node.
    pub fn crosses(&self) -> bool {
        self.what.to().is_some_and(|to| to != self.from)
    }

    /// In one line, for the evidence of a cause.
    pub fn text(&self) -> String {
        let from = match self.network {
            Network::Pod => format!("a Pod on {}", self.from),
            Network::Host => self.from.clone(),
        };
        let how = match self.failure {
            None => format!("{} ms", self.millis),
            Some(failure) => failure.text().to_owned(),
        };
        format!("from {from} to {}: {how}", self.what.text())
    }
}
