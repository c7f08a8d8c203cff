//! What `apply` and other commands would change on each host: the files of new control planes, and how those of running ones
//! differ from what the file says. Nothing is changed.

use super::changing::patches;
use super::error::FleetError;
use super::link::Link;
use super::plan::{Action, HostPlan, Plan, Wanted, wanted_cluster, wanted_proxy};
use super::survey::{Seen, Trouble};
use crate::base::fault::Result;
use crate::base::parallel::for_each_of;
use crate::base::sanitize;
use crate::base::secret::Secret;
use crate::config::cluster::{ClusterFile, Role};
use crate::report::file_difference::{CONTEXT, FileDifference, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// The most lines of a plan.
const LONGEST: usize = 100_000;

/// The differences of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Differences {
    /// The cluster's configuration as it is stored; None if nothing in it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<FileDifference>,
    /// The same of kube-proxy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube_proxy: Option<FileDifference>,
    pub hosts: Vec<HostDifferences>,
}

/// The differences of a host.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostDifferences {
    pub host: String,
    pub role: Role,
    /// What `apply` does with it.
    pub plan: String,
    /// The files of a running control plane that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileDifference>,
    /// What `init` would do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its certificates are renewed, which is not shown as files.
    #[serde(skip)]
    pub renews: bool,
    #[serde(skip)]
    pub trouble: Option<Trouble>,
}

/// The answer of `host diff`.
#[derive(Deserialize)]
struct Answer {
    files: Vec<FileDifference>,
}

impl Differences {
    /// True if something differs.
    pub fn any(&self) -> bool {
        self.cluster.is_some()
            || self.kube_proxy.is_some()
            || self.hosts.iter().any(|host| host.renews || !host.files.is_empty() || !host.changes.is_empty())
    }
}

