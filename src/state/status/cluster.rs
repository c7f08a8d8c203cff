//! What the API shows: nodes, control planes, addons, tokens, and what is under way. Nine requests, all at once after the first.
//!
//! Reads: nodes and their Leases, Pods, Deployments, `DaemonSets`, bootstrap tokens, `cluster-info`, the Lease of kubewright.
//! Writes: nothing.

use super::objects;
use super::under_way;
use super::view::{Addon, Api, PodNetwork, Tokens, Unknown, View};
use crate::base::sanitize;
use crate::context::Context;
use crate::kube::KubeError;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{CONFIG_MAP, DAEMON_SET, DEPLOYMENT, LEASE, NODE, ObjectRef, POD};
use crate::kube::token;
use crate::pki::moment;
use crate::state::own_api;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const SYSTEM: &str = "kube-system";
/// How long each answer of this host's own API server may take.
const OWN: Duration = Duration::from_millis(800);
const NODE_LEASES: &str = "kube-node-lease";

type Answer<T> = Result<T, KubeError>;

/// The answers of the API.
struct Answers {
    nodes: Answer<Vec<Value>>,
    leases: Answer<Vec<Value>>,
    pods: Answer<Vec<Value>>,
    daemon_sets: Answer<Vec<Value>>,
    dns: Answer<Option<Value>>,
    tokens: Answer<Tokens>,
    info: Answer<Option<Value>>,
    lease: Answer<Option<Value>>,
}

/// The parts of the view that the API shows. `of_kubelet`: asked with the credentials of this host's kubelet.
pub(super) fn read(cx: &Context, kubeconfig: &Path, of_kubelet: bool) -> View {
    let mut api = Api { kubeconfig: kubeconfig.into(), ..Api::default() };
    api.server = crate::context::access::access(cx, kubeconfig).map(|access| access.server).unwrap_or_default();
    let cluster = match cx.hasty_cluster(kubeconfig) {
        Ok(cluster) => cluster,
        Err(failure) => {
            let why = format!("{} cannot be used: {failure}", kubeconfig.display());
            return View { unknown: vec![Unknown::failed("the API", why)], ..View::default() };
        }
    };
    let own = if of_kubelet { cx.node().ok().map(|node| node.name.clone()) } else { None };
    let view = of(&cluster, api, own.as_deref(), cx.host.clock.now());
    match &view.api {
        Some(api) if !api.responds => from_own_server(cx, kubeconfig, api, own.as_deref()).unwrap_or(view),
        _ => view,
    }
}

/// What the API server of this host shows, where the address in the kubeconfig leads nowhere, as that of a load balancer that is down.
fn from_own_server(cx: &Context, kubeconfig: &Path, api: &Api, own: Option<&str>) -> Option<View> {
    let (server, cluster) = own_api::cluster(cx, kubeconfig, OWN).ok()??;
    let view = of(&cluster, Api::default(), own, cx.host.clock.now());
    let is_ready = view.api.as_ref().is_some_and(|api| api.ready);
    is_ready.then(|| View { api: Some(Api { asked_instead: Some(server), ..api.clone() }), ..view })
}

pub(super) fn of(cluster: &Cluster, mut api: Api, own: Option<&str>, now: i64) -> View {
    match cluster.text("/readyz") {
        Ok((200, _)) => (api.ready, api.responds) = (true, true),
        Ok((status, text)) => {
            api.responds = true;
            let failed: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("[-]")).collect();
            let words = if failed.is_empty() { sanitize::line(&text) } else { sanitize::line(&failed.join(", ")) };
            api.problem = Some(format!("it responds with status {status}: {words}"));
        }
        Err(error) => {
            api.problem = Some(error.to_string());
            return View { api: Some(api), ..View::default() };
        }
    }
    let answers = ask(cluster, own, now);
    let mut view = View { api: Some(api), ..View::default() };
    fill(&mut view, answers, own, now);
    view
}

