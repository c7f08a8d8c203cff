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
use crate::ops::{report, reset_progress, upgrade_progress};
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
    fn is_guarded(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let shared = shared_config(cx)?;
        start(cx, &shared, false)
    }
}

/// Writes the kubelet's files and starts it with them.
pub fn start(cx: &mut Context, shared: &str, register_taints: bool) -> Result<()> {
    let mut files = files(cx, shared, register_taints)?;
    for (path, text) in files.iter_mut().filter(|(path, _)| path.ends_with(FLAGS)) {
        keep_pause_image(text, cx.host.files.read_text(path)?);
    }
    // The records of an interrupted reset and of an interrupted upgrade are about the former node of this host.
    reset_progress::forget(cx)?;
    upgrade_progress::forget(cx)?;
    let mut changes = false;
    for (path, text) in &files {
        changes |= cx.host.files.read_text(path)?.as_ref() != Some(text) || cx.host.files.mode(path) != Some(FILE_MODE);
    }
    let skips_aws = changes && cx.host.files.is_live() && cx.facts()?.kubelet_asks_aws && !is_ec2(&cx.host);
    cx.around_kubelet(changes, |cx| {
        cx.host.files.create_dir(Path::new(DIRECTORY), DIRECTORY_MODE)?;
        static_pods::create_directory(cx)?;
        for (path, text) in &files {
            let text = if skips_aws && path.ends_with(FLAGS) { format!("{WITHOUT_AWS}{text}") } else { text.clone() };
            let written = cx.host.files.write(path, &Content::public(text), FILE_MODE)?;
            report::written(cx, path, written);
        }
        Ok(())
    })?;
    if skips_aws {
        // The kubelet has read it. Later starts do not need it, so the file gets its final content.
        for (path, text) in files.iter().filter(|(path, _)| path.ends_with(FLAGS)) {
            cx.host.files.write(path, &Content::public(text.as_str()), FILE_MODE)?;
        }
    }
    Ok(())
}

/// Takes the flags that are there where they name another tag of the same pause image, as after an upgrade with kubeadm: it
/// only says which image the kubelet does not clean up, and is not worth a restart.
fn keep_pause_image(text: &mut String, there: Option<String>) {
    const IMAGE: &str = "--pod-infra-container-image=";
    let without_tag = |text: &str| {
        let word = |word: &str| match word.strip_prefix(IMAGE).and_then(|image| image.rsplit_once(':')) {
            Some((repository, tag)) if !tag.contains('/') => format!("{IMAGE}{repository}"),
            _ => word.to_owned(),
        };
        // The first flag follows the quote.
        text.replace('"', " \" ").split(' ').map(word).collect::<Vec<_>>()
    };
    if let Some(there) = there.filter(|there| without_tag(there) == without_tag(text)) {
        *text = there;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// After an upgrade with kubeadm, `init` restarted the kubelet for the tag of the pause image.
    #[test]
    fn another_tag_of_the_pause_image_does_not_restart_the_kubelet() {
        let flags = |image: &str, more: &str| {
            format!("KUBELET_KUBEADM_ARGS=\"--x=y --pod-infra-container-image={image}{more}\"\n")
        };
        let kept = |there: &str, ours: &str| {
            let mut text = ours.to_owned();
            keep_pause_image(&mut text, Some(there.to_owned()));
            text == there
        };
        let old = flags("registry.k8s.io/pause:3.9", "");
        assert!(kept(&old, &flags("registry.k8s.io/pause:3.10", "")));
        assert!(kept(&flags("r:5000/pause:3.9", " --a=b"), &flags("r:5000/pause:3.10.1", " --a=b")));
        assert!(!kept(&old, &flags("mirror.example/pause:3.9", "")), "another registry was asked for");
        assert!(!kept(&old, &flags("registry.k8s.io/pause:3.10", " --node-ip=10.0.0.4")), "another flag was asked for");
        assert!(!kept(&old, "KUBELET_KUBEADM_ARGS=\"--x=y\"\n"));
        let mut text = old.clone();
        keep_pause_image(&mut text, None);
        assert_eq!(text, old);
    }
}
