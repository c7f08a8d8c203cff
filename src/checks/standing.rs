//! Whether the cluster that this host runs already is the one that is asked for.
//!
//! The same command again completes or repeats a run. Another configuration, or none where the first run had one, would
//! rewrite a control plane that works: every difference is reported. What would part the cluster from its data
//! cannot be ignored.
//!
//! Reads: etcd's data directory. Writes: nothing.

use super::existing_cluster::{Data, Database, ExistingCluster};
use super::finding::Finding;
use super::finding::Role;
use super::inputs::Check;
use super::inputs::{Inputs, Scene};
use crate::config::difference::{Difference, differences};
use crate::config::encode;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::domain::paths::MANIFESTS_DIR;
use crate::versions::table;
use std::path::Path;

const ID: &str = "ClusterConfigChanged";
/// As many differences as a person reads; one already stops the run.
const SHOWN: usize = 10;
/// The two fields that say which addons kubeadm left out; installing one later does not change the control plane.
const ADDONS: [&str; 2] = ["dns.disabled", "proxy.disabled"];

/// The check; a joining host takes the cluster's configuration.
pub(super) fn checks<'a>(inputs: &Inputs<'a>) -> Vec<Check<'a>> {
    match (inputs.role, inputs.cluster, inputs.standing) {
        (Role::FirstControlPlane, Some(cluster), Some(standing)) => {
            vec![Check::offline(ID, move |scene| check(scene, cluster, standing))]
        }
        _ => Vec::new(),
    }
}

fn check(scene: &Scene<'_>, cluster: &ClusterConfig, standing: &ExistingCluster) -> Vec<Finding> {
    if standing.not_compared {
        return vec![not_compared()];
    }
    let exists = |path: &Path| scene.files().exists(path);
    let mut findings: Vec<Finding> =
        dangers(&standing.before, &standing.after, &exists).iter().map(|danger| dangerous(danger)).collect();
    match &standing.stored {
        None if standing.is_unknown => findings.extend(unknown(scene, "does not answer now")),
        None => {}
        Some(Err(failure)) => {
            let refused = standing.is_unknown.then(|| unknown(scene, "does not let admin.conf read its configuration"));
            findings.extend(refused.flatten());
            let what = format!("this host has admin.conf, but its cluster's configuration cannot be read: {failure}");
            findings.push(Finding::warning(ID, "", what, failure.hint().unwrap_or_default()));
        }
        Some(Ok(stored)) => {
            findings.extend(changed(&changes(stored, cluster, scene.inputs.node), !findings.is_empty()));
        }
    }
    findings
}

/// A check that could not be made is not a pass.
fn not_compared() -> Finding {
    let what =
        "the configuration of the cluster that this host runs cannot be read now, so it was not compared with anything";
    let fix = "bring the cluster back first ('kubewright status' says what is wrong), or give the flags or the --config file with \
               which it was made";
    Finding::warning(ID, "kube-system/kubeadm-config", what, fix)
}

/// Neither the API server nor etcd says what the cluster's configuration is, and this run would change manifests: whether
/// those are what the cluster was made with is not known.
fn unknown(scene: &Scene<'_>, why: &str) -> Option<Finding> {
    let edits = &scene.inputs.holding.edits;
    let shown: Vec<String> = edits.iter().map(|(path, edit)| format!("{} ({edit})", path.display())).collect();
    if shown.is_empty() {
        return None;
    }
    let what =
        format!("this host runs a cluster that {why}, and its control plane would be rewritten: {}", shown.join("; "));
    let fix = "give the flags or the --config file with which the cluster was made, or bring etcd back first: run 'crictl logs \
               $(crictl ps -aq --name etcd)'";
    Some(Finding::error(ID, MANIFESTS_DIR, what, fix).vital("what the cluster was made with cannot be compared"))
}

/// What this run would change in the cluster's configuration, as that is stored.
fn changes(stored: &ClusterConfig, wanted: &ClusterConfig, node: &NodeConfig) -> Vec<Difference> {
    let Some(minor) = table::facts(wanted.version.minor) else { return Vec::new() };
    // Deadlines are this command's, and lie in the document only until v1beta3.
    let document = |cluster| encode::uploaded_cluster_configuration(cluster, minor, &node.timeouts);
    let mut all = differences(&document(stored), &document(wanted));
    all.retain(|one| !ADDONS.contains(&one.path.as_str()));
    if stored.version.minor != wanted.version.minor {
        // The rest may follow from that alone.
        all.retain(|one| one.path == "kubernetesVersion");
    }
    all
}

fn changed(changes: &[Difference], is_vital: bool) -> Option<Finding> {
    let mut shown: Vec<String> = changes.iter().take(SHOWN).map(ToString::to_string).collect();
    if shown.is_empty() {
        return None;
    }
    if let more @ 1.. = changes.len().saturating_sub(SHOWN) {
        shown.push(format!("{more} more"));
    }
    let what = format!(
        "this host runs a cluster that was made with another configuration, and its control plane would be rewritten: {}",
        shown.join("; ")
    );
    let fix = "give the flags or the --config file with which the cluster was made; 'kubectl --kubeconfig \
               /etc/kubernetes/admin.conf -n kube-system get configmap kubeadm-config -o yaml' shows what it has. Use \
               another host for a new cluster";
    let finding = Finding::error(ID, "kube-system/kubeadm-config", what, fix);
    Some(if is_vital { finding.vital(REASON) } else { finding })
}

