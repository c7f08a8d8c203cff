//! The changed configuration of kube-proxy: it is stored, and kube-proxy is restarted on one node after the other.
//!
//! The ConfigMap keeps the former configuration until all nodes have the new one, so an interrupted change is seen and goes on. If
//! kube-proxy does not stay up on a node, the former configuration is stored again, and what was restarted is restarted with it. The
//! rules in the kernel stay meanwhile.
//!
//! Reads: the ConfigMap, the DaemonSet and the Pods of kube-proxy. Writes: the ConfigMap `kube-system/kube-proxy` and the DaemonSet.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::go_yaml;
use crate::base::sanitize;
use crate::base::wait::{Poll, Wait};
use crate::config::Kind;
use crate::config::difference::differences;
use crate::context::{Context, Run, Upgrading};
use crate::kube::cluster::Cluster;
use crate::kube::kind::POD;
use crate::kube::request::PatchKind;
use crate::pipeline::{Phase, Target};
use crate::state::kube_proxy::{CONFIG, FORMER, KubeProxy, config_map, daemon_set};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// The annotation of its Pods with the hash of the configuration that they have read.
const HASH: &str = "kubewright.io/config-hash";
/// So long its container must run before the next node follows: it has no readiness probe.
const STEADY: u64 = 10;
/// So long no node may make progress.
const STALL: Duration = Duration::from_mins(3);
/// So often it may exit. Once does not count: it may do so when the kubelet replaces its file.
const EXITS: u64 = 2;
/// What the kubelet says, with status 200, where a container is removed.
const NO_LOG: &str = "unable to retrieve container logs";
/// All nodes.
const LIMIT: Duration = Duration::from_hours(6);

/// Why it has the former configuration.
#[derive(Debug, thiserror::Error)]
enum ProxyError {
    #[error("kube-proxy is not ready on {missing} of {wanted} nodes; nothing was changed")]
    NotReady { missing: u64, wanted: u64 },
    #[error("kube-proxy is not restarted: the update strategy of its DaemonSet is OnDelete; nothing was changed")]
    OnDelete,
    #[error("{why}")]
    Stopped { why: String },
    #[error("kube-proxy did not stay up with the changed configuration: {why}; {outcome}")]
    WentBack { why: String, outcome: String },
}

impl Fault for ProxyError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotReady { .. } | Self::OnDelete => ExitCode::Refused,
            Self::Stopped { .. } | Self::WentBack { .. } => ExitCode::Unhealthy,
        }
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotReady { .. } => {
                "run 'kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide' to see where".into()
            }
            Self::OnDelete => {
                "set spec.updateStrategy.type of the DaemonSet kube-system/kube-proxy to RollingUpdate".into()
            }
            Self::Stopped { .. } | Self::WentBack { .. } => {
                "correct the KubeProxyConfiguration in the file, and apply it again".into()
            }
        })
    }
}

pub struct ChangeKubeProxy;

impl Phase<Upgrading> for ChangeKubeProxy {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        let wanted = cx.cluster()?.kube_proxy.clone();
        let cluster = cx.new_cluster()?;
        match KubeProxy::find(&cluster)? {
            // Nothing is given: what was interrupted goes on.
            Some(there) if wanted.is_empty() => change(cx, &cluster, &there, &there.document(), &rolled_out),
            Some(there) => change(cx, &cluster, &there, &wanted, &rolled_out),
            None if wanted.is_empty() => Ok(()),
            None => {
                cx.events.message("the cluster does not have kube-proxy: its configuration is left alone");
                Ok(())
            }
        }
    }
}

/// Waits until kube-proxy runs with what is stored on all nodes.
type RollOut<'a> = &'a dyn Fn(&Context, &Cluster) -> Result<()>;

fn change(
    cx: &Context,
    cluster: &Cluster,
    there: &KubeProxy,
    wanted: &Map<String, Value>,
    wait: RollOut<'_>,
) -> Result<()> {
    let is_same = differences(&Value::Object(there.document()), &Value::Object(wanted.clone())).is_empty();
    let former = there.former();
    if is_same && former.is_none() {
        return Ok(());
    }
    let before = &there.daemons;
    if before["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return Err(ProxyError::OnDelete.into());
    }
    let status = |field: &str| before["status"][field].as_u64().unwrap_or_default();
    let (ready, all) = (status("numberReady"), status("desiredNumberScheduled"));
    if former.is_none() && ready < all {
        return Err(ProxyError::NotReady { missing: all - ready, wanted: all }.into());
    }
    let text = if is_same { there.text().to_owned() } else { written(wanted) };
    // What an interrupted change has set goes with it.
    let set_before = &before["spec"]["minReadySeconds"];
    let steady = if former.is_some() && *set_before == STEADY { Value::Null } else { set_before.clone() };
    // Of a change from the beginning, the Pods that were not restarted are as they were.
    let mark_before = match former {
        Some(former) => json!(hash(former)),
        None => before["spec"]["template"]["metadata"]["annotations"][HASH].clone(),
    };
    let former = former.unwrap_or(there.text()).to_owned();
    store(cluster, &text, Some(&former))?;
    restart(cluster, &json!(hash(&text)), &json!(STEADY))?;
    if let Err(failure) = wait(cx, cluster) {
        cx.events.warning("kube-proxy did not stay up with the changed configuration: it gets the former one");
        let back = || -> Result<()> {
            store(cluster, &former, Some(&former))?;
            restart(cluster, &mark_before, &json!(STEADY))?;
            wait(cx, cluster)?;
            restart(cluster, &mark_before, &steady)?;
            store(cluster, &former, None)
        };
        let outcome = match back() {
            Ok(()) => "it runs with its former configuration again".to_owned(),
            Err(other) => format!("its former configuration is stored again, but {other}"),
        };
        return Err(ProxyError::WentBack { why: failure.to_string(), outcome }.into());
    }
    restart(cluster, &json!(hash(&text)), &steady)?;
    store(cluster, &text, None)?;
    cx.events.message("kube-proxy runs with its changed configuration on all nodes");
    Ok(())
}

