//! Pods and Pods, nodes and Pods: nothing passes, or only one protocol, or one direction.

use super::super::seen::{Network, Seen, What};
use super::{Rules, from, to};

/// A connection that needed as many tries is slow.
const SLOW: u32 = 3;

impl Rules<'_> {
    /// Pods of one node, then of two: nothing passes, or only TCP, or only UDP.
    pub(super) fn pods(&mut self) {
        let both_fail = |rules: &Self, from: &str, to: &str| {
            let ask = |what| rules.passed(Network::Pod, from, &what) == Some(false);
            ask(What::Tcp { to: to.into() }) && ask(What::Udp { to: to.into() })
        };
        let of_pods =
            |seen: &Seen| seen.network == Network::Pod && matches!(seen.what, What::Tcp { .. } | What::Udp { .. });
        let own = self.failed(|seen| of_pods(seen) && !seen.crosses() && both_fail(self, &seen.from, &seen.from));
        if !own.is_empty() {
            let nodes = from(&own);
            self.conclude("PodsOfOneNode", nodes.clone(), &own, Vec::new());
            // Nothing that such a node sends or gets says more.
            self.explain(|seen| {
                nodes.contains(&seen.from) || seen.what.to().is_some_and(|to| nodes.iter().any(|node| node == to))
            });
        }
        let across = self.failed(|seen| {
            of_pods(seen) && seen.crosses() && both_fail(self, &seen.from, seen.what.to().unwrap_or_default())
        });
        let (apart, blocked): (Vec<&Seen>, Vec<&Seen>) = across.into_iter().partition(|seen| {
            let to = seen.what.to().unwrap_or_default().to_owned();
            self.passed(Network::Host, &seen.from, &What::Kubelet { to }) == Some(false)
        });
        for (id, pairs) in [("NodesApart", apart), ("OverlayBlocked", blocked)] {
            if !pairs.is_empty() {
                self.conclude(id, self.common(&pairs), &pairs, Vec::new());
                self.explain_pairs(&pairs);
            }
        }
        for (id, word) in [("ChecksumOffload", true), ("UdpBlocked", false)] {
            let pairs = self.failed(|seen| of_pods(seen) && matches!(seen.what, What::Tcp { .. }) == word);
            if !pairs.is_empty() {
                self.conclude(id, self.common(&pairs), &pairs, Vec::new());
                self.explain_pairs(&pairs);
            }
        }
    }

    /// What goes the way of these pairs, in any form, follows from them.
    fn explain_pairs(&mut self, pairs: &[&Seen]) {
        let between = |from: &str, to: &str| pairs.iter().any(|pair| pair.from == from && pair.what.to() == Some(to));
        let blocked: Vec<bool> = self
            .seen
            .iter()
            .map(|seen| seen.what.to().is_some_and(|to| between(&seen.from, to) || between(to, &seen.from)))
            .collect();
        for (explained, blocked) in self.explained.iter_mut().zip(blocked) {
            *explained |= blocked;
        }
        // The DNS Service leads to any of its Pods, also to those that are not reached.
        let cut_off = |seen: &Seen| {
            matches!(seen.what, What::Name { .. })
                && self
                    .setting
                    .name_servers
                    .iter()
                    .any(|(node, _)| between(&seen.from, node) || between(node, &seen.from))
        };
        let names: Vec<bool> = self.seen.iter().map(cut_off).collect();
        for (explained, cut_off) in self.explained.iter_mut().zip(names) {
            *explained |= cut_off;
        }
    }

    /// Nodes and Pods, and the kubelet's port.
    pub(super) fn nodes(&mut self) {
        let pods = self.failed(|seen| seen.network == Network::Host && matches!(seen.what, What::Tcp { .. }));
        if !pods.is_empty() {
            let nodes = from(&pods);
            self.conclude("NodeToPods", nodes.clone(), &pods, Vec::new());
            self.explain(|seen| seen.network == Network::Host && nodes.contains(&seen.from));
        }
        let kubelets = self.failed(|seen| seen.network == Network::Pod && matches!(seen.what, What::Kubelet { .. }));
        if !kubelets.is_empty() {
            self.conclude("PodsToNode", to(&kubelets), &kubelets, Vec::new());
        }
        // Between nodes only the kubelet's port was asked, which a firewall may have for the control plane alone.
        self.explain(|seen| matches!(seen.what, What::Kubelet { .. }));
        let slow: Vec<&Seen> = self
            .seen
            .iter()
            .filter(|seen| !seen.failed() && seen.tries >= SLOW && seen.crosses())
            .filter(|seen| seen.network == Network::Pod && matches!(seen.what, What::Tcp { .. } | What::Udp { .. }))
            .collect();
        if !slow.is_empty() {
            self.conclude("Slow", self.common(&slow), &slow, Vec::new());
        }
    }
}
