//! The static Pod manifests: etcd, and the components of the control plane.
//!
//! Reads: the cluster's and the node's configuration, the patches, which CA folders the host has.
//! Writes: `/etc/kubernetes/manifests/<component>.yaml`; for etcd also its data folder.

use super::static_pod::MANIFESTS;
use super::{patches, told};
use crate::base::fault::Result;
use crate::base::files::Content;
use crate::config::model::Etcd;
use crate::context::Context;
use crate::pipeline::{Action, Item, Target};
use crate::pki::catalog;
use crate::render::patches::Target as PatchTarget;
use crate::render::pods::{self, EtcdMember, PodInput};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub use super::static_pod::path;

/// Only root may see flags, some of which name credentials.
const MANIFEST_MODE: u32 = 0o600;
/// The manifests folder: what lies there runs as root.
const FOLDER_MODE: u32 = 0o700;
/// etcd refuses a data folder that others can read.
const ETCD_DATA_MODE: u32 = 0o700;

const ETCD: &str = "etcd";
/// The static Pods and the names by which patches are meant for them.
const PODS: &[(&str, PatchTarget)] = &[
    (ETCD, PatchTarget::Etcd),
    ("kube-apiserver", PatchTarget::KubeApiserver),
    ("kube-controller-manager", PatchTarget::KubeControllerManager),
    ("kube-scheduler", PatchTarget::KubeScheduler),
];

/// The manifest of etcd on this host.
pub struct EtcdManifest;

impl Action for EtcdManifest {
    fn done(&self, cx: &mut Context, _: &Target) -> Result<bool> {
        Ok(cx.files.exists(&path(ETCD)))
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        // A kubelet that runs starts the Pod at once; if it lacked its image, it would pull that a second time.
        cx.finish_pulls()?;
        write_etcd(cx, &[])
    }
}

/// Writes the manifest of etcd on this host; `members` is empty for a new cluster.
///
/// # Errors
/// When a patch does not apply or a file cannot be written.
pub fn write_etcd(cx: &Context, members: &[EtcdMember]) -> Result<()> {
    let Etcd::Local(local) = &cx.cluster()?.etcd else { return Ok(()) };
    cx.files.create_dir(&local.data_dir, ETCD_DATA_MODE)?;
    write(cx, ETCD, members)
}

/// The manifest of one component of the control plane.
pub struct ComponentManifest;

impl Action for ComponentManifest {
    fn done(&self, cx: &mut Context, target: &Target) -> Result<bool> {
        Ok(cx.files.exists(&path(&pod_name(target))))
    }

    fn run(&self, cx: &mut Context, target: &Target) -> Result<()> {
        cx.finish_pulls()?;
        write(cx, &pod_name(target), &[])
    }
}

/// The manifests that are on this host already and say what this run would write.
///
/// # Errors
/// When a file cannot be read or a patch does not apply.
pub fn as_we_write_them(cx: &Context) -> Result<BTreeSet<PathBuf>> {
    let mut same = BTreeSet::new();
    for (pod, _) in PODS {
        let path = path(pod);
        if let Some(there) = cx.files.read_text(&path)?
            && text(cx, pod)?.as_ref() == Some(&there)
        {
            same.insert(path);
        }
    }
    Ok(same)
}

/// The manifest of a static Pod as this run would write it, patches included; None for an etcd that others run.
///
/// # Errors
/// When a patch does not apply.
pub fn text(cx: &Context, pod: &str) -> Result<Option<String>> {
    let (Some(text), Some((_, target))) = (render(cx, pod, &[])?, PODS.iter().find(|(name, _)| *name == pod)) else {
        return Ok(None);
    };
    Ok(Some(patches::load(cx)?.apply(*target, &text)?))
}

/// True when every manifest of this control plane is on the host as this run would write it.
///
/// # Errors
/// As [`as_we_write_them`].
pub fn are_all_written(cx: &Context) -> Result<bool> {
    let mut wanted = 0;
    for (pod, _) in PODS {
        wanted += usize::from(render(cx, pod, &[])?.is_some());
    }
    Ok(as_we_write_them(cx)?.len() == wanted)
}

/// The static Pods of a control plane.
pub fn pod_names() -> impl Iterator<Item = &'static str> {
    PODS.iter().map(|(pod, _)| *pod)
}

/// The components as sub-phases, under kubeadm's names.
pub fn items() -> Vec<Item> {
    vec![
        Item { name: "apiserver", short: "Write the static Pod manifest of kube-apiserver" },
        Item { name: "controller-manager", short: "Write the static Pod manifest of kube-controller-manager" },
        Item { name: "scheduler", short: "Write the static Pod manifest of kube-scheduler" },
    ]
}

fn pod_name(target: &Target) -> String {
    format!("kube-{}", target.item())
}

/// The text of a Pod's manifest before patches; None for an etcd that others run.
fn render(cx: &Context, pod: &str, members: &[EtcdMember]) -> Result<Option<String>> {
    let (cluster, node) = (cx.cluster()?, cx.node()?);
    let ca = catalog::cert("ca")?;
    let key = cluster.certificates_dir.join(format!("{}.key", ca.base));
    let input = PodInput {
        cluster,
        node,
        facts: cx.facts()?,
        environment: &cx.vars,
        host_has: &|path| cx.files.exists(path),
        external_ca: !cx.files.exists(&key),
    };
    Ok(match (pod, &cluster.etcd) {
        (ETCD, Etcd::External(_)) => None,
        (ETCD, Etcd::Local(local)) => Some(pods::etcd(&input, local, members)?),
        ("kube-apiserver", _) => Some(pods::kube_apiserver(&input)?),
        ("kube-controller-manager", _) => {
            Some(super::rotation::signing::for_bundle(cx, pod, pods::kube_controller_manager(&input)?)?)
        }
        _ => Some(pods::kube_scheduler(&input)?),
    })
}

/// Makes the folder of manifests. A kubelet that starts without it looks for it again only some seconds later.
///
/// # Errors
/// When it cannot be made.
pub fn create_folder(cx: &Context) -> Result<()> {
    cx.files.create_dir(Path::new(MANIFESTS), FOLDER_MODE)?;
    Ok(())
}

fn write(cx: &Context, pod: &str, members: &[EtcdMember]) -> Result<()> {
    let (Some(text), Some((_, target))) = (render(cx, pod, members)?, PODS.iter().find(|(name, _)| *name == pod))
    else {
        return Ok(());
    };
    let path = path(pod);
    let text = patches::apply(cx, *target, &text)?;
    create_folder(cx)?;
    let written = cx.files.write(&path, &Content::public(text), MANIFEST_MODE)?;
    told::written(cx, &path, written);
    Ok(())
}
