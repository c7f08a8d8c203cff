//! Whether the kubelet of this host has to be replaced, and whether it may be.
//!
//! Reads: the kubelet's program, the Node, the API servers. Writes: the record of the upgrade.

use crate::base::fault::Result;
use crate::context::upgrading::{Begun, Finishing, Scope};
use crate::context::{Context, Run, Upgrading};
use crate::domain::paths::KUBELET_DIR;
use crate::host::packages::kubelet_program;
use crate::host::{Command, kubelet_flags};
use crate::kube::kind::{NODE, ObjectRef};
use crate::ops::upgrade_progress;
use crate::state::upgrade::cluster;
use crate::versions::Version;
use serde_json::Value;
use std::path::Path;

/// The replacement of the kubelet, if this run is to make it and nothing keeps it from that.
pub fn wanted(cx: &Run<Upgrading>) -> Option<Finishing> {
    cx.work.purpose.finish.clone().filter(|finish| finish.waits.is_none())
}

/// The replacement of the kubelet, to record results.
pub fn finishing(cx: &mut Run<Upgrading>) -> Option<&mut Finishing> {
    cx.work.purpose.finish.as_mut()
}

/// This host's Node.
pub fn own_node(cx: &Context) -> Result<ObjectRef> {
    Ok(ObjectRef::global(&NODE, &cx.node()?.name))
}

/// The version of the program that the kubelet's service runs; None if it cannot be run.
pub fn installed_version(cx: &Context) -> Option<Version> {
    let program = kubelet_program(&cx.host)?;
    let text = cx.host.read_text(&Command::new([program.display().to_string(), "--version".into()])).ok()?;
    text.trim().strip_prefix("Kubernetes ")?.parse().ok()
}

/// The version that a node reports.
pub fn reported_version(node: &Value) -> Option<Version> {
    node["status"]["nodeInfo"]["kubeletVersion"].as_str()?.parse().ok()
}

/// True if an older kubelet runs, or is installed.
pub fn is_due(cx: &mut Run<Upgrading>) -> Result<bool> {
    let target = cx.cluster()?.version.clone();
    let is_older = |version: Option<Version>| version.is_none_or(|version| version < target);
    if is_older(installed_version(cx)) {
        return Ok(true);
    }
    let name = own_node(cx)?;
    let node = cx.new_cluster()?.read(&name)?;
    Ok(is_older(reported_version(&node)))
}

/// The API servers of an older minor version than the target, behind which a newer kubelet must not run; None if there are
/// none. A worker can only ask the API server that it uses, which preflight does.
pub fn older_api_servers(cx: &mut Run<Upgrading>) -> Result<Option<String>> {
    if cx.work.purpose.scope == Scope::Worker {
        return Ok(None);
    }
    let api = cx.new_cluster()?;
    let (target, own) = (cx.cluster()?.version.clone(), cx.node()?.name.clone());
    let reading = cluster::read(cx, &api)?;
    // The Pod of this host may be shown with its former image for a minute.
    let others = reading.api_servers().into_iter().filter(|server| server.node != own);
    let older = others.filter(|server| server.version.as_ref().is_none_or(|version| version.minor < target.minor));
    let named: Vec<String> = older
        .map(|server| {
            let version = server.version.map_or_else(|| "an unknown version".into(), |version| version.to_string());
            format!("{} has {version}", server.node)
        })
        .collect();
    Ok((!named.is_empty()).then(|| named.join(", ")))
}

/// Records that the replacement has begun. All else of this host is upgraded and ready then, and stays.
pub fn begin(cx: &mut Run<Upgrading>) -> Result<Begun> {
    if let Some(begun) = finishing(cx).and_then(|finish| finish.begun.clone()) {
        return Ok(begun);
    }
    upgrade_progress::keep_only(cx, is_of_kubelet);
    let begun = Begun { from: installed_version(cx), ..Begun::default() };
    record(cx, begun.clone())?;
    Ok(begun)
}

/// Records what has begun.
pub fn record(cx: &mut Run<Upgrading>, begun: Begun) -> Result<()> {
    if let Some(finish) = finishing(cx) {
        finish.begun = Some(begun);
    }
    upgrade_progress::record(cx)
}

/// True for files that go back together with the kubelet: its own, those with its arguments, and the package repositories.
pub fn is_of_kubelet(path: &Path) -> bool {
    let directories = ["/etc/systemd/system", "/etc/apt", "/etc/yum.repos.d", KUBELET_DIR];
    kubelet_flags::FILES.iter().any(|file| path == Path::new(file))
        || directories.iter().any(|directory| path.starts_with(directory))
}
