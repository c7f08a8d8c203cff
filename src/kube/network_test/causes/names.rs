//! Names of the cluster, and one outside.

use super::super::seen::{NameOf, Seen, What};
use super::{Rules, from};
use crate::domain::network_probe::Failure;

impl Rules<'_> {
    /// Names, from the Pods that answer to what they answer.
    pub(super) fn names(&mut self) {
        let is_name = |seen: &Seen| matches!(seen.what, What::Name { .. } | What::NameServer { .. });
        let failed = self.failed(is_name);
        if self.setting.has_dns && self.setting.dns_ready == 0 && !failed.is_empty() {
            let pods = format!("{} DNS Pods, none of them ready", self.setting.dns_pods);
            self.conclude("DnsNotRunning", Vec::new(), &failed, vec![pods]);
            self.explain(is_name);
        }
        let answered = |seen: &Seen| matches!(seen.failure, Some(Failure::NoName | Failure::ServerFailure));
        let directly = self.failed(|seen| matches!(seen.what, What::NameServer { .. }) && !answered(seen));
        if !directly.is_empty() {
            let nodes = from(&directly);
            self.conclude("DnsPods", nodes.clone(), &directly, Vec::new());
            self.explain(|seen| nodes.contains(&seen.from) && is_name(seen));
        }
        let outside = |seen: &Seen| seen.what == What::Name { name: NameOf::Outside };
        let unknown = self.failed(|seen| is_name(seen) && !outside(seen) && answered(seen));
        if !unknown.is_empty() {
            let nodes = from(&unknown);
            self.conclude("DnsAnswers", nodes.clone(), &unknown, Vec::new());
            self.explain(|seen| nodes.contains(&seen.from) && is_name(seen));
        }
        let service = self.failed(|seen| is_name(seen) && !outside(seen));
        // Where no Service works, the DNS Service does not either.
        let proxy: Vec<String> =
            self.causes.iter().filter(|cause| cause.id == "KubeProxy").flat_map(|cause| cause.nodes.clone()).collect();
        let service: Vec<&Seen> = service.into_iter().filter(|seen| !proxy.contains(&seen.from)).collect();
        if !service.is_empty() {
            self.conclude("DnsService", from(&service), &service, Vec::new());
        }
        let cluster_fails: Vec<String> = from(&self.failed(|seen| is_name(seen) && !outside(seen)));
        self.explain(|seen| is_name(seen) && (!outside(seen) || cluster_fails.contains(&seen.from)));
        let upstream = self.failed(outside);
        if !upstream.is_empty() {
            self.conclude("DnsUpstream", from(&upstream), &upstream, Vec::new());
            self.explain(outside);
        }
    }
}