/// The configuration as the ConfigMap has it.
fn written(document: &Map<String, Value>) -> String {
    let mut whole = document.clone();
    whole.insert("apiVersion".into(), json!(Kind::KubeProxy.fixed_api()));
    whole.insert("kind".into(), json!(Kind::KubeProxy.name()));
    go_yaml::to_string(&Value::Object(whole)).trim_end().to_owned()
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Stores the configuration, with the former one as long as the change has not ended. The other keys stay.
fn store(cluster: &Cluster, text: &str, former: Option<&str>) -> Result<()> {
    let patch = json!({ "metadata": { "annotations": { FORMER: former } }, "data": { CONFIG: text } });
    cluster.patch(&config_map(), PatchKind::Merge, &patch)?;
    Ok(())
}

/// Lets the DaemonSet replace the Pods that do not have this mark.
fn restart(cluster: &Cluster, mark: &Value, steady: &Value) -> Result<()> {
    let template = json!({ "metadata": { "annotations": { HASH: mark } } });
    let patch = json!({ "spec": { "template": template, "minReadySeconds": steady } });
    cluster.patch(&daemon_set(), PatchKind::Merge, &patch)?;
    Ok(())
}

/// Waits until it runs with the template on all nodes; fails as soon as it exits again and again on one.
fn rolled_out(cx: &Context, cluster: &Cluster) -> Result<()> {
    let clock = &cx.host.clock;
    let (mut reached, mut since) = (0, clock.monotonic());
    cx.host.gate.effect(|| {
        Wait { slowest: Duration::from_secs(2), ..Wait::new("kube-proxy on all nodes", LIMIT) }.until(
            clock,
            &cx.events,
            || {
                let daemons = cluster.read(&daemon_set())?;
                let status = |field: &str| daemons["status"][field].as_u64().unwrap_or_default();
                let is_seen = status("observedGeneration") >= daemons["metadata"]["generation"].as_u64().unwrap_or(1);
                let (all, updated) = (status("desiredNumberScheduled"), status("updatedNumberScheduled"));
                if is_seen && updated >= all && status("numberAvailable") >= all {
                    return Ok(Poll::Ready(()));
                }
                let pods = cluster.list(&POD, Some("kube-system"), "")?;
                let mark = &daemons["spec"]["template"]["metadata"]["annotations"][HASH];
                let own: Vec<&Value> = pods.iter().filter(|pod| is_of(pod, mark)).collect();
                if let Some(why) = own.iter().find_map(|pod| exits(cluster, pod)) {
                    return Err(ProxyError::Stopped { why }.into());
                }
                let now = clock.monotonic();
                if updated > reached {
                    (reached, since) = (updated, now);
                }
                let shown = format!("{updated} of {all} nodes");
                if now.saturating_sub(since) > STALL {
                    let why = own
                        .iter()
                        .find_map(|pod| waits(pod))
                        .unwrap_or_else(|| format!("it is restarted on {shown}, and no further one follows"));
                    return Err(ProxyError::Stopped { why }.into());
                }
                Ok(Poll::Pending(shown))
            },
        )
    })?;
    Ok(())
}

/// True for a Pod of kube-proxy with this mark.
fn is_of(pod: &Value, mark: &Value) -> bool {
    pod["metadata"]["labels"]["k8s-app"] == "kube-proxy" && pod["metadata"]["annotations"][HASH] == *mark
}

/// The last words of a Pod that exits again and again.
fn exits(cluster: &Cluster, pod: &Value) -> Option<String> {
    let status = &pod["status"]["containerStatuses"][0];
    if status["ready"] == true || status["restartCount"].as_u64().unwrap_or_default() < EXITS {
        return None;
    }
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let path = format!("/api/v1/namespaces/kube-system/pods/{name}/log");
    // The last container may be removed already, and the next one not have said anything.
    let said = [path.clone(), path + "?previous=true"].iter().find_map(|path| {
        let (_, text) = cluster.text(path).ok().filter(|(code, _)| *code == 200)?;
        last_words(&text)
    });
    let said = said.map(|said| format!(": {said}")).unwrap_or_default();
    Some(format!("it exits on {}{said}", node_of(pod)))
}

/// The line of a log that says why its process exits: the last one of the highest severity. Stacks may follow it.
fn last_words(log: &str) -> Option<String> {
    let lines: Vec<&str> = log.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let of = |severity: char| {
        let is_one = |line: &&&str| {
            let rest = line.strip_prefix(severity);
            rest.is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
        };
        lines.iter().rev().find(is_one)
    };
    let line = of('F').or_else(|| of('E')).or(lines.last())?;
    (!line.starts_with(NO_LOG)).then(|| sanitize::line(line))
}

/// Why a Pod does not start.
fn waits(pod: &Value) -> Option<String> {
    let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
    let part = |field: &str| waiting[field].as_str().unwrap_or_default();
    (!part("reason").is_empty()).then(|| format!("{} on {}: {}", part("reason"), node_of(pod), part("message")))
}

fn node_of(pod: &Value) -> &str {
    pod["spec"]["nodeName"].as_str().unwrap_or("a node")
}

#[cfg(test)]
mod tests;
