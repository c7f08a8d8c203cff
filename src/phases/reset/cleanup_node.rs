//! Removes the files and the state of a cluster from this host: containers, mounts, files, network interfaces and
//! firewall rules.
//!
//! Reads: their current state. Writes: the kubelet's state (stopped), the node's condition in the cluster, the Pods of
//! the runtime, the kubelet's mounts, the files and directories of the list in `artifacts`, network interfaces,
//! iptables and nftables rules. A mount that cannot be unmounted stops it before any file is removed.

use super::discard::discard;
use crate::base::fault::Result;
use crate::context::{Context, Reset, Run};
use crate::host::service::Services;
use crate::host::{mounts, removal};
use crate::ops::containers::{self, Wanted};
use crate::ops::etcd_member;
use crate::ops::etcd_member::EtcdMembership;
use crate::ops::network;
use crate::ops::{node_status, reset_progress, upgrade_progress};
use crate::pipeline::{Phase, Target};
use crate::state::artifacts;
use crate::state::cluster_credentials;
use crate::state::local_etcd::{self, may_have_data};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(crate) const SERVICE: &str = "kubelet";
/// With one of these a kubelet has work; otherwise it only waits for them, also on a fresh host.
const KUBELET_WORK: [&str; 4] = [
    "/etc/kubernetes/bootstrap-kubelet.conf",
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/config.yaml",
    "/var/lib/kubelet/kubeadm-flags.env",
];

pub struct CleanupNode;

impl Phase<Reset> for CleanupNode {
    fn run(&self, cx: &mut Run<Reset>, _: &Target) -> Result<()> {
        if cx.host.is_live() {
            guard_etcd(cx)?;
            stop_kubelet(cx)?;
            node_status::mark_not_ready(cx);
            containers::remove(cx, Wanted::All)?;
            let flags = cx.work.place.unmount_flags.clone();
            for path in mounts::release(&cx.host, &artifacts::mounts(cx), &flags)? {
                cx.events.message(format!("unmounted {}", path.display()));
            }
        }
        report_custom_kubelet_directory(cx);
        report_external_etcd_data(cx)?;
        cluster_credentials::report_kept(cx)?;
        remove_files(cx)?;
        if cx.host.is_live() {
            network::remove(cx);
        }
        upgrade_progress::forget(cx)?;
        reset_progress::forget(cx)
    }
}

/// The flags that contain it may be removed now.
fn report_custom_kubelet_directory(cx: &mut Run<Reset>) {
    if let Some(directory) = artifacts::custom_kubelet_directory(cx).filter(|directory| cx.host.files.exists(directory))
    {
        let shown = directory.display();
        let note =
            format!("{shown}, the kubelet's directory according to its flag --root-dir; remove it when it is unused");
        cx.work.notes.push(note);
    }
}

/// Which etcd data stay, while the manifests still identify them.
fn report_external_etcd_data(cx: &mut Run<Reset>) -> Result<()> {
    if let Some(directory) = local_etcd::local(cx)?.filter(|local| local.has_data).and_then(|local| local.data_dir) {
        cx.work.own_data = Some(directory.join("member"));
    }
    let Some(servers) = local_etcd::external(cx)? else { return Ok(()) };
    let last = match cx.work.other_control_planes {
        Some(1..) => return Ok(()),
        Some(0) => "this was the last control plane",
        None => "if this was the last control plane",
    };
    let note = format!(
        "the cluster's data in the external etcd at {}, which reset does not change; {last}, all objects, Secrets and \
         tokens still exist there, and another 'init' with this etcd would reuse them; to remove them, \
         run 'etcdctl del --prefix /registry/' there",
        servers.join(", ")
    );
    cx.work.notes.push(note);
    Ok(())
}

/// If the etcd phase was skipped, the member stops nevertheless.
fn guard_etcd(cx: &mut Run<Reset>) -> Result<()> {
    if may_have_data(cx)?
        && let EtcdMembership::Member { .. } = etcd_member::guard(cx)?
    {
        let name = cx.work.name.clone();
        let what = "the etcd member of this host, which is stopped, and its data";
        cx.work.notes.push(format!("{what}; run 'kubewright node remove {name} --dead' on another control plane"));
    }
    Ok(())
}

/// Stops the kubelet if it has work; true if it was running.
pub fn stop_kubelet(cx: &mut Context) -> Result<bool> {
    if !has_work(cx)? {
        return Ok(false);
    }
    let services = Services::of(&cx.host);
    match services.state(SERVICE) {
        Ok(state) if state.active => {
            services.stop(SERVICE)?;
            cx.events.message("stopped the kubelet");
            return Ok(true);
        }
        Err(error) if kubelet_is_running(cx)? => return Err(error.into()),
        Ok(_) | Err(_) => {}
    }
    Ok(false)
}

fn has_work(cx: &Context) -> Result<bool> {
    let pods = removal::names(&cx.host, &Path::new(artifacts::KUBELET).join("pods"))?;
    Ok(KUBELET_WORK.iter().any(|path| cx.host.files.exists(Path::new(path)))
        || pods.is_some_and(|pods| !pods.is_empty()))
}

/// True if a kubelet is running, regardless of who started it.
fn kubelet_is_running(cx: &Context) -> Result<bool> {
    let processes = cx.host.files.list(Path::new("/proc"))?;
    let is_kubelet = |id: &String| {
        let name = cx.host.files.read_text(&Path::new("/proc").join(id).join("comm"));
        name.ok().flatten().is_some_and(|name| name.trim() == SERVICE)
    };
    Ok(processes.iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).any(is_kubelet))
}

fn remove_files(cx: &mut Run<Reset>) -> Result<()> {
    let before = cx.host.gate.count();
    let (links, logs) = (Path::new(artifacts::CONTAINER_LOGS), Path::new(artifacts::POD_LOGS));
    for name in removal::names(&cx.host, links)?.unwrap_or_default() {
        removal::remove_link_into(&cx.host, &links.join(name), logs)?;
    }
    // While the manifests and the journal still identify the owners of files.
    let mut apart = 0;
    for group in cluster_credentials::groups(cx)? {
        let before = cx.host.gate.count();
        for path in &group.paths {
            discard(cx, path)?;
        }
        let removed = cx.host.gate.count() - before;
        apart += removed;
        if removed > 0 {
            let directories: BTreeSet<_> = group.paths.iter().filter_map(|path| path.parent()).collect();
            let directories: Vec<String> =
                directories.into_iter().map(|directory| directory.display().to_string()).collect();
            cx.events.message(format!("removed {removed} {} in {}", group.what, directories.join(", ")));
        }
    }
    let mut paths = artifacts::pod_logs(cx)?;
    paths.extend(artifacts::free_networks(cx)?);
    paths.extend(artifacts::paths(cx)?);
    for path in paths {
        discard(cx, &path)?;
    }
    let directories: Vec<PathBuf> = artifacts::directories(cx)?;
    for path in directories {
        removal::remove_empty(&cx.host, &artifacts::owning_directory(cx, &path)?, &path)?;
    }
    let removed = cx.host.gate.count() - before - apart;
    if removed > 0 {
        cx.events.message(format!("removed {removed} files and directories of the cluster"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
