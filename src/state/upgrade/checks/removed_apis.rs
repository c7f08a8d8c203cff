//! API versions that clients still request and the target no longer serves.
//!
//! Reads: the metric `apiserver_requested_deprecated_apis` of one API server. Writes: nothing.

use crate::kube::cluster::Cluster;
use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::finding::Outcome;
use crate::versions::Version;
use std::collections::BTreeSet;

const METRIC: &str = "apiserver_requested_deprecated_apis{";
/// The most that are listed.
const MOST: usize = 20;

/// What was requested since the API server started.
pub(super) fn requested(api: &Cluster, reading: &ClusterReading, target: &Version) -> Outcome {
    let text = match api.text("/metrics") {
        Ok((200, text)) => text,
        Ok((status, _)) => {
            return Outcome::not_checked(format!("the API server did not give its metrics (HTTP status {status})"));
        }
        Err(error) => return Outcome::not_checked(format!("the metrics of the API server cannot be read: {error}")),
    };
    let mut outcome = of_metrics(&text, reading.version.minor, target.minor);
    let others = reading.api_servers().len().saturating_sub(1);
    if others > 0 {
        outcome.unchecked.push(format!("requests to {others} other API servers are only known there"));
    }
    outcome
}

fn of_metrics(text: &str, from: u16, target: u16) -> Outcome {
    let mut outcome = Outcome::default();
    let used: BTreeSet<(u16, String)> = text.lines().filter_map(removed).collect();
    let gone: Vec<_> = used.into_iter().filter(|(minor, _)| *minor > from && *minor <= target).collect();
    for (minor, resource) in gone.iter().take(MOST) {
        let what = format!("clients requested {resource}, which v1.{minor} does not serve any more");
        let fix = "find the clients by the annotation k8s.io/deprecated in audit logs, and change them and their manifests first";
        outcome.warning("API server", what, fix);
    }
    if gone.len() > MOST {
        let what = format!("{} more resources were requested in versions that are removed", gone.len() - MOST);
        outcome.warning("API server", what, "run 'kubectl get --raw /metrics' and look for requested_deprecated_apis");
    }
    outcome
}

/// The minor version that removes a requested resource, and the resource; None for other lines.
fn removed(line: &str) -> Option<(u16, String)> {
    let (labels, value) = line.strip_prefix(METRIC)?.rsplit_once('}')?;
    if value.trim() == "0" {
        return None;
    }
    let label = |name: &str| {
        let pairs = labels.split("\",");
        pairs
            .filter_map(|pair| pair.split_once("=\""))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.trim_end_matches('"'))
    };
    let minor = label("removed_release")?.strip_prefix("1.")?.parse().ok()?;
    let (group, version, resource) = (label("group")?, label("version")?, label("resource")?);
    let group = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some((minor, format!("{resource} of {group}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::upgrade::cluster::read;
    use crate::state::upgrade::fixture::FakeCluster;

    const METRICS: &str = r#"# HELP apiserver_requested_deprecated_apis Gauge of deprecated APIs
apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="podsecuritypolicies",subresource="",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="batch",removed_release="1.25",resource="cronjobs",subresource="status",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="",removed_release="",resource="componentstatuses",subresource="",version="v1"} 1
apiserver_requested_deprecated_apis{group="flowcontrol.apiserver.k8s.io",removed_release="1.26",resource="flowschemas",subresource="",version="v1beta1"} 1
apiserver_request_total{code="200"} 7
"#;

    #[test]
    fn only_what_the_upgrade_removes_is_reported() {
        let found = |from, target| of_metrics(METRICS, from, target).shown();
        assert_eq!(
            found(24, 25),
            [
                "Warning API server: clients requested cronjobs of batch/v1beta1, which v1.25 does not serve any more",
                "Warning API server: clients requested podsecuritypolicies of policy/v1beta1, which v1.25 does not serve any more",
            ]
        );
        assert_eq!(found(24, 26).len(), 3);
        assert!(found(23, 24).is_empty() && found(26, 27).is_empty());
    }

    #[test]
    fn a_long_list_is_shortened() {
        let line = |number: usize| {
            format!("{METRIC}group=\"g\",removed_release=\"1.25\",resource=\"r{number}\",version=\"v1\"}} 1\n")
        };
        let text: String = (0..MOST + 5).map(line).collect();
        let shown = of_metrics(&text, 24, 25).shown();
        assert_eq!(shown.len(), MOST + 1);
        assert!(shown[MOST].contains("5 more resources"), "{}", shown[MOST]);
    }

    #[test]
    fn metrics_that_cannot_be_read_are_not_a_pass() {
        let mut fake = FakeCluster::new("v1.24.1");
        fake.add_control_plane("n2", "v1.24.1");
        let running = fake.start();
        let reading = read(&running.cx, &running.cluster).unwrap();
        let outcome = requested(&running.cluster, &reading, &"v1.25.16".parse().unwrap());
        assert!(outcome.findings.is_empty() && outcome.unchecked[0].contains("404"), "{outcome:?}");
        let mut fake = FakeCluster::new("v1.24.1");
        fake.add_control_plane("n2", "v1.24.1");
        fake.text("/metrics", METRICS);
        let running = fake.start();
        let outcome = requested(&running.cluster, &reading, &"v1.25.16".parse().unwrap());
        assert_eq!((outcome.findings.len(), outcome.unchecked.len()), (2, 1));
    }
}
