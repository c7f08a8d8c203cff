//! The kubelet's files, and its start.
//!
//! Reads: the configuration, the patches, the host's name and resolver. Writes: `/var/lib/kubelet/config.yaml`,
//! `instance-config.yaml` (in minor versions that have it), `kubeadm-flags.env`, and the directory of static Pods;
//! then starts the kubelet.

use crate::base::fault::Result;
use crate::base::files::Content;
use crate::context::Context;
use crate::host::facts::is_ec2;
use crate::ops::static_pods;
use crate::ops::{report, reset_progress};
use crate::pipeline::{Action, Target};
use crate::render::kubelet::{self, FlagsInput, NodeInput, SharedInput, WITHOUT_AWS};
use crate::render::patches::Target as PatchTarget;
use crate::state::patches;
use std::path::{Path, PathBuf};

const DIRECTORY: &str = "/var/lib/kubelet";
const FLAGS: &str = "kubeadm-flags.env";
/// The directory contains the kubelet's private keys.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o644;

pub struct KubeletStart;

impl Action for KubeletStart {
    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let shared = shared_config(cx)?;
        start(cx, &shared, false)
    }
}

/// Writes the kubelet's files and starts it with them.
pub fn start(cx: &mut Context, shared: &str, register_taints: bool) -> Result<()> {
    let files = files(cx, shared, register_taints)?;
    // The progress file of an interrupted reset is about the former node of this host.
    reset_progress::forget(cx)?;
    let mut changes = false;
    for (path, text) in &files {
        changes |= cx.files.read_text(path)?.as_ref() != Some(text) || cx.files.mode(path) != Some(FILE_MODE);
    }
    let skips_aws = changes && cx.files.is_live() && cx.facts()?.kubelet_asks_aws && !is_ec2(&cx.host);
    cx.around_kubelet(changes, |cx| {
        cx.files.create_dir(Path::new(DIRECTORY), DIRECTORY_MODE)?;
        static_pods::create_directory(cx)?;
        for (path, text) in &files {
            let text = if skips_aws && path.ends_with(FLAGS) { format!("{WITHOUT_AWS}{text}") } else { text.clone() };
            let written = cx.files.write(path, &Content::public(text), FILE_MODE)?;
            report::written(cx, path, written);
        }
        Ok(())
    })?;
    if skips_aws {
        // The kubelet has read it. Later starts do not need it, so the file gets its final content.
        for (path, text) in files.iter().filter(|(path, _)| path.ends_with(FLAGS)) {
            cx.files.write(path, &Content::public(text.as_str()), FILE_MODE)?;
        }
    }
    Ok(())
}

/// The kubelet's files on this host and their content.
fn files(cx: &Context, shared: &str, register_taints: bool) -> Result<Vec<(PathBuf, String)>> {
    let socket = cx.cri_socket()?;
    let (cluster, node, facts) = (cx.cluster()?, cx.node()?, cx.facts()?);
    let instance =
        kubelet::uses_instance_config(cluster, facts).then(|| kubelet::instance_config(&socket)).transpose()?;
    let config = kubelet::node_config(
        shared,
        &NodeInput {
            facts,
            systemd_resolved: cx.systemd_resolved(),
            instance_config: instance.as_deref(),
            patches: &patches::load_for(cx, PatchTarget::KubeletConfiguration)?,
        },
    )?;
    let flags = kubelet::flags_env(&FlagsInput {
        cluster,
        node,
        facts,
        cri_socket: &socket,
        host_name: &cx.host_name()?,
        register_taints,
    });
    let files = [(FLAGS, Some(flags)), ("instance-config.yaml", instance), ("config.yaml", Some(config))];
    Ok(files.into_iter().filter_map(|(name, text)| Some((Path::new(DIRECTORY).join(name), text?))).collect())
}

/// The configuration that all kubelets of the cluster share.
pub fn shared_config(cx: &Context) -> Result<String> {
    Ok(kubelet::shared_config(&SharedInput {
        cluster: cx.cluster()?,
        facts: cx.facts()?,
        systemd_resolved: cx.systemd_resolved(),
    })?)
}
