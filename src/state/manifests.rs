//! The static Pod manifests as this run would write them.
//!
//! Reads: the cluster and node configuration, the patches, the CA directories of the host. Writes: nothing.

use crate::base::fault::Result;
use crate::config::model::Etcd;
use crate::context::Context;
use crate::pki::catalog;
use crate::render::patches::Target as PatchTarget;
use crate::render::pods::{self, EtcdMember, PodInput};
use crate::state::patches;
use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::domain::paths::manifest as path;
use crate::state::rotation::signer;

pub(crate) const ETCD: &str = "etcd";
/// The static Pods and their patch targets.
pub(crate) const PODS: &[(&str, PatchTarget)] = &[
    (ETCD, PatchTarget::Etcd),
    ("kube-apiserver", PatchTarget::KubeApiserver),
    ("kube-controller-manager", PatchTarget::KubeControllerManager),
    ("kube-scheduler", PatchTarget::KubeScheduler),
];

/// The existing manifests on this host that are identical to those of this run.
pub fn up_to_date(cx: &Context) -> Result<BTreeSet<PathBuf>> {
    let mut same = BTreeSet::new();
    for (pod, _) in PODS {
        let path = path(pod);
        if let Some(there) = cx.host.files.read_text(&path)?
            && text(cx, pod)?.as_ref() == Some(&there)
        {
            same.insert(path);
        }
    }
    Ok(same)
}

/// The manifest of a static Pod as this run would write it, including patches; None for an external etcd.
pub fn text(cx: &Context, pod: &str) -> Result<Option<String>> {
    let (Some(text), Some((_, target))) = (render(cx, pod, &[])?, PODS.iter().find(|(name, _)| *name == pod)) else {
        return Ok(None);
    };
    Ok(Some(patches::load(cx)?.apply(*target, &text)?))
}

/// True if every manifest of this control plane exists as this run would write it.
pub fn are_all_written(cx: &Context) -> Result<bool> {
    let mut wanted = 0;
    for (pod, _) in PODS {
        wanted += usize::from(render(cx, pod, &[])?.is_some());
    }
    Ok(up_to_date(cx)?.len() == wanted)
}

/// The manifest of a Pod before patches; None for an external etcd.
pub(crate) fn render(cx: &Context, pod: &str, members: &[EtcdMember]) -> Result<Option<String>> {
    let (cluster, node) = (cx.cluster()?, cx.node()?);
    let ca = catalog::cert("ca")?;
    let key = cluster.certificates_dir.join(format!("{}.key", ca.base));
    let input = PodInput {
        cluster,
        node,
        facts: cx.facts()?,
        environment: &cx.vars,
        host_has: &|path| cx.host.files.exists(path),
        external_ca: !cx.host.files.exists(&key),
    };
    Ok(match (pod, &cluster.etcd) {
        (ETCD, Etcd::External(_)) => None,
        (ETCD, Etcd::Local(local)) => Some(pods::etcd(&input, local, members)?),
        ("kube-apiserver", _) => Some(pods::kube_apiserver(&input)?),
        ("kube-controller-manager", _) => Some(signer::for_bundle(cx, pods::kube_controller_manager(&input)?)?),
        _ => Some(pods::kube_scheduler(&input)?),
    })
}

/// The static Pods of a control plane.
pub fn pod_names() -> impl Iterator<Item = &'static str> {
    PODS.iter().map(|(pod, _)| *pod)
}
