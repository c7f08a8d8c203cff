//! Puts the former kubelet back, if the new one does not work.
//!
//! Reads: the record of the upgrade, the copies of files and programs. Writes: the kubelet's files, the packages or programs;
//! restarts the kubelet, uncordons the node.

use super::due::{is_of_kubelet, wanted};
use super::error::HostNotFinished;
use super::proof::prove;
use super::release::uncordon;
use crate::base::fault::{Failure, Result};
use crate::context::upgrading::Begun;
use crate::context::{Run, Upgrading};
use crate::host::packages;
use crate::host::service::Services;
use crate::ops::{rollback, upgrade_progress};
use crate::phases::upgrade::explained::explain;
use std::path::PathBuf;

/// Puts the former kubelet back, and returns the failure with where everything stands.
pub fn put_back(cx: &mut Run<Upgrading>, failure: &Failure) -> Failure {
    let cause = explain(cx, "kubelet", failure);
    cx.events.warning("the new kubelet did not become ready: the former one is put back");
    let outcome = match restore(cx) {
        Ok(outcome) => outcome,
        Err(other) => format!(
            "The former kubelet was not put back completely: {}. Run the same command again to continue.",
            other.with_causes()
        ),
    };
    let version = cx.cluster().map(|cluster| cluster.version.to_string()).unwrap_or_default();
    HostNotFinished::NotReady { version, cause, outcome }.into()
}

fn restore(cx: &mut Run<Upgrading>) -> Result<String> {
    let begun = wanted(cx).and_then(|finish| finish.begun).unwrap_or_default();
    let Begun { kind, former, held, from } = begun;
    let paths: Vec<PathBuf> = cx.work.kept.iter().map(|kept| kept.path.clone()).collect();
    let paths: Vec<PathBuf> = paths.into_iter().filter(|path| is_of_kubelet(path)).collect();
    rollback::restore(cx, &paths)?;
    for path in cx.work.purpose.created.clone() {
        cx.host.files.remove(&path)?;
    }
    if let Some(kind) = kind {
        packages::put_back(&cx.host, kind, &former, &held)?;
    }
    let services = Services::of(&cx.host);
    services.reload_units()?;
    services.restart("kubelet")?;
    let shown = from.as_ref().map_or_else(|| "the former version".into(), ToString::to_string);
    let stays = "What was upgraded before stays as it is.";
    if let Err(failure) = prove(cx, from.as_ref()) {
        return Ok(format!(
            "The kubelet of {shown} and its files were put back, but it does not work either: {failure}. {stays} A node that was \
             cordoned stays cordoned; the same command continues."
        ));
    }
    uncordon(cx)?;
    packages::forget(&cx.host)?;
    upgrade_progress::forget(cx)?;
    Ok(format!("The kubelet of this host is {shown} again, and the node is Ready with it. {stays}"))
}
