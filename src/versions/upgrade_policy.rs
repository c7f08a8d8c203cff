//! Which version a cluster may be upgraded to: one set of rules for the plan of an upgrade and for the upgrade itself.
//!
//! The rules are those of Kubernetes' version skew policy and of kubeadm. A violation is either fatal, or it is left to the user's
//! decision to force the upgrade.

mod path;
#[cfg(test)]
mod tests;

use super::table::{OLDEST, newest};
use super::version::Version;
use serde::Serialize;

pub use path::hops;

/// Since this minor version a kubelet may be three minor versions older than the API servers; before, two.
const THREE_BEHIND: u16 = 25;

/// A component of a node, and its version if it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Running {
    /// The name of the node.
    pub node: String,
    pub version: Option<Version>,
}

/// What runs in a cluster, and what it is to become.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    pub target: &'a Version,
    /// The API servers.
    pub api_servers: &'a [Running],
    /// The kubelets of all nodes.
    pub kubelets: &'a [Running],
    /// kube-proxy, if the cluster has it.
    pub kube_proxy: Option<&'a Version>,
    /// Alpha and beta versions are wanted.
    pub allow_experimental: bool,
    /// Release candidates are wanted.
    pub allow_release_candidates: bool,
}

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Rule {
    /// The version of the cluster must be known.
    ClusterVersionKnown,
    /// This program must know the minor version.
    SupportedVersion,
    /// No control plane skips a minor version.
    NoSkippedMinor,
    /// Control planes do not go back by more than one minor version.
    NoDowngradeOfMinors,
    /// Control planes do not go back.
    NoDowngrade,
    /// API servers are at most one minor version apart.
    ApiServerSkew,
    /// Pre-releases are only used on request.
    PreRelease,
    /// The versions of all kubelets must be known.
    KubeletVersionsKnown,
    /// A kubelet is not too old for the API servers.
    KubeletTooOld,
    /// A kubelet is not newer than the API servers.
    KubeletTooNew,
    /// kube-proxy is neither newer nor too old.
    KubeProxySkew,
}

/// What a violation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// The upgrade is refused.
    Fatal,
    /// The upgrade is refused unless the user forces it.
    NeedsForce,
}

/// A rule that an upgrade would violate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub rule: Rule,
    pub class: Class,
    /// The node, or `cluster`.
    #[serde(rename = "where")]
    pub place: String,
    pub what: String,
    pub fix: String,
}

/// Every violation, fatal ones first.
pub fn violations(situation: &Situation<'_>) -> Vec<Violation> {
    let mut found = of_target(situation);
    found.extend(of_kubelets(situation));
    found.extend(of_kube_proxy(situation));
    found.sort_by_key(|violation| violation.class);
    found
}

fn violation(rule: Rule, class: Class, place: &str, what: String, fix: impl Into<String>) -> Violation {
    Violation { rule, class, place: place.into(), what, fix: fix.into() }
}

/// The version of the cluster: that of its newest API server.
pub fn cluster_version(api_servers: &[Running]) -> Option<&Version> {
    api_servers.iter().filter_map(|server| server.version.as_ref()).max()
}

