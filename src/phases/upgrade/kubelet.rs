//! The kubelet's files on this host for the target version: its configuration, its flags, and the API server that it uses.
//!
//! The kubelet is not restarted for its configuration: its program is still of the former version. It reads the files when
//! it starts with the new one.
//!
//! Reads: the ConfigMap of the kubelets, the patches, the files. Writes: `/var/lib/kubelet/config.yaml`,
//! `instance-config.yaml` in minor versions that have it, `kubeadm-flags.env`; `kubelet.conf`, where the target version has
//! the kubelets of control planes use their own API server, for which the kubelet is restarted.

use super::going_back::go_back;
use crate::base::fault::Result;
use crate::base::files::{Content, Written};
use crate::config::kubeconfig::Kubeconfig;
use crate::context::{Run, Upgrading};
use crate::domain::paths::{KUBELET_CONF, KUBELET_FLAGS};
use crate::ops::running::ThisHost;
use crate::ops::{kubelet_service, report, upgrade_progress};
use crate::pipeline::{Phase, Target};
use crate::pki::catalog::Server;
use crate::pki::kubeconfigs::server_url;
use crate::render::kubelet::{cleaned_flags, uses_instance_config};
use crate::state::upgrade::cluster::kubelet_config;
use crate::state::upgrade::files::kubelet_files;
use std::path::{Path, PathBuf};

const FILE_MODE: u32 = 0o644;
const INSTANCE_CONFIG: &str = "instance-config.yaml";

/// The configuration and the flags.
pub struct KubeletFiles;

impl Phase<Upgrading> for KubeletFiles {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        // After the upload, in an upgrade of the cluster.
        let now = cx.cluster()?.clone();
        let Some((_, shared)) = kubelet_config(&cluster, &now)? else {
            cx.events
                .warning("the cluster has no ConfigMap with the kubelet's configuration: the kubelet's files stay");
            return Ok(());
        };
        write(cx, kubelet_files(cx, &shared)?)
    }
}

/// Writes the files that differ, and cleans the flags.
pub fn write(cx: &mut Run<Upgrading>, mut files: Vec<(PathBuf, String)>) -> Result<()> {
    let flags = Path::new(KUBELET_FLAGS);
    if let Some(text) = cx.host.files.read_text(flags)? {
        let has_instance = uses_instance_config(cx.cluster()?, cx.facts()?);
        files.push((flags.into(), cleaned_flags(&text, cx.facts()?, has_instance)));
    }
    // A kubelet that is started in between finds its socket in one of them.
    files.sort_by_key(|(path, _)| {
        [INSTANCE_CONFIG, "config.yaml"].iter().position(|name| path.ends_with(name)).unwrap_or(usize::MAX)
    });
    replace(cx, files, |there, text| there == text)
}

/// Writes the files that are not the same as those on disk, after these were kept.
pub fn replace(
    cx: &mut Run<Upgrading>,
    files: Vec<(PathBuf, String)>,
    is_same: impl Fn(&str, &str) -> bool,
) -> Result<()> {
    let mut changed = Vec::new();
    for (path, text) in files {
        if !cx.host.files.read_text(&path)?.is_some_and(|there| is_same(&there, &text)) {
            changed.push((path, text));
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    upgrade_progress::keep(cx, &changed.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>())?;
    for (path, text) in changed {
        let mode = cx.host.files.mode_or(&path, FILE_MODE);
        let written = cx.host.files.write(&path, &Content::public(text), mode)?;
        report::written(cx, &path, written);
    }
    Ok(())
}

/// The API server in `kubelet.conf`.
pub struct KubeletServer;

impl Phase<Upgrading> for KubeletServer {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        if switch(cx)? {
            kubelet_service::mark_due(cx)?;
        }
        if let Err(failure) = kubelet_service::restart_if_due(cx) {
            let host = ThisHost::find(cx)?;
            return Err(go_back(cx, "the kubelet", &failure, &host));
        }
        Ok(())
    }
}

/// Has the kubelet use the API server of this host, if it uses the shared address and the target version wants that.
fn switch(cx: &mut Run<Upgrading>) -> Result<bool> {
    let path = Path::new(KUBELET_CONF);
    let (cluster, node, facts) = (cx.cluster()?, cx.node()?, cx.facts()?);
    let wanted = server_url(Server::Kubelet, cluster, node, facts);
    let shared = server_url(Server::Shared, cluster, node, facts);
    let Some(bytes) = cx.host.files.read(path)? else { return Ok(false) };
    let mut config = Kubeconfig::parse(path, &bytes)?;
    let Some(own) = config.current_cluster_mut().filter(|own| own.server == shared && shared != wanted) else {
        return Ok(false);
    };
    own.server = wanted;
    upgrade_progress::keep(cx, &[path.into()])?;
    let mode = cx.host.files.mode_or(path, 0o600);
    let written = cx.host.files.write(path, &config.content()?, mode)?;
    report::written(cx, path, written);
    Ok(written != Written::Unchanged)
}
