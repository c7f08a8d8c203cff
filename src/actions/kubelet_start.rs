//! The kubelet's files, and its start.
//!
//! Reads: the configuration, the patches, the host's name and resolver. Writes:
//! `/var/lib/kubelet/config.yaml`, `instance-config.yaml` (in minors that have it) and
//! `kubeadm-flags.env`; then restarts the kubelet where it runs with others.

use super::{patches, told};
use crate::base::fault::Result;
use crate::base::files::{Content, Written};
use crate::context::Context;
use crate::pipeline::{Action, Target};
use crate::render::kubelet::{self, FlagsInput, NodeInput, SharedInput};
use std::path::Path;

const FOLDER: &str = "/var/lib/kubelet";
/// The folder holds the kubelet's private keys.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o644;

/// See the module's text.
pub struct KubeletStart;

impl Action for KubeletStart {
    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let shared = shared_config(cx)?;
        write_files(cx, &shared, false)?;
        Ok(())
    }
}

/// Writes the kubelet's files; true when one of them changed.
///
/// # Errors
/// When a patch does not apply or a file cannot be written.
pub fn write_files(cx: &mut Context, shared: &str, register_taints: bool) -> Result<bool> {
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
            patches: &patches::load(cx)?,
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
    let folder = Path::new(FOLDER);
    cx.files.create_dir(folder, FOLDER_MODE)?;
    let files = [("kubeadm-flags.env", Some(flags)), ("instance-config.yaml", instance), ("config.yaml", Some(config))];
    let mut changed = false;
    for (name, text) in files {
        let Some(text) = text else { continue };
        let path = folder.join(name);
        let written = cx.files.write(&path, &Content::public(text), FILE_MODE)?;
        changed |= written != Written::Unchanged;
        told::written(cx, &path, written);
    }
    Ok(changed)
}

/// The configuration that all kubelets of the cluster share.
///
/// # Errors
/// When the command has no cluster configuration.
pub fn shared_config(cx: &Context) -> Result<String> {
    Ok(kubelet::shared_config(&SharedInput {
        cluster: cx.cluster()?,
        facts: cx.facts()?,
        docker_cgroup_driver: None,
        systemd_resolved: cx.systemd_resolved(),
    })?)
}