fn of_target(situation: &Situation<'_>) -> Vec<Violation> {
    const CLUSTER: &str = "cluster";
    let target = situation.target;
    let mut found = Vec::new();
    let mut add = |rule, class, what, fix: String| found.push(violation(rule, class, CLUSTER, what, fix));
    if target.major != 1 || !(OLDEST..=newest()).contains(&target.minor) {
        let what = format!("{target} is not supported; supported versions are v1.{OLDEST} to v1.{}", newest());
        add(Rule::SupportedVersion, Class::Fatal, what, "use a supported version".into());
    }
    let Some(cluster) = cluster_version(situation.api_servers) else {
        let what = "the version of no API server is known".to_owned();
        let fix = "run 'kubectl -n kube-system get pods -l component=kube-apiserver' to see what runs".to_owned();
        add(Rule::ClusterVersionKnown, Class::Fatal, what, fix);
        return found;
    };
    if target.minor > cluster.minor.saturating_add(1) {
        let what = format!(
            "{target} is {} minor versions newer than the cluster ({cluster}); control planes cannot skip one",
            target.minor.saturating_sub(cluster.minor)
        );
        let fix =
            format!("run 'kubewright upgrade apply --to {target}', which goes through all minor versions in between");
        add(Rule::NoSkippedMinor, Class::Fatal, what, fix);
    }
    if target.minor.saturating_add(1) < cluster.minor {
        let what = format!("{target} is more than one minor version older than the cluster ({cluster})");
        let fix = format!("use {cluster} or newer: older control planes cannot read all of its data");
        add(Rule::NoDowngradeOfMinors, Class::Fatal, what, fix);
    } else if target < cluster {
        let what = format!("{target} is older than the cluster ({cluster}); Kubernetes does not support downgrades");
        add(Rule::NoDowngrade, Class::NeedsForce, what, format!("use {cluster} or newer"));
    }
    if !target.pre.is_empty() {
        let is_candidate = target.pre.starts_with("rc");
        let (allowed, flag) = if is_candidate {
            (situation.allow_release_candidates || situation.allow_experimental, "--allow-release-candidate-upgrades")
        } else {
            (situation.allow_experimental, "--allow-experimental-upgrades")
        };
        if !allowed {
            let what = format!("{target} is a pre-release");
            add(Rule::PreRelease, Class::NeedsForce, what, format!("use a release, or add {flag}"));
        }
    }
    for server in situation.api_servers {
        let Some(version) = server.version.as_ref().filter(|version| version.minor.saturating_add(1) < target.minor)
        else {
            continue;
        };
        // The cluster as a whole skips a minor version, which is reported above.
        if version.minor == cluster.minor {
            continue;
        }
        let what = format!("the API server is {version}, more than one minor version older than {target}");
        let fix = format!("upgrade this control plane to {cluster} first");
        found.push(violation(Rule::ApiServerSkew, Class::Fatal, &server.node, what, fix));
    }
    found
}

/// By how many minor versions a kubelet may be older than the API servers.
fn allowed_lag(kubelet: &Version) -> u16 {
    if kubelet.minor >= THREE_BEHIND { 3 } else { 2 }
}

fn of_kubelets(situation: &Situation<'_>) -> Vec<Violation> {
    let target = situation.target;
    let of = |kubelet: &Running| {
        let Some(version) = &kubelet.version else {
            let what = "the version of the kubelet is not known".to_owned();
            let fix = format!("run 'kubectl get node {}' and start its kubelet", kubelet.node);
            return Some(violation(Rule::KubeletVersionsKnown, Class::NeedsForce, &kubelet.node, what, fix));
        };
        let lag = allowed_lag(version);
        if version.minor.saturating_add(lag) < target.minor {
            let what = format!("the kubelet is {version}, more than {lag} minor versions older than {target}");
            let fix = format!("upgrade the kubelet of {} first", kubelet.node);
            return Some(violation(Rule::KubeletTooOld, Class::NeedsForce, &kubelet.node, what, fix));
        }
        (version.minor > target.minor).then(|| {
            let what = format!("the kubelet is {version}, newer than {target}");
            let fix =
                format!("upgrade to v1.{} as well, or install an older kubelet on {}", version.minor, kubelet.node);
            violation(Rule::KubeletTooNew, Class::NeedsForce, &kubelet.node, what, fix)
        })
    };
    situation.kubelets.iter().filter_map(of).collect()
}

fn of_kube_proxy(situation: &Situation<'_>) -> Option<Violation> {
    let (proxy, target) = (situation.kube_proxy?, situation.target);
    let lag = allowed_lag(proxy);
    let how = if proxy.minor > target.minor {
        "newer than".to_owned()
    } else if proxy.minor.saturating_add(lag) < target.minor {
        format!("more than {lag} minor versions older than")
    } else {
        return None;
    };
    let what = format!("kube-proxy is {proxy}, {how} {target}");
    let fix = "run 'kubectl -n kube-system get daemonset kube-proxy -o wide' and set an image of the cluster's version";
    Some(violation(Rule::KubeProxySkew, Class::NeedsForce, "kube-system/kube-proxy", what, fix))
}