const REASON: &str = "the cluster would come up without its data";

/// How the control plane would lose its data, in words.
fn dangers(before: &Data, after: &Data, exists: &dyn Fn(&Path) -> bool) -> Vec<String> {
    let mut dangers = Vec::new();
    if !before.exist(exists) {
        return dangers;
    }
    let shown = |database: &Database| match database {
        Database::Here(directory) => format!("in {}", directory.display()),
        Database::Elsewhere(endpoints) => format!("with the etcd at {}", endpoints.join(", ")),
    };
    if let (Some(old), Some(new)) = (&before.etcd, &after.etcd)
        && !is_same(old, new)
    {
        dangers.push(format!("its data are {}, and would be looked for {}", shown(old), shown(new)));
    }
    if let (Some(file), None) = (&before.encryption, &after.encryption) {
        dangers.push(format!("its Secrets are encrypted as {file} says, and could not be read without that"));
    }
    dangers
}

/// Members of an etcd come and go; one address in common is the same etcd.
fn is_same(old: &Database, new: &Database) -> bool {
    match (old, new) {
        (Database::Here(old), Database::Here(new)) => old == new,
        (Database::Elsewhere(old), Database::Elsewhere(new)) => old.iter().any(|endpoint| new.contains(endpoint)),
        _ => false,
    }
}

fn dangerous(danger: &str) -> Finding {
    let what = format!("this host holds a cluster: {danger}");
    let fix =
        "give the flags or the --config file with which that cluster was made; use another host for a new cluster";
    Finding::error(ID, MANIFESTS_DIR, what, fix).vital(REASON)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::Arg;
    use crate::config::print;
    use crate::versions::Version;

    fn cluster(minor: u16) -> ClusterConfig {
        print::default_cluster(Version::new(minor, 2), table::facts(minor).unwrap())
    }

    fn reported(stored: &ClusterConfig, wanted: &ClusterConfig) -> Vec<String> {
        let node = print::default_node(table::facts(20).unwrap(), "n1");
        changes(stored, wanted, &node).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_plain_init_that_would_drop_flags_of_a_running_cluster_gets_each_of_them_reported() {
        for minor in [20, 36] {
            let (mut stored, wanted) = (cluster(minor), cluster(minor));
            assert_eq!(reported(&stored, &wanted), [""; 0]);
            let arg = Arg { name: "oidc-issuer-url".into(), value: "https://id".into() };
            stored.api_server.extra_args.push(arg);
            stored.networking.pod_subnets = vec!["10.244.0.0/16".parse().unwrap()];
            stored.proxy.disabled = true;
            let expected = [
                "apiServer.extraArgs.oidc-issuer-url: https://id -> unset",
                "networking.podSubnet: 10.244.0.0/16 -> unset",
            ];
            assert_eq!(reported(&stored, &wanted), expected, "v1.{minor}");
        }
    }

    #[test]
    fn another_minor_is_reported_as_such_and_not_by_what_follows_from_it() {
        assert_eq!(reported(&cluster(20), &cluster(36)), ["kubernetesVersion: v1.20.2 -> v1.36.2"]);
    }

    fn data(etcd: Database, encryption: Option<&str>) -> Data {
        Data { etcd: Some(etcd), encryption: encryption.map(str::to_owned) }
    }

    fn elsewhere(endpoints: &[&str]) -> Database {
        Database::Elsewhere(endpoints.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_control_plane_is_not_parted_from_its_data_while_its_api_is_away() {
        let (here, moved) = (Database::Here("/var/lib/etcd".into()), Database::Here("/data/etcd".into()));
        let (theirs, others) = (elsewhere(&["https://a:2379", "https://b:2379"]), elsewhere(&["https://c:2379"]));
        let count = |before: &Database, after: &Database| {
            dangers(&data(before.clone(), None), &data(after.clone(), None), &|_| true).len()
        };
        assert_eq!(count(&here, &here), 0);
        assert_eq!(count(&theirs, &elsewhere(&["https://b:2379", "https://d:2379"])), 0);
        for (before, after) in [(&here, &moved), (&here, &theirs), (&theirs, &here), (&theirs, &others)] {
            assert_eq!(count(before, after), 1, "{before:?} {after:?}");
        }
        let encrypted = data(here.clone(), Some("/etc/enc.yaml"));
        assert_eq!(dangers(&encrypted, &data(here.clone(), None), &|_| true).len(), 1);
        assert_eq!(dangers(&encrypted, &data(here, Some("/etc/new.yaml")), &|_| true).len(), 0);
    }

    #[test]
    fn a_cluster_whose_etcd_never_started_may_be_changed() {
        let (here, moved) = (Database::Here("/var/lib/etcd".into()), Database::Here("/data/etcd".into()));
        let before = data(here, Some("/etc/enc.yaml"));
        assert_eq!(dangers(&before, &data(moved, None), &|_| false), [""; 0]);
        assert_eq!(dangers(&Data::default(), &data(elsewhere(&["https://a:2379"]), None), &|_| true), [""; 0]);
    }
}