/// Asks every host that has, or would get, a control plane.
pub fn differences(file: &ClusterFile, plan: &Plan, seen: &[Seen], links: &[Link<'_>]) -> Differences {
    let through = super::plan::through(file, seen).and_then(|at| seen.get(at)?.cluster());
    let stored = through.and_then(|cluster| cluster.configuration.as_deref());
    // What cannot be merged is an error of the plan.
    let wanted = stored.and_then(|stored| match wanted_cluster(file, stored) {
        Some(Ok(wanted)) => Some(wanted),
        Some(Err(_)) => None,
        None => {
            let stored: Value = crate::config::untrusted::value(stored.as_bytes()).ok()?;
            Some(Wanted { before: stored.clone(), after: stored })
        }
    });
    let places: Vec<(&HostPlan, &Link<'_>)> = plan.hosts.iter().zip(links).collect();
    let hosts = for_each_of(&places, file.limits.parallel, |(host, link)| {
        let mut found = HostDifferences {
            host: host.host.clone(),
            role: host.role,
            plan: host.shown(),
            renews: host.renewal.is_some(),
            files: Vec::new(),
            changes: Vec::new(),
            error: None,
            trouble: None,
        };
        let outcome = match (host.action, host.role, &wanted) {
            (Action::Init, ..) => init(file, link).map(|changes| found.changes = changes),
            // With certificates that have expired, the host does not see the cluster.
            (Action::Unchanged, Role::ControlPlane, Some(wanted)) if !host.has_expired() => {
                running(file, plan.documents.as_ref(), wanted, link).map(|files| found.files = files)
            }
            _ => Ok(()),
        };
        if let Err(failure) = outcome {
            let trouble = Trouble::of(&failure);
            found.error = Some(trouble.why.clone());
            found.trouble = Some(trouble);
        }
        found
    });
    let shown = |path: &str, wanted: Wanted| {
        let Wanted { before, after } = wanted;
        let shown = FileDifference::new(Path::new(path), Some(&before.to_string()), Some(&after.to_string()), CONTEXT);
        (shown.state != State::Unchanged).then_some(shown)
    };
    let proxy = through.and_then(|cluster| wanted_proxy(file, cluster));
    Differences {
        cluster: wanted.and_then(|wanted| shown("ConfigMap kube-system/kubeadm-config, ClusterConfiguration", wanted)),
        kube_proxy: proxy.and_then(|wanted| shown("ConfigMap kube-system/kube-proxy, config.conf", wanted)),
        hosts,
    }
}

/// What `init` would do on a host, one line each.
fn init(file: &ClusterFile, link: &Link<'_>) -> Result<Vec<String>> {
    let mut words = vec!["init", "--config", "-", "--dry-run", "--skip-token-print"];
    if let Some(network) = file.pod_network.as_ref().filter(|network| network.manifest.is_none()) {
        words.extend(["--pod-network", &network.given]);
    }
    let mut lines = Vec::new();
    let documents = file.init_documents(link.host);
    let ran = link.run(&words, documents.expose().as_bytes(), &mut |line| {
        lines.push(sanitize::indented(line));
        lines.len() < LONGEST
    })?;
    if ran.code == 0 { Ok(lines) } else { Err(FleetError::of_output(ran.code, &ran.stderr).into()) }
}

/// The files of a running control plane that differ.
fn running(
    file: &ClusterFile,
    documents: Option<&Secret<String>>,
    wanted: &Wanted,
    link: &Link<'_>,
) -> Result<Vec<FileDifference>> {
    let mut words = vec!["host", "diff"];
    let patches = patches(file);
    if let Some(patches) = &patches {
        words.extend(["--patches", patches]);
    }
    let stored = Secret::new(wanted.after.to_string());
    let answer: Answer = link.ask(&words, documents.unwrap_or(&stored).expose().as_bytes())?;
    let clean = |mut file: FileDifference| {
        file.path = sanitize::line(&file.path);
        file.diff = file.diff.lines().map(|line| sanitize::indented(line) + "\n").collect();
        file
    };
    Ok(answer.files.into_iter().map(clean).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::env::Clock;
    use crate::fleet::plan::plan;
    use crate::fleet::survey::survey;
    use crate::fleet::test_hosts::{TestHosts, file};
    use crate::fleet::watch::Unwatched;
    use serde_json::json;

    fn compared(file: &ClusterFile, hosts: &TestHosts) -> Differences {
        let links: Vec<Link<'_>> = file.hosts.iter().map(|host| Link::new(host, hosts)).collect();
        let seen = survey(&links, 1, &Clock::fixed(0), &Unwatched);
        differences(file, &plan(file, &seen), &seen, &links)
    }

    #[test]
    fn a_new_control_plane_shows_its_plan_and_a_joining_host_is_not_asked() {
        let hosts = TestHosts::default();
        for name in ["c1", "w1"] {
            hosts.on(
                name,
                "host facts",
                &[&json!({ "hostname": name, "machineId": name, "kubelet": "v1.30.1", "clock": 0 }).to_string()],
            );
        }
        hosts.on("c1", "init --config - --dry-run", &["certs:", "  create \x1b[2J/etc/x"]);
        let found = compared(&file("hosts:\n- {ssh: c1, role: control-plane}\n- {ssh: w1}\n"), &hosts);
        assert_eq!(found.hosts[0].changes, ["certs:", "  create  [2J/etc/x"]);
        assert_eq!((found.hosts[1].plan.as_str(), found.any(), &found.cluster), ("join", true, &None));
        hosts.all_used();
    }

    /// The host compares with the whole configuration: what is stored, with what the file gives.
    #[test]
    fn a_running_control_plane_is_compared_with_what_the_file_changes() {
        let hosts = TestHosts::default();
        let stored = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.30.1\n\
                      networking: {podSubnet: 10.9.0.0/16}\napiServer: {certSANs: [a.example]}\n";
        let facts = json!({
            "hostname": "c1", "machineId": "c1", "kubelet": "v1.30.1", "clock": 0,
            "node": { "name": "c1", "controlPlane": true, "etcd": true, "pins": ["ca"] },
            "cluster": { "configuration": stored, "nodes": [{ "name": "c1", "machineId": "c1", "controlPlane": true, "ready": true }] },
        });
        hosts.on("c1", "host facts", &[&facts.to_string()]);
        hosts.on(
            "c1",
            "host diff",
            &[r#"{"compared": 5, "files": [{"path": "/x", "state": "changed", "diff": "-a\n+b\n"}]}"#],
        );
        let text = "hosts:\n- {ssh: c1, role: control-plane}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n\
                    scheduler: {extraArgs: [{name: v, value: '4'}]}\n";
        let found = compared(&file(text), &hosts);
        assert_eq!(found.hosts[0].files[0].diff, "-a\n+b\n");
        assert!(found.cluster.unwrap().diff.contains("+    v: \"4\"\n"));
        let asked = hosts.asked.lock().unwrap();
        let sent: Value = serde_json::from_str(asked.last().unwrap().1.trim_start_matches("---\n")).unwrap();
        assert_eq!(sent["networking"]["podSubnet"], "10.9.0.0/16");
        assert_eq!(
            (&sent["apiServer"]["certSANs"][0], &sent["scheduler"]["extraArgs"]["v"]),
            (&json!("a.example"), &json!("4"))
        );
    }
}
