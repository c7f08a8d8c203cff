//! What becomes of a Corefile that CoreDNS of the target does not accept as it is.

use super::subject::{Subject, unchecked};
use crate::config::images;
use crate::kube::cluster::Cluster;
use crate::state::upgrade::corefile::{Corefile, config_map, read};
use crate::state::upgrade::finding::Outcome;
use crate::state::upgrade::target_config::at_version;

/// Nothing for a cluster without CoreDNS.
pub(super) fn check(api: &Cluster, subject: &Subject<'_>) -> Outcome {
    let (reading, config) = (subject.reading, at_version(&subject.reading.config, subject.target));
    let Some(old) = reading.dns_image.as_ref().filter(|_| !config.dns.disabled) else { return Outcome::default() };
    let new = images::coredns(&config, subject.minor);
    let (mut outcome, place) = (Outcome::default(), config_map().to_string());
    match read(api, old, &new.to_string()) {
        Ok(Corefile::Stays) => {}
        Ok(Corefile::Unknown(why)) => outcome.unchecked.push(why),
        Ok(Corefile::Migrated(done)) => {
            let fix = format!(
                "change the Corefile: run 'kubectl -n kube-system edit configmap coredns'; with --ignore-preflight-errors Corefile, \
                 CoreDNS stays at {}",
                reading.dns_tag.as_deref().unwrap_or_default()
            );
            for obstacle in &done.obstacles {
                outcome.error(&place, obstacle, &fix);
            }
            if done.obstacles.is_empty() {
                let lines = done.difference.join("\n");
                let what =
                    format!("CoreDNS {} does not accept the Corefile, which the upgrade changes:\n{lines}", new.tag);
                outcome.note(&place, what, "nothing; the former text is kept in the ConfigMap as Corefile-backup");
            }
        }
        Err(failure) => return unchecked(&failure),
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::upgrade::cluster;
    use crate::state::upgrade::etcd;
    use crate::state::upgrade::fixture::FakeCluster;
    use crate::versions::facts;
    use serde_json::json;

    fn found(corefile: &str, image: &str) -> Vec<String> {
        let mut fake = FakeCluster::new("v1.20.2");
        fake.set("/api/v1/namespaces/kube-system/configmaps/coredns", json!({"data": {"Corefile": corefile}}));
        let container = json!({"name": "coredns", "image": image});
        let deployment = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
        fake.set("/apis/apps/v1/namespaces/kube-system/deployments/coredns", deployment);
        let running = fake.start();
        let reading = cluster::read(&running.cx, &running.cluster).unwrap();
        let (etcd, target) = (etcd::read(&running.cx, &reading), "v1.21.14".parse().unwrap());
        let minor = facts(21).unwrap();
        let subject = Subject { reading: &reading, etcd: &etcd, target: &target, minor, etcd_upgrade: true, hops: &[] };
        check(&running.cluster, &subject).shown()
    }

    #[test]
    fn a_corefile_that_changes_is_shown_and_one_that_cannot_change_is_an_error() {
        let with = |lines: &str| format!(".:53 {{\n    {lines}\n}}\n");
        let transfer = with("kubernetes a {\n        transfer to *\n    }");
        let official = "k8s.gcr.io/coredns:1.7.0";
        let shown = found(&transfer, official);
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert!(
            shown[0].starts_with("Note ConfigMap kube-system/coredns: CoreDNS v1.8.0 does not accept"),
            "{shown:?}"
        );
        assert!(shown[0].contains("\n-        transfer to *\n+    transfer a {\n+        to *\n+    }"), "{shown:?}");
        assert!(found(&with("federation a"), official)[0].starts_with("Error ConfigMap kube-system/coredns"));
        assert_eq!(found(&with("forward . 10.0.0.1"), official), [""; 0]);
        // A CoreDNS that the user chose stays.
        assert_eq!(found(&transfer, "own.example/dns:1"), [""; 0]);
    }
}
