//! Services, where the Pods behind them are reached.

use super::super::seen::{Network, Seen, What};
use super::{Rules, from};
use std::collections::BTreeSet;

impl Rules<'_> {
    /// Services, where the Pods behind them are reached.
    pub(super) fn services(&mut self) {
        let setting = self.setting;
        let is_service = |seen: &Seen| matches!(seen.what, What::Service { .. });
        let lacks =
            |seen: &Seen| is_service(seen) && setting.without_endpoint.iter().any(|node| seen.what.to() == Some(node));
        let empty = self.failed(lacks);
        if !empty.is_empty() {
            self.conclude("NoEndpoints", setting.without_endpoint.clone(), &empty, Vec::new());
            self.explain(lacks);
        }
        let failed = self.failed(is_service);
        let [mut proxy, mut bridge, mut offload] = [const { BTreeSet::new() }; 3];
        for seen in &failed {
            let works = |such: &dyn Fn(&Seen) -> bool| {
                self.seen.iter().any(|other| {
                    is_service(other)
                        && other.from == seen.from
                        && other.network == seen.network
                        && !other.failed()
                        && such(other)
                })
            };
            let set = match (works(&|other| other.crosses()), works(&|other| !other.crosses())) {
                (true, false) if !seen.crosses() && self.others_use(seen) => &mut bridge,
                (false, true) if seen.crosses() => &mut offload,
                // A node whose own Services fail for Pods, too, has no rules.
                (false, false) if seen.network == Network::Host && self.pods_use_services(&seen.from) => &mut offload,
                _ => &mut proxy,
            };
            set.insert(seen.from.clone());
        }
        for (id, nodes) in [("KubeProxy", proxy), ("BridgeFilter", bridge), ("ChecksumOffload", offload)] {
            if nodes.is_empty() {
                continue;
            }
            let nodes: Vec<String> = nodes.into_iter().collect();
            let because: Vec<&Seen> = failed.iter().copied().filter(|seen| nodes.contains(&seen.from)).collect();
            let missing =
                setting.without_kube_proxy.iter().flatten().filter(|node| id == "KubeProxy" && nodes.contains(node));
            let more = missing.map(|node| format!("no kube-proxy Pod is ready on {node}")).collect();
            self.conclude(id, nodes.clone(), &because, more);
            self.explain(|seen| nodes.contains(&seen.from) && is_service(seen));
            if id == "KubeProxy" {
                self.explain(|seen| nodes.contains(&seen.from) && matches!(seen.what, What::Api));
            }
        }
        let api = self.failed(|seen| seen.what == What::Api);
        if !api.is_empty() {
            self.conclude("ApiService", from(&api), &api, Vec::new());
            self.explain(|seen| seen.what == What::Api);
        }
    }

    /// The Service that fails here works from other nodes.
    fn others_use(&self, failed: &Seen) -> bool {
        self.seen.iter().any(|seen| seen.what == failed.what && seen.from != failed.from && !seen.failed())
    }

    fn pods_use_services(&self, node: &str) -> bool {
        let mut own = self.seen.iter().filter(|seen| {
            seen.from == node && seen.network == Network::Pod && matches!(seen.what, What::Service { .. })
        });
        own.any(|seen| !seen.failed())
    }
}
