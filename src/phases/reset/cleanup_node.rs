//! Removes what a cluster left on this host: its containers, mounts, files, links and packet rules.
//!
//! Reads: what is there. Writes: the kubelet's state (stopped), what the cluster knows of it, the Pods of the runtime,
//! the kubelet's mounts, the files and folders of the list in `known`, links, packet rules. A mount that is not let go
//! ends it before any file is removed.

use super::discard::discard;
use crate::base::fault::Result;
use crate::context::Context;
use crate::host::service::Services;
use crate::host::{mounts, removal};
use crate::ops::containers::{self, Wanted};
use crate::ops::etcd_member;
use crate::ops::etcd_member::Place;
use crate::ops::network;
use crate::ops::{node_status, reset_progress};
use crate::pipeline::{Action, Target};
use crate::state::artifacts;
use crate::state::cluster_credentials;
use crate::state::local_etcd::{self, may_have_data};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(crate) const SERVICE: &str = "kubelet";
/// With one of these a kubelet has work; without any it only waits for them, on a fresh host too.
const KUBELET_WORK: [&str; 4] = [
    "/etc/kubernetes/bootstrap-kubelet.conf",
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/config.yaml",
    "/var/lib/kubelet/kubeadm-flags.env",
];

/// See the module's text.
pub struct CleanupNode;

impl Action for CleanupNode {
    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        if cx.host.is_live() {
            guard_etcd(cx)?;
            stop_kubelet(cx)?;
            node_status::tell(cx)?;
            containers::remove(cx, Wanted::All)?;
            let flags = cx.reset()?.unmount_flags.clone();
            for path in mounts::release(&cx.host, &artifacts::mounts(cx), &flags)? {
                cx.events.message(format!("unmounted {}", path.display()));
            }
        }
        note_kubelets_own_folder(cx)?;
        note_data_of_etcd(cx)?;
        cluster_credentials::note_what_stays(cx)?;
        remove_files(cx)?;
        if cx.host.is_live() {
            network::remove(cx)?;
        }
        reset_progress::forget(cx)
    }
}

/// The flags that tell of it may go now.
fn note_kubelets_own_folder(cx: &mut Context) -> Result<()> {
    if let Some(folder) = artifacts::kubelets_own_folder(cx).filter(|folder| cx.files.exists(folder)) {
        let shown = folder.display();
        let note =
            format!("{shown}, the kubelet's folder by its flag --root-dir; remove it when nobody needs it any more");
        cx.leaving_mut()?.notes.push(note);
    }
    Ok(())
}

/// Which data of etcd stays, while the manifests still say whose it is.
fn note_data_of_etcd(cx: &mut Context) -> Result<()> {
    if let Some(folder) = local_etcd::local(cx)?.filter(|local| local.has_data).and_then(|local| local.data_dir) {
        cx.leaving_mut()?.own_data = Some(folder.join("member"));
    }
    let Some(servers) = local_etcd::external(cx)? else { return Ok(()) };
    let last = match cx.leaving()?.other_control_planes {
        Some(1..) => return Ok(()),
        Some(0) => "this was the last control plane",
        None => "if this was the last control plane",
    };
    let note = format!(
        "the cluster's data in the external etcd at {}, which reset does not touch; {last}, all objects, Secrets and tokens are \
         still there, and another 'init' with this etcd would adopt them; to remove them, run \
         'etcdctl del --prefix /registry/' there",
        servers.join(", ")
    );
    cx.leaving_mut()?.notes.push(note);
    Ok(())
}

/// Where the phase of etcd was left out, its member stops here all the same.
fn guard_etcd(cx: &mut Context) -> Result<()> {
    if may_have_data(cx)?
        && let Place::Member { .. } = etcd_member::guard(cx)?
    {
        let name = cx.leaving()?.name.clone();
        let what = "this host's member of etcd, which stops, and its data";
        cx.leaving_mut()?
            .notes
            .push(format!("{what}; run 'kubewright node remove {name} --dead' on another control plane"));
    }
    Ok(())
}

/// Stops the kubelet, if it has anything to work on; true when it ran.
///
/// # Errors
/// When it runs and cannot be stopped.
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
        Err(error) if runs_somehow(cx)? => return Err(error.into()),
        Ok(_) | Err(_) => {}
    }
    Ok(false)
}

fn has_work(cx: &Context) -> Result<bool> {
    let pods = removal::names(&cx.host, &Path::new(artifacts::KUBELET).join("pods"))?;
    Ok(KUBELET_WORK.iter().any(|path| cx.files.exists(Path::new(path))) || pods.is_some_and(|pods| !pods.is_empty()))
}

/// True when a kubelet runs, whatever has started it.
fn runs_somehow(cx: &Context) -> Result<bool> {
    let processes = cx.files.list(Path::new("/proc"))?;
    let is_kubelet = |id: &String| {
        let name = cx.files.read_text(&Path::new("/proc").join(id).join("comm"));
        name.ok().flatten().is_some_and(|name| name.trim() == SERVICE)
    };
    Ok(processes.iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).any(is_kubelet))
}

fn remove_files(cx: &mut Context) -> Result<()> {
    let before = cx.gate.count();
    let (links, logs) = (Path::new(artifacts::CONTAINER_LOGS), Path::new(artifacts::POD_LOGS));
    for name in removal::names(&cx.host, links)?.unwrap_or_default() {
        removal::remove_link_into(&cx.host, &links.join(name), logs)?;
    }
    // While the manifests and the journal still say what is whose.
    let mut apart = 0;
    for group in cluster_credentials::groups(cx)? {
        let before = cx.gate.count();
        for path in &group.paths {
            discard(cx, path)?;
        }
        let removed = cx.gate.count() - before;
        apart += removed;
        if removed > 0 {
            let folders: BTreeSet<_> = group.paths.iter().filter_map(|path| path.parent()).collect();
            let folders: Vec<String> = folders.into_iter().map(|folder| folder.display().to_string()).collect();
            cx.events.message(format!("removed {removed} {} in {}", group.what, folders.join(", ")));
        }
    }
    let mut paths = artifacts::pod_logs(cx)?;
    paths.extend(artifacts::free_networks(cx)?);
    paths.extend(artifacts::paths(cx)?);
    for path in paths {
        discard(cx, &path)?;
    }
    let folders: Vec<PathBuf> = artifacts::folders(cx)?;
    for path in folders {
        removal::remove_empty(&cx.host, &artifacts::own_folder(cx, &path)?, &path)?;
    }
    let removed = cx.gate.count() - before - apart;
    if removed > 0 {
        cx.events.message(format!("removed {removed} files and folders of the cluster"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
