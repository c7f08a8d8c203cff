//! Little data passes, full packets do not.

use super::super::seen::{Network, Seen, What};
use super::Rules;
use crate::domain::network_probe::Failure;

impl Rules<'_> {
    /// Small data passes, full packets do not.
    pub(super) fn packets(&mut self) {
        let large = self.failed(|seen| {
            seen.network == Network::Pod
                && matches!(seen.what, What::Large { .. } | What::Packet { .. })
                && seen.failure != Some(Failure::Local)
        });
        if !large.is_empty() {
            let mut nodes = self.common(&large);
            let mut evidence: Vec<String> = Vec::new();
            if let Some(seen) = large.iter().find(|seen| seen.mtu.is_some()) {
                let passed =
                    seen.bytes.map(|bytes| format!(", the largest that came back {bytes}")).unwrap_or_default();
                let to = seen.what.to().unwrap_or_default();
                let mtu = seen.mtu.unwrap_or_default();
                evidence.push(format!("packets from {} to {to}: {mtu} bytes do not come back{passed}", seen.from));
            }
            let smallest = self.smaller_interfaces();
            if !smallest.is_empty() {
                evidence.push(format!("the MTU of the hosts differs: {}", smallest.join(", ")));
                nodes = self.nodes_with_small_interfaces();
            }
            // What kube-proxy gets from the API goes the same way: connections from before may be stuck.
            let stuck = |seen: &Seen| nodes.contains(&seen.from) && matches!(seen.what, What::Service { .. });
            if !self.failed(stuck).is_empty() {
                evidence.push(
                    "new Services do not work there either: kube-proxy gets them from the API by the same way".into(),
                );
            }
            self.explain(stuck);
            self.conclude("PacketSize", nodes, &large, evidence);
        }
        let is_local = |seen: &Seen| seen.failure == Some(Failure::Local);
        self.explain(|seen| matches!(seen.what, What::Large { .. } | What::Packet { .. }) && !is_local(seen));
    }

    /// The MTU of each host's interface to others, where they differ.
    fn interfaces(&self) -> Vec<(&str, u32)> {
        let mut found: Vec<(&str, u32)> = self
            .seen
            .iter()
            .filter(|seen| seen.network == Network::Host && seen.crosses() && matches!(seen.what, What::Kubelet { .. }))
            .filter_map(|seen| Some((seen.from.as_str(), seen.mtu?)))
            .collect();
        found.sort_unstable();
        found.dedup();
        if found.iter().all(|(_, mtu)| Some(*mtu) == found.first().map(|(_, first)| *first)) {
            Vec::new()
        } else {
            found
        }
    }

    fn smaller_interfaces(&self) -> Vec<String> {
        self.interfaces().iter().map(|(node, mtu)| format!("{node} {mtu}")).collect()
    }

    fn nodes_with_small_interfaces(&self) -> Vec<String> {
        let all = self.interfaces();
        let most = all.iter().map(|(_, mtu)| *mtu).max().unwrap_or_default();
        all.iter().filter(|(_, mtu)| *mtu < most).map(|(node, _)| (*node).to_owned()).collect()
    }
}