fn ask(cluster: &Cluster, own: Option<&str>, now: i64) -> Answers {
    let info = ObjectRef::new(&CONFIG_MAP, "kube-public", "cluster-info");
    let lease = ObjectRef::new(&LEASE, SYSTEM, "kubewright");
    let dns = ObjectRef::new(&DEPLOYMENT, SYSTEM, "coredns");
    std::thread::scope(|scope| {
        let nodes = scope.spawn(|| cluster.list(&NODE, None, ""));
        let leases = scope.spawn(|| match own {
            // A kubelet may read only its own.
            Some(name) => Ok(cluster.find(&ObjectRef::new(&LEASE, NODE_LEASES, name))?.into_iter().collect()),
            None => cluster.list(&LEASE, Some(NODE_LEASES), ""),
        });
        let pods = scope.spawn(|| match own {
            Some(name) => cluster.pods_of(name),
            None => cluster.list(&POD, Some(SYSTEM), ""),
        });
        let daemon_sets = scope.spawn(|| cluster.list(&DAEMON_SET, None, ""));
        let dns = scope.spawn(|| cluster.find(&dns));
        let tokens = scope.spawn(|| tokens(cluster, now));
        let info = scope.spawn(|| cluster.find(&info));
        let lease = scope.spawn(|| cluster.find(&lease));
        Answers {
            nodes: joined(nodes.join()),
            leases: joined(leases.join()),
            pods: joined(pods.join()),
            daemon_sets: joined(daemon_sets.join()),
            dns: joined(dns.join()),
            tokens: joined(tokens.join()),
            info: joined(info.join()),
            lease: joined(lease.join()),
        }
    })
}

fn joined<T>(ended: std::thread::Result<Answer<T>>) -> Answer<T> {
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn tokens(cluster: &Cluster, now: i64) -> Answer<Tokens> {
    let (all, _) = token::list(cluster)?;
    let ends: Vec<Option<i64>> = all.iter().map(|token| token::ends_at(token, now)).collect();
    let valid: Vec<Option<i64>> = ends.into_iter().filter(|end| end.is_none_or(|end| end > now)).collect();
    Ok(Tokens { valid: valid.len(), next_expiry: valid.into_iter().flatten().min().map(moment::text) })
}

fn fill(view: &mut View, answers: Answers, own: Option<&str>, now: i64) {
    let mut unknown = Vec::new();
    let mut seen = |what: &str, error: KubeError| {
        let is_allowed = !(error.is_forbidden() || error.is_unauthorized() && own.is_some());
        unknown.push(if is_allowed {
            Unknown::failed(what, error.to_string())
        } else {
            Unknown::elsewhere(what, "these credentials do not allow it")
        });
    };
    let leases = answers.leases.unwrap_or_else(|error| {
        seen("the clocks of the nodes", error);
        Vec::new()
    });
    match answers.nodes {
        Ok(nodes) => view.nodes = Some(objects::nodes(&nodes, &leases)),
        Err(error) => seen("nodes", error),
    }
    match (answers.pods, &view.nodes) {
        // A kubelet sees the Pods of its own node only.
        (Ok(pods), Some(nodes)) if own.is_none() => {
            let planes = objects::control_planes(nodes, &pods);
            view.etcd = objects::etcd(&planes);
            view.control_planes = Some(planes);
        }
        (Ok(_), _) => {}
        (Err(error), _) => seen("the components of control planes", error),
    }
    if own.is_some() {
        seen_elsewhere(view, &["the components of control planes", "etcd"]);
    }
    let daemon_sets = match answers.daemon_sets {
        Ok(sets) => Some(sets.iter().map(objects::addon).collect::<Vec<Addon>>()),
        Err(error) => {
            seen("kube-proxy and the Pod network", error);
            None
        }
    };
    match answers.dns {
        Ok(dns) => {
            let proxy = daemon_sets.iter().flatten().filter(|one| one.name == "kube-proxy" && one.namespace == SYSTEM);
            view.addons = Some(dns.iter().map(objects::addon).chain(proxy.cloned()).collect());
        }
        Err(error) => seen("CoreDNS", error),
    }
    if let (Some(sets), Some(nodes)) = (daemon_sets, &view.nodes) {
        let addons = sets.into_iter().filter(objects::is_network).collect();
        let lacks = |problem: &String| problem.to_lowercase().contains("cni") || problem.contains("NetworkPlugin");
        let without =
            nodes.iter().filter(|node| node.problem.as_ref().is_some_and(lacks)).map(|node| node.name.clone());
        view.pod_network = Some(PodNetwork { addons, without: without.collect() });
    }
    match answers.tokens {
        Ok(tokens) => view.tokens = Some(tokens),
        Err(error) => seen("tokens", error),
    }
    match (answers.lease, answers.info) {
        (Ok(lease), Ok(info)) => view.under_way = Some(under_way::in_cluster(lease.as_ref(), info.as_ref(), now)),
        (Err(error), _) | (_, Err(error)) => seen("what is under way in the cluster", error),
    }
    view.unknown.extend(unknown);
}

fn seen_elsewhere(view: &mut View, parts: &[&str]) {
    let why = "only a control plane or an administrator's kubeconfig shows it";
    view.unknown.extend(parts.iter().map(|part| Unknown::elsewhere(*part, why)));
}

#[cfg(test)]
mod tests;
